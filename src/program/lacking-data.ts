// What is said of a data directory that is none yet: missing, empty, or a copy that is not finished. A program that PostgreSQL
// calls loads it only for that.
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { homeBeside, isDataDirectory, type Call } from './home.ts';
import { errnoOf, ProgramError } from './program-error.ts';

/** The file in a data directory that says that a copy has begun and has not ended (copying/near/note.ts). */
export const noteName = '.twowarm-copying';

/** Undefined where it is not there, or is no directory that we may read: that is another fault. */
function namesIn(directory: string): string[] | 'none' | undefined {
  try {
    return readdirSync(directory);
  } catch (error) {
    return errnoOf(error) === 'ENOENT' ? 'none' : undefined;
  }
}

function hasHome(dataDirectory: string): boolean {
  try {
    return existsSync(join(homeBeside(dataDirectory), 'twowarm.toml'));
  } catch {
    return false;
  }
}

/**
 * Undefined: it is none of these. `isCopy`: a copy is expected there, so that one without pg_control is none that lost it, but
 * not finished, whoever makes it.
 */
export function lackingData(dataDirectory: string, isCopy = false): ProgramError | undefined {
  const names = namesIn(dataDirectory);
  if (names === undefined) return undefined;
  if (names === 'none' || names.every((name) => name === 'lost+found')) {
    const how = names === 'none' ? 'does not exist' : 'is empty';
    return new ProgramError('data-directory', `the data directory ${dataDirectory} ${how}`, {
      hint: hasHome(dataDirectory)
        ? 'Its data come by copyToStandby, or copyToDR, called on the primary; then call configStandby here.'
        : 'Name the data directory of a cluster with -D. For a new standby: twowarm init here, then copyToStandby on the primary.',
    });
  }
  const hasNote = names.includes(noteName);
  const isCut =
    isCopy && isDataDirectory(dataDirectory) && !existsSync(join(dataDirectory, 'global', 'pg_control'));
  if (!hasNote && !isCut) return undefined;
  return new ProgramError('copy-unfinished', `the copy in ${dataDirectory} is not finished`, {
    detail: hasNote
      ? `${noteName} in it says that a copy is under way, or was interrupted.`
      : 'There is no global/pg_control, which comes last.',
    hint: 'On the primary, call copyToStandby, or copyToDR, again: it goes on where it ended. Then configure the standby.',
  });
}

/** The fault of a call that found no place (home.ts), with what its data directory lacks instead where that is the reason. */
export function explainPlace(fault: unknown, call: Call): unknown {
  const { dataDirectoryOption: named, workingDirectory, environment } = call;
  if (!(fault instanceof ProgramError) || !['data-directory', 'settings'].includes(fault.kind)) return fault;
  if (named !== undefined) return lackingData(resolve(workingDirectory, named)) ?? fault;
  if (isDataDirectory(workingDirectory)) return fault;
  const [variable, here] = [environment['PGDATA'], workingDirectory];
  const meant = variable || (hasHome(here) ? here : undefined);
  return (meant === undefined ? undefined : lackingData(resolve(here, meant))) ?? fault;
}
