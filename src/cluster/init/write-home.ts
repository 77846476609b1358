// The home on disk: made whole or refused before anything is made. Directories first, the configuration last, because with it
// the node begins to be one.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  archivingStatePath,
  writeArchivingState,
  type ArchivingState,
} from '../../program/archiving-state.ts';
import { differenceOf } from '../../program/differences.ts';
import { fromSystemError, ProgramError } from '../../program/program-error.ts';
import { checkHome } from '../../program/settings/trust.ts';
import { createSmallFile, ensureDirectory } from '../../program/small-file.ts';
import { shellWord } from '../../program/shell-word.ts';
import { nameOfUser } from '../../program/owner-words.ts';

/** A file of the home besides the configuration, relative to it. */
export interface HomeFile {
  path: string;
  content: string;
}

export interface HomePlan {
  home: string;
  configuration: string;
  text: string;
  /** Made only where it is the home's own: any other one is made by whoever mounts what it lies on. */
  archiveDirectory: string;
  files: readonly HomeFile[];
  /** Written where it is not the default. */
  archiving: ArchivingState;
}

/** What stands in temporary names; the node has no id yet. */
const writer = 'init';

function readIfThere(path: string): string | undefined {
  try {
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  } catch (error) {
    throw fromSystemError(error, `could not read ${path}`);
  }
}

/** 'free': there is none; 'same': one with exactly this text. Else what is different, as lines. */
export function compareConfiguration({ configuration, text }: HomePlan): 'free' | 'same' | string[] {
  const found = readIfThere(configuration);
  if (found === undefined) return 'free';
  return found === text ? 'same' : differenceOf(found, text);
}

/** A configuration is never written over. */
export function refuseOther({ configuration }: HomePlan): never {
  throw new ProgramError(
    'configuration-exists',
    `${configuration} exists, and is not what would be written`,
    { hint: 'twowarm init never overwrites a configuration. Change it by hand, or move it away.' },
  );
}

/** What will be made, in order: paths, the directories with a slash. */
export function listMissing(plan: HomePlan): string[] {
  const isOwn = dirname(plan.archiveDirectory) === plan.home;
  const directories = [plan.home, ...(isOwn ? [plan.archiveDirectory] : []), ...directoriesOf(plan)];
  const state = plan.archiving === 'on' ? [] : [archivingStatePath(plan.home)];
  const files = [...plan.files.map(({ path }) => join(plan.home, path)), ...state, plan.configuration];
  return [
    ...directories.filter((path) => !existsSync(path)).map((path) => `${path}/`),
    ...files.filter((path) => !existsSync(path)),
  ];
}

const directoriesOf = ({ home, files }: HomePlan): string[] => [
  ...new Set(files.map(({ path }) => join(home, dirname(path)))),
];

/** A clear word where the server's user may not make the home beside its data directory. */
function makeHome(home: string): void {
  try {
    ensureDirectory(home);
  } catch (error) {
    if (!(error instanceof ProgramError) || error.kind !== 'permission-denied') throw error;
    const user = nameOfUser(process.geteuid?.() ?? 0);
    throw new ProgramError('permission-denied', error.message, {
      detail: `${dirname(home)} belongs to ${nameOfUser(statSync(dirname(home)).uid)}; the home is made as ${user}.`,
      hint: `As root: install -d -m 700 -o ${shellWord(user)} -g "$(id -g ${shellWord(user)})" ${shellWord(home)}`,
      cause: error,
    });
  }
}

/** Makes what is missing; what is there is left as it is. Durable on return. Gives the paths that it has made. */
export function writeHome(plan: HomePlan): string[] {
  const missing = listMissing(plan);
  makeHome(plan.home);
  checkHome(plan.home);
  if (dirname(plan.archiveDirectory) === plan.home) ensureDirectory(plan.archiveDirectory);
  for (const directory of directoriesOf(plan)) ensureDirectory(directory);
  for (const { path, content } of plan.files) createSmallFile(join(plan.home, path), content, writer);
  // Before the configuration: a node must not archive for a moment where it is not to. A state that somebody has set stays.
  if (plan.archiving !== 'on' && !existsSync(archivingStatePath(plan.home)))
    writeArchivingState(plan.home, plan.archiving, writer);
  if (!createSmallFile(plan.configuration, plan.text, writer) && compareConfiguration(plan) !== 'same')
    refuseOther(plan);
  return missing;
}
