// npm run bench:network: the ssh: road against OpenSSH on loopback, beside rsync and pgBackRest: one file over a fresh connection, a queue
// over a kept one, and from arrival to durable on the DR node through the relay. BENCH_ROUNDS (15), BENCH_QUEUE (128).
import { copyFileSync, existsSync, linkSync, readFileSync, rmSync, watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { closeConnections } from '../src/transport/ssh/leases.ts';
import { makeSandbox } from '../test/harness/sandbox.ts';
import { shell, startProgram } from '../test/harness/run.ts';
import { giveToServerUser } from '../test/harness/server-user.ts';
import { startSshd } from '../test/harness/sshd.ts';
import { ensureSystemPackages } from '../test/harness/system-packages.ts';
import { waitFor } from '../test/harness/wait-for.ts';
import { emptySeries, summary, time, warmMemory } from './measure.ts';
import { pgBackRest, rsync } from './network-peers.ts';
import { installFromTarball, makeSegments } from './prepare.ts';

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 15);
const queue = Number(process.env['BENCH_QUEUE'] ?? 128);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const row = (what: string, limit: string, value: string): void => say(`| ${what} | ${limit} | ${value} |`);

ensureSystemPackages({
  hyperfine: 'hyperfine',
  rsync: 'rsync',
  sshd: 'openssh-server',
  ssh: 'openssh-client',
});
await using sandbox = makeSandbox('bench');
const bin = await installFromTarball(sandbox);
const { cluster, names } = await makeSegments(sandbox, queue + rounds);
await using sshd = await startSshd(sandbox);
const far = sandbox.directory('far/archive');
const cwd = cluster.dataDirectory;
const own = sandbox.directory('primary/twowarm/archive');
sandbox.file(
  'primary/twowarm/twowarm.toml',
  `[node]
data_directory = '${cwd}'
[destination.far]
url = 'ssh://${sshd.user}@127.0.0.1:${sshd.port}${far}'
[ssh]
config_file = 'none'
identity_files = ['${sshd.clientKey}']
known_hosts = ['${sshd.knownHosts}']
receiver = '${bin}/twowarm'
`,
);

const peers = [rsync(sandbox, sshd), await pgBackRest(sandbox, cluster, sshd)]
  .filter((peer) => peer !== undefined)
  .map((peer) => ({ ...peer, series: emptySeries() }));
if (peers.length < 2) say('pgBackRest is not installed (apt-get install pgbackrest): left out');
say(`\n${rounds} rounds: median (min–max). Segments of 16 MB, ordinary table traffic.\n`);
say('| what | limit | measured |');
say('|---|---:|---:|');

const fresh = emptySeries();
const again = emptySeries();
for (const name of names.slice(0, rounds)) {
  const line = `${bin}/archiveWALFile pg_wal/${name} ${name}`;
  await time(sandbox, cwd, line, 0, fresh);
  await time(sandbox, cwd, line, 0, again);
  for (const { archive, series } of peers) await time(sandbox, cwd, archive(name), 0, series);
}
row('archiveWALFile over a fresh connection', '300 ms', `${summary(fresh)} ms`);
row('the same file again: compared there', '', `${summary(again)} ms`);
for (const { name, series } of peers) row(name, '', `${summary(series)} ms`);

/** What arrives in the standby's archive: the name appears with the whole file behind it. */
const waiting = sandbox.directory('waiting');
function arrive(name: string): void {
  copyFileSync(join(cwd, 'pg_wal', name), join(waiting, name));
  giveToServerUser(join(waiting, name));
}

const queued = names.slice(rounds);
for (const name of queued) {
  arrive(name);
  linkSync(join(waiting, name), join(own, name));
}
warmMemory(sandbox, (queued.length + 32) * 16 * 1024 * 1024);
const started = performance.now();
const pass = await shell(`${bin}/rsyncDR`, { cwd, timeoutMs: 600_000 });
const queueMs = performance.now() - started;
if (pass.code !== 0) throw new Error(`rsyncDR failed: ${pass.stderr}`);
const lacking = queued.filter((name) => !existsSync(join(far, name)));
if (lacking.length > 0) throw new Error(`${lacking.length} segments did not arrive`);
row(
  `a queue of ${queued.length} over a kept connection, a segment`,
  '60 ms',
  `${(queueMs / queued.length).toFixed(1)} ms`,
);
row('the same in WAL', '300 MB/s', `${((queued.length * 16) / (queueMs / 1000)).toFixed(0)} MB/s`);

// From arrival to the relay's word that it is durable there.
for (const name of queued) for (const directory of [own, far]) rmSync(join(directory, name));
rmSync(join(sandbox.path, 'primary/twowarm/state/ledger'), { recursive: true, force: true });
const events = sandbox.file('events', '');
const relay = startProgram('/bin/sh', ['-c', `exec ${bin}/twowarm relay --json >> ${events}`], {
  cwd,
  timeoutMs: 600_000,
});
await waitFor('the relay to watch', () => readFileSync(events, 'utf8').includes('relaying'));
await pause(2000);
const arrivals: number[] = [];
for (const name of queued.slice(0, rounds + 1)) {
  const heard = new Promise<number>((resolve) => {
    const watcher = watch(events, () => {
      if (!readFileSync(events, 'utf8').includes(`"${name}"`)) return;
      watcher.close();
      resolve(performance.now());
    });
  });
  const at = performance.now();
  linkSync(join(waiting, name), join(own, name));
  arrivals.push((await heard) - at);
  if (!existsSync(join(far, name))) throw new Error(`${name} is not there`);
  await pause(300);
}
relay.kill('SIGTERM');
await relay.result;
closeConnections();
row(
  'arrival to durable on the DR node, by the relay',
  '150 ms',
  `${summary({ wallMs: arrivals.slice(1), failures: 0 })} ms`,
);
