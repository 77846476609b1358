// What carries a segment to another machine beside us, as the command lines that PostgreSQL would run: over the same sshd.
import { join } from 'node:path';
import type { Cluster } from '../test/harness/cluster.ts';
import { run } from '../test/harness/run.ts';
import type { Sandbox } from '../test/harness/sandbox.ts';
import type { Sshd } from '../test/harness/sshd.ts';

export interface Peer {
  name: string;
  /** The command line for one segment, over a connection of its own. */
  archive: (segment: string) => string;
}

const sshWith = (sshd: Sshd): string => ['ssh', ...sshd.clientOptions].join(' ');

export function rsync(sandbox: Sandbox, sshd: Sshd): Peer {
  const there = `${sshd.user}@127.0.0.1:${sandbox.directory('far/rsync')}/`;
  return {
    name: 'rsync -a of the same file (not compressed, not durable)',
    archive: (segment) => `rsync -a -e "${sshWith(sshd)}" pg_wal/${segment} ${there}`,
  };
}

async function createStanza(command: string): Promise<void> {
  const created = await run('sh', ['-c', `${command} --no-online stanza-create`], {
    user: 'server',
    timeoutMs: 60_000,
  });
  if (created.code !== 0)
    throw new Error(`pgbackrest stanza-create failed: ${created.stderr}${created.stdout}`);
}

/** Undefined where it is not installed. */
export async function pgBackRest(sandbox: Sandbox, cluster: Cluster, sshd: Sshd): Promise<Peer | undefined> {
  const version = await run('pgbackrest', ['version'], { user: 'server' }).catch(() => undefined);
  if (version?.code !== 0) return undefined;
  const repository = sandbox.directory('far/pgbackrest');
  const shared = [
    '[global]',
    `log-path=${repository}`,
    `lock-path=${repository}/lock`,
    'compress-type=zst',
    'log-level-console=error',
  ];
  const cluster1 = [
    `pg1-path=${cluster.dataDirectory}`,
    `pg1-port=${cluster.port}`,
    `pg1-socket-path=${cluster.socketDirectory}`,
    '',
  ];
  const far = sandbox.file(
    'far/pgbackrest/far.conf',
    [...shared, `repo1-path=${repository}/repo`, 'repo1-retention-full=1', '[main]', ...cluster1].join('\n'),
    0o644,
  );
  const ssh = sandbox.file('far/pgbackrest/ssh', `#!/bin/sh\nexec ${sshWith(sshd)} "$@"\n`, 0o755);
  const near = sandbox.file(
    'far/pgbackrest/near.conf',
    [
      ...shared,
      `cmd-ssh=${ssh}`,
      'repo1-host=127.0.0.1',
      `repo1-host-user=${sshd.user}`,
      `repo1-host-port=${sshd.port}`,
      `repo1-host-config=${far}`,
      '[main]',
      ...cluster1,
    ].join('\n'),
    0o644,
  );
  const command = (file: string): string => `pgbackrest --config=${file} --stanza=main`;
  await createStanza(command(far));
  return {
    name: `${version.stdout.trim()}, zst, of the same file`,
    archive: (segment) => `${command(near)} archive-push ${join('pg_wal', segment)}`,
  };
}
