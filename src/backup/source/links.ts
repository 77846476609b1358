// Symbolic links within a cluster. A base backup follows those of pg_wal and pg_tblspc only: what lies behind another one would be
// lacking in the copy, which nobody would notice before its server needs it.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fromSystemError, ProgramError } from '../../program/program-error.ts';

/** Those whose content a copy needs, relative to the data directory. */
const needed: ReadonlySet<string> = new Set([
  'base',
  'global',
  'pg_commit_ts',
  'pg_logical',
  'pg_multixact',
  'pg_multixact/members',
  'pg_multixact/offsets',
  'pg_twophase',
  'pg_xact',
]);

function linksIn(dataDirectory: string, directory: string): string[] {
  const path = join(dataDirectory, directory);
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isSymbolicLink())
      .map(({ name }) => (directory === '' ? name : `${directory}/${name}`));
  } catch (error) {
    const { message } = fromSystemError(error, `could not read the directory "${path}"`);
    throw new ProgramError('data-directory', message, { cause: error });
  }
}

/** Throws for a directory of the cluster, or of a database, that somebody has moved away behind a link. */
export function refuseLinks(dataDirectory: string): void {
  const isNeeded = (path: string): boolean => needed.has(path) || path.startsWith('base/');
  const top = linksIn(dataDirectory, '').filter(isNeeded);
  const [found] =
    top.length > 0
      ? top
      : ['base', 'pg_multixact'].flatMap((each) => linksIn(dataDirectory, each)).filter(isNeeded);
  if (found === undefined) return;
  throw new ProgramError(
    'data-directory',
    `cannot copy ${dataDirectory}: "${found}" in it is a symbolic link`,
    {
      detail: 'No base backup follows it: what is there would be lacking in the copy.',
      hint: 'Stop the server and put the directory back into its place; for another disk there are tablespaces.',
    },
  );
}
