// PostgreSQL's own pg_basebackup, of the version of the server or a newer one, where that is installed.
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { programDirectoryFromOpts } from '../../postgres/postmaster-options.ts';
import { exec, plainEnvironment, systemPath } from '../../program/exec.ts';
import { ProgramError } from '../../program/program-error.ts';
import type { Settings } from '../../program/settings/settings.ts';

export interface Searching {
  settings: Settings;
  /** Of the server. */
  major: number;
  environment: Readonly<Record<string, string | undefined>>;
  signal: AbortSignal;
}

/** Undefined where the program cannot be run, or says something else. */
async function majorOf(path: string, { environment, signal }: Searching): Promise<number | undefined> {
  const said = await exec(path, ['--version'], { environment: plainEnvironment(environment), signal }).catch(
    () => undefined,
  );
  signal.throwIfAborted();
  const [, major] = /^pg_basebackup \(PostgreSQL\) (\d+)/.exec(said?.stdout ?? '') ?? [];
  return major === undefined ? undefined : Number(major);
}

/** Its path; `program-missing` where it is nowhere, or only one that is older than the server, which it would refuse. */
export async function findPgBasebackup(searching: Searching): Promise<string> {
  const { major } = searching;
  const { server, dataDirectory, configurationFile } = searching.settings;
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
  const older = new Map<string, string>();
  for (const path of candidates.filter((each) => existsSync(each))) {
    const real = realpathSync(path);
    if (older.has(real)) continue;
    const found = await majorOf(path, searching);
    if (found !== undefined && found >= major) return path;
    const what = found === undefined ? 'does not say its version' : `is of PostgreSQL ${found}`;
    older.set(real, `${path} ${what}`);
  }
  throw new ProgramError('program-missing', `cannot find pg_basebackup of PostgreSQL ${major}`, {
    detail:
      older.size > 0
        ? `${[...older.values()].join('; ')}.`
        : `It is neither beside the server's programs nor in ${systemPath}.`,
    hint: `Install PostgreSQL's client programs, set node.pg_bindir in ${configurationFile}, or leave --method out.`,
  });
}
