// PostgreSQL's own pg_basebackup, of the version of the server where that is installed.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { programDirectoryFromOpts } from '../../postgres/postmaster-options.ts';
import { systemPath } from '../../program/exec.ts';
import { ProgramError } from '../../program/program-error.ts';
import type { Settings } from '../../program/settings/settings.ts';

/** Its path; `program-missing` where it is nowhere. */
export function findPgBasebackup(
  { server, dataDirectory, configurationFile }: Settings,
  major: number,
): string {
  const directories = [
    server.programDirectory,
    programDirectoryFromOpts(dataDirectory),
    `/usr/lib/postgresql/${major}/bin`,
    `/usr/pgsql-${major}/bin`,
    ...systemPath.split(delimiter),
  ];
  const candidates = directories
    .filter((directory) => directory !== undefined)
    .map((directory) => join(directory, 'pg_basebackup'));
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new ProgramError('program-missing', `cannot find pg_basebackup of PostgreSQL ${major}`, {
    detail: `It is neither beside the server's programs nor in ${systemPath}.`,
    hint: `Install PostgreSQL's client programs, set node.pg_bindir in ${configurationFile}, or leave --method out.`,
  });
}
