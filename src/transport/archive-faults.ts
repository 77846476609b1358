// The words of what goes wrong with an archive, for the one who reads them in the server's log at night.
import { errnoOf, ProgramError } from '../program/program-error.ts';
import type { Difference } from './publish.ts';

/** The archive has other bytes under this name. */
export function duplicateFault(
  name: string,
  url: string,
  { differsAt, existingBytes, newBytes, inBothForms }: Difference,
): ProgramError {
  const where = differsAt === undefined ? 'their contents differ' : `they differ from byte ${differsAt} on`;
  const outcome = inBothForms
    ? `Both are there now, one plain and one as ${name}.zst, and nobody is given either.`
    : 'Neither was touched.';
  return new ProgramError('archive-duplicate', `${name} exists at ${url} with different content`, {
    detail: `The archive's copy has ${existingBytes} bytes, this one ${newBytes}; ${where}. ${outcome}`,
    hint: "Two servers archive to one place, or a restored copy of the cluster does, or the archive's copy is damaged, or was archived by hand while PostgreSQL still wrote it. Find out which copy is right.",
  });
}

/** What helps where a file could not be stored. */
export function hintFor(error: unknown): string | undefined {
  const code = errnoOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return 'PostgreSQL keeps the file and tries again. Make room there before pg_wal is full, too.';
  }
  return code === 'EACCES'
    ? 'The owner of the data directory must be able to read and write there.'
    : undefined;
}

/**
 * The line that reaches the server's log has to name the file: a fault that does not (the archive is missing, or another
 * cluster's) gets "could not <what>" in front. `what` ends in the name: "store 0000…".
 */
export function namingFile(what: string, error: unknown): unknown {
  if (!(error instanceof ProgramError)) return error;
  const { kind, message, detail, hint, cause } = error;
  if (message.includes(what.slice(what.lastIndexOf(' ') + 1))) return error;
  return new ProgramError(kind, `could not ${what}: ${message}`, { detail, hint, cause });
}
