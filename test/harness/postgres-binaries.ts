// Where PostgreSQL's programs are: the machine's own servers, and majors 10 to 18 from test/servers, which are
// installed when a test first asks for one. The embedded ones have initdb, pg_ctl and postgres, and no client tools.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { copyTree } from './copy-tree.ts';
import { runDirectory } from './run-directory.ts';
import { serverUserCanEnter } from './server-user.ts';

export interface PostgresBinaries {
  readonly major: number;
  /** As the server says it: '15.18'. */
  readonly version: string;
  readonly bindir: string;
  readonly kind: 'system' | 'embedded';
}

const SERVERS = join(import.meta.dirname, '..', 'servers');
const DEBIAN = '/usr/lib/postgresql';

/** The majors that test/servers carries. */
export const EMBEDDED_MAJORS: readonly number[] = [10, 11, 12, 13, 14, 15, 16, 17, 18];

/**
 * The binaries of a major, or of the newest one: the machine's if it has them, else the embedded ones.
 * TWOWARM_POSTGRES=system or =embedded allows only one of the two. Throws when there are none.
 */
export function findPostgres(major?: number): PostgresBinaries {
  const only = process.env['TWOWARM_POSTGRES'];
  const onMachine = only === 'embedded' ? undefined : findOnMachine(major);
  if (onMachine !== undefined) return onMachine;
  if (only === 'system') throw new Error(`this machine has no PostgreSQL ${major ?? 'server'}`);
  return embeddedPostgres(major ?? Math.max(...EMBEDDED_MAJORS));
}

/** The machine's newest server, or its server of that major: Debian's layout first, then pg_config's. */
export function findOnMachine(major?: number): PostgresBinaries | undefined {
  const majors = existsSync(DEBIAN) ? readdirSync(DEBIAN).map(Number).filter(Number.isInteger) : [];
  const bindirs = majors.sort((a, b) => b - a).map((found) => join(DEBIAN, String(found), 'bin'));
  const configured = spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' });
  if (configured.status === 0) bindirs.push(configured.stdout.trim());
  for (const bindir of bindirs) {
    // A machine with only the client's packages has the directory, too.
    if (!executable(join(bindir, 'initdb')) || !executable(join(bindir, 'postgres'))) continue;
    const binaries = describe(bindir, 'system');
    if (major === undefined || binaries.major === major) return binaries;
  }
  return undefined;
}

/** The embedded server of a major, where the server user can run it. */
export function embeddedPostgres(major: number): PostgresBinaries {
  if (!EMBEDDED_MAJORS.includes(major)) throw new Error(`there is no embedded PostgreSQL ${major}`);
  if (process.arch !== 'x64')
    throw new Error(`embedded PostgreSQL is for x64 only, this machine is ${process.arch}`);
  ensureServers();
  // Only native/ is the server; its programs find share/ and lib/ beside bin/.
  const carried = join(SERVERS, 'node_modules', `pg${major}`, 'native');
  if (serverUserCanEnter(join(carried, 'bin'))) return describe(join(carried, 'bin'), 'embedded');
  const staged = join(runDirectory(), 'servers', `pg${major}`);
  copyTree(carried, staged, 'link');
  if (!serverUserCanEnter(join(staged, 'bin'))) throw new Error(`the server user cannot enter ${staged}`);
  return describe(join(staged, 'bin'), 'embedded');
}

/** Installs the packages of test/servers unless they are; safe for callers in parallel. Takes about 20 s and 600 MB. */
export function ensureServers(): void {
  const installed = spawnSync('sh', [join(SERVERS, 'ready.sh')], {
    stdio: ['ignore', 2, 2],
  });
  if (installed.status !== 0) throw new Error(`could not install the servers of the tests, see above`);
}

function describe(bindir: string, kind: PostgresBinaries['kind']): PostgresBinaries {
  const answer = spawnSync(join(bindir, 'postgres'), ['--version'], { encoding: 'utf8', env: {} });
  const version = /(\d+)(?:\.\d+|devel|beta\d+|rc\d+)/.exec(answer.stdout)?.[0];
  if (version === undefined)
    throw new Error(`${bindir}/postgres does not tell its version: ${answer.stderr}`);
  return { major: Number.parseInt(version, 10), version, bindir, kind };
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
