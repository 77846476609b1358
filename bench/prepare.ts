// What a measurement needs: twowarm installed from its packed tarball, and a stopped cluster whose pg_wal holds real,
// full segments, all of them waiting to be archived.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from '../test/harness/cluster.ts';
import { createCluster } from '../test/harness/create-cluster.ts';
import { findPostgres } from '../test/harness/postgres-binaries.ts';
import { run } from '../test/harness/run.ts';
import type { Sandbox } from '../test/harness/sandbox.ts';

const root = join(import.meta.dirname, '..');

async function must(command: string, args: string[], cwd: string): Promise<string> {
  // As ourselves and with our environment: npm finds its registry and certificates there.
  const env = Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const result = await run(command, args, { cwd, env, user: 'self', timeoutMs: 300_000 });
  if (result.code !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${result.stderr}`);
  return result.stdout;
}

/** Packs the checkout and installs the tarball as a user would; the directory of its programs. */
export async function installFromTarball(sandbox: Sandbox): Promise<string> {
  const directory = sandbox.directory('install');
  const packed = await must(
    'npm',
    ['pack', '--silent', '--ignore-scripts', '--pack-destination', directory],
    root,
  );
  const tarball = join(directory, packed.trim().split('\n').at(-1)!);
  await must(
    'npm',
    ['install', '--silent', '--no-audit', '--no-fund', '--prefix', directory, tarball],
    directory,
  );
  return join(directory, 'node_modules', 'twowarm', 'bin');
}

export interface Segments {
  cluster: Cluster;
  /** Names of full segments in pg_wal, oldest first. */
  names: string[];
}

/** A cluster that was stopped with at least `count` full segments of ordinary table traffic in pg_wal. */
export async function makeSegments(sandbox: Sandbox, count: number): Promise<Segments> {
  const cluster = await createCluster(sandbox, {
    postgres: findPostgres(),
    name: 'primary',
    settings: { archive_mode: 'on', archive_command: 'false', max_wal_size: '4GB', fsync: 'off' },
  });
  await cluster.start();
  await cluster.query('create table load (id bigint, words text)');
  const finished = () => readdirSync(join(cluster.dataDirectory, 'pg_wal', 'archive_status')).length;
  while (finished() < count) {
    await cluster.query(
      'insert into load select n, repeat(md5(n::text || random()::text), 8) from generate_series(1, 40000) n',
    );
  }
  await cluster.stop('immediate');
  const names = readdirSync(join(cluster.dataDirectory, 'pg_wal', 'archive_status'))
    .filter((name) => name.endsWith('.ready'))
    .map((name) => name.slice(0, 24))
    .sort()
    .slice(0, count);
  return { cluster, names };
}
