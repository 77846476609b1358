// The primary that is measured: a pgbench database with checksums, archiving through us, reachable as a destination here and over
// ssh.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from '../test/harness/cluster.ts';
import { createCluster } from '../test/harness/create-cluster.ts';
import { findPostgres } from '../test/harness/postgres-binaries.ts';
import { run } from '../test/harness/run.ts';
import type { Sandbox } from '../test/harness/sandbox.ts';
import type { Sshd } from '../test/harness/sshd.ts';
import { waitFor } from '../test/harness/wait-for.ts';

export interface Primary {
  cluster: Cluster;
  /** The directory of PostgreSQL's programs. */
  programs: string;
  /** The directory of ours. */
  bin: string;
  /** What the last call of that name has put on the line, both ways; undefined where it does not say. */
  lineBytes(name: string): number | undefined;
  /** The largest resident set of the last receiver, in MiB; it may end a moment after the call. To be asked once a call. */
  receiverMemory(): Promise<number>;
  /** A checkpoint, everything on disk, the database in the page cache. */
  quiet(): Promise<void>;
}

async function must(command: string, args: readonly string[]): Promise<void> {
  const result = await run(command, [...args], { user: 'server', timeoutMs: 600_000 });
  if (result.code !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${result.stderr}`);
}

async function makeDatabase(sandbox: Sandbox, scale: number): Promise<Pick<Primary, 'cluster' | 'programs'>> {
  const postgres = findPostgres();
  const settings = {
    ...{ shared_buffers: '1GB', max_wal_size: '4GB', checkpoint_timeout: '30min' },
    ...{ archive_mode: 'on', archive_command: 'true', max_wal_senders: 10 },
  };
  const cluster = await createCluster(sandbox, { postgres, name: 'primary', initdbArgs: ['-k'], settings });
  await cluster.start();
  const where = ['-h', cluster.socketDirectory, '-p', String(cluster.port), '-U', 'postgres'];
  await must(join(postgres.bindir, 'pgbench'), ['-i', '-q', '-s', String(scale), ...where, 'postgres']);
  await cluster.query('vacuum analyze');
  return { cluster, programs: postgres.bindir };
}

/** What time -f %M has written, in MiB; the file is empty then. */
async function memoryIn(file: string): Promise<number> {
  await waitFor('the end of the receiver', () => readFileSync(file, 'utf8').endsWith('\n'));
  const kilobytes = Number(readFileSync(file, 'utf8').trim());
  writeFileSync(file, '');
  return kilobytes / 1024;
}

export async function makePrimary(
  sandbox: Sandbox,
  sshd: Sshd,
  bin: string,
  scale: number,
): Promise<Primary> {
  const { cluster, programs } = await makeDatabase(sandbox, scale);
  const memoryFile = join(sandbox.directory('receiver'), 'memory');
  sandbox.file('receiver/memory', '');
  const archive = sandbox.directory('standby/archive');
  for (const place of ['near', 'far']) sandbox.directory(`standby/${place}`);
  sandbox.file(
    'primary/twowarm/twowarm.toml',
    `[node]
data_directory = '${cluster.dataDirectory}'
[destination.db2]
url = 'file:${archive}'
data_directory = '${join(sandbox.path, 'standby/near/data')}'
[ssh]
config_file = 'none'
identity_files = ['${sshd.clientKey}']
known_hosts = ['${sshd.knownHosts}']
receiver = '/usr/bin/time -f %M -o ${memoryFile} ${bin}/twowarm'
`,
  );
  cluster.setSettings({ archive_command: `${bin}/archiveWALFile %p %f` });
  await cluster.reload();
  return {
    ...{ cluster, programs, bin },
    lineBytes: (name) => {
      if (!name.includes('over ssh') || !name.startsWith('copyToStandby')) return undefined;
      const events = readFileSync(join(sandbox.path, 'events'), 'utf8').trim().split('\n');
      const copied = events.map((line) => JSON.parse(line) as Record<string, unknown>);
      return copied.find(({ event }) => event === 'copied')?.['lineBytes'] as number;
    },
    receiverMemory: () => memoryIn(memoryFile),
    quiet: async () => {
      await cluster.query('checkpoint');
      await must('sh', [
        '-c',
        // Temporary files may be gone by then.
        `sync; cat $(find ${cluster.dataDirectory}/base -type f -size +64k) > /dev/null 2>&1; true`,
      ]);
    },
  };
}
