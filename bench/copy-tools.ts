// The command lines that are compared, each into a target of its own.
import { join } from 'node:path';
import { run } from '../test/harness/run.ts';
import type { Sandbox } from '../test/harness/sandbox.ts';
import type { Sshd } from '../test/harness/sshd.ts';
import type { Primary } from './copy-primary.ts';

export interface CopyTool {
  name: string;
  /** As a shell reads it. */
  line: string;
  /** The data directory that it writes. */
  target: string;
}

export interface CopyTools {
  first: CopyTool[];
  again: CopyTool[];
  /** A copy of before the changes. */
  old: string;
  keepOld(): Promise<void>;
  /** Puts the target of a tool back to what it was before the changes. */
  restoreOld: (tool: CopyTool) => Promise<void>;
}

async function sh(line: string): Promise<void> {
  const result = await run('sh', ['-c', line], { user: 'server', timeoutMs: 600_000 });
  if (result.code !== 0) throw new Error(`${line} failed: ${result.stderr}`);
}

/** rsync within a base backup, as a script would do it. */
function rsyncScript(
  { cluster, programs }: Primary,
  sandbox: Sandbox,
  sshd: Sshd,
  options: string,
  to: string,
): string {
  const ssh = ['ssh', ...sshd.clientOptions].join(' ');
  const words = `rsync ${options} -e "${ssh}" --exclude=pg_wal/* --exclude=postmaster.pid ${cluster.dataDirectory}/ ${sshd.user}@127.0.0.1:${to}/`;
  const name = options.includes('checksum') ? 'rsync-again.sh' : 'rsync.sh';
  return sandbox.file(
    name,
    `${programs}/psql -XAtq -h ${cluster.socketDirectory} -p ${cluster.port} -U postgres -v ON_ERROR_STOP=1 postgres <<'S'
select pg_backup_start('b', true);
\\! ${words}
select lsn from pg_backup_stop(false);
S
`,
    0o755,
  );
}

export function makeTools(primary: Primary, sandbox: Sandbox, sshd: Sshd): CopyTools {
  const { cluster, programs, bin } = primary;
  const base = join(sandbox.path, 'standby');
  const events = join(sandbox.directory('standby'), '..', 'events');
  sandbox.file('events', '');
  const far = join(base, 'far/data');
  const ours = `${bin}/copyToStandby`;
  const overSsh = `${ours} --json --to ssh://${sshd.user}@127.0.0.1:${sshd.port}${far} > ${events}`;
  const where = `-h ${cluster.socketDirectory} -p ${cluster.port} -U postgres`;
  const rsynced = join(sandbox.directory('standby/rsync'), 'data');
  const based = join(sandbox.directory('standby/based'), 'data');
  const near = join(base, 'near/data');
  const old = join(base, 'old');
  const first = [
    { name: 'copyToStandby over ssh', line: overSsh, target: far },
    {
      name: 'rsync -a over ssh (not durable)',
      line: `sh ${rsyncScript(primary, sandbox, sshd, '-a', rsynced)}`,
      target: rsynced,
    },
    { name: 'copyToStandby to file:', line: `${ours} > /dev/null`, target: near },
    {
      name: 'pg_basebackup -X stream, synced',
      line: `${programs}/pg_basebackup ${where} -c fast -X stream -D ${based}`,
      target: based,
    },
  ];
  const again = [
    { name: 'copyToStandby over ssh', line: overSsh, target: far },
    {
      name: 'rsync -a --no-whole-file --checksum over ssh (not durable)',
      line: `sh ${rsyncScript(primary, sandbox, sshd, '-a --no-whole-file --checksum --delete', rsynced)}`,
      target: rsynced,
    },
    { name: 'copyToStandby to file:', line: `${ours} > /dev/null`, target: near },
  ];
  return {
    ...{ first, again, old },
    keepOld: () => sh(`cp -a ${far} ${old}`),
    restoreOld: ({ target }) => sh(`rm -rf ${target} && cp -a ${old} ${target}`),
  };
}
