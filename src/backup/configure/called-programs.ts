// The commands that a standby's server calls, as they stand in its settings: quoted for the shell, with PostgreSQL's placeholders,
// and with what of the environment the server will not have when it calls.
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { findPlace, homeBeside } from '../../program/home.ts';
import { installedAt } from '../../program/installed-at.ts';
import { ProgramError } from '../../program/program-error.ts';
import type { Settings } from '../../program/settings/settings.ts';
import { shellWord } from '../../program/shell-word.ts';
import { directoriesAmong } from '../../transport/open.ts';

export interface CalledPrograms {
  restoreCommand: string;
  /** Undefined: nothing is to be removed by a command of its own. */
  cleanupCommand: string | undefined;
}

/** A word for sh in a command of PostgreSQL's, which makes something of each %. */
function word(text: string): string {
  if (/[\n\r\0]/.test(text))
    throw new ProgramError('settings', `cannot write ${JSON.stringify(text)} into a setting of PostgreSQL`, {
      detail: 'There is a line feed in it.',
    });
  return shellWord(text).replaceAll('%', '%%');
}

/** NAME=value before the program where the server would not find the home or the configuration by itself. */
function assignments({ home, configurationFile, dataDirectory }: Settings): string[] {
  const real = realpathSync(dataDirectory);
  const ownHome = homeBeside(real) === home ? [] : [`TWOWARM_HOME=${word(home)}`];
  return isFound(configurationFile, real, ownHome.length > 0 ? home : undefined)
    ? ownHome
    : [...ownHome, `TWOWARM_CONFIG=${word(configurationFile)}`];
}

function isFound(configurationFile: string, workingDirectory: string, home: string | undefined): boolean {
  try {
    const environment = home === undefined ? {} : { TWOWARM_HOME: home };
    const found = findPlace({ environment, workingDirectory });
    return realpathSync(found.configurationFile) === realpathSync(configurationFile);
  } catch {
    return false;
  }
}

/** Segments before the restart point go by restore.prune or by archive_cleanup_command, never by both. */
const isCleanedUp = ({ restore }: Settings, keepArchive: boolean): boolean =>
  !keepArchive && !restore.prune && directoriesAmong(restore.sources).length > 0;

export function calledPrograms(
  settings: Settings,
  keepArchive: boolean,
  root = installedAt(),
): CalledPrograms {
  const before = assignments(settings);
  const program = (name: string): string => word(join(root, 'bin', name));
  return {
    restoreCommand: [...before, program('restoreWALFile'), '%f %p %r'].join(' '),
    cleanupCommand: isCleanedUp(settings, keepArchive)
      ? [...before, program('twowarm'), 'prune %r'].join(' ')
      : undefined,
  };
}
