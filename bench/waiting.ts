// npm run bench:waiting: how soon a waiting standby replays what arrives and is promoted, how soon waiting ends, what it
// costs.
// BENCH_ROUNDS sets the number of rounds (15), BENCH_IDLE_SECONDS how long the idle process is watched (60).
import { linkSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { makeSandbox } from '../test/harness/sandbox.ts';
import { makeArchive, startPrimary, startStandby, timeArrivals } from './arrival.ts';
import { summary } from './measure.ts';
import { timeTriggers } from './trigger.ts';
import { installFromTarball } from './prepare.ts';
import { costOfWaiting, startWaiting, timeToEnd } from './waiting-process.ts';

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 15);
const idleSeconds = Number(process.env['BENCH_IDLE_SECONDS'] ?? 60);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const row = (what: string, limit: string, value: string): void => say(`| ${what} | ${limit} | ${value} |`);
const ms = (wallMs: number[]): string => `${summary({ wallMs, failures: 0 })} ms`;

await using sandbox = makeSandbox('bench');
const bin = await installFromTarball(sandbox);
const pair = await startPrimary(sandbox);
const waiting = await startStandby(pair, 'waits', () => `${bin}/restoreWALFile %f %p %r`, {});
await makeArchive(pair, waiting.archive, bin);
const polling = await startStandby(pair, 'polls', (archive) => `cp ${archive}/%f %p`, {});

say(`\nPostgreSQL ${pair.primary.postgres.version}, ${rounds} rounds: median (min–max).\n`);
say('| what | limit | measured |');
say('|---|---:|---:|');
const soon = { count: rounds, rows: 100, quietMs: () => 500 };
row('arrival to replay, a few rows', '100 ms', ms(await timeArrivals(pair, waiting, soon)));
const full = { ...soon, rows: 100_000 };
row('arrival to replay, a full segment', '', ms(await timeArrivals(pair, waiting, full)));
const atRandom = { ...soon, quietMs: () => 500 + Math.random() * 5000 };
row('the same with cp, asked every 5 s, a few rows', '', ms(await timeArrivals(pair, polling, atRandom)));
for (const [how, extra] of [
  ['waits', {}],
  ['streams', { primary_conninfo: pair.primary.conninfo }],
] as const) {
  const trigger = await timeTriggers(pair, bin, { name: how, rounds: Math.min(rounds, 7), extra });
  row(`triggerStandby smart to the first write, a standby that ${how}`, '1 s', ms(trigger.firstWriteMs));
  row('the whole call of it', '', ms(trigger.wholeCallMs));
}
await polling.standby.stop('immediate');
await waiting.standby.stop('immediate');
await pair.primary.stop('immediate');

// From here on the standby's directory without its server: the command is started by hand, as PostgreSQL would.
const { standby, archive } = waiting;
const cwd = standby.dataDirectory;
const absent = '0000000100000FFF000000FE';
const line = `${bin}/restoreWALFile ${absent} pg_wal/RECOVERYXLOG ${absent}`;

async function endsFor(file: string, content: string): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    times.push(await timeToEnd(await startWaiting(cwd, line), () => writeFileSync(file, content)));
    rmSync(file);
  }
  return times;
}

const trigger = join(standby.parent, 'twowarm', 'trigger');
row('./promote to the end of waiting', '200 ms', ms(await endsFor(join(cwd, 'promote'), '')));
row('trigger "smart" to the end of waiting', '200 ms', ms(await endsFor(trigger, 'smart')));
row('trigger "fast" to the end of waiting', '200 ms', ms(await endsFor(trigger, 'fast')));
row('an empty trigger to the end of waiting', '200 ms', ms(await endsFor(trigger, '')));

/** Publication to the end of the call that waited for it, in a directory of that many other files. */
async function endsForPublication(files: number): Promise<number[]> {
  for (let i = 0; i < files; i++) writeFileSync(join(archive, `other.${i}`), '');
  const real = readdirSync(pair.staging).filter((name) => name.length === 24);
  const times: number[] = [];
  for (const name of real.slice(0, rounds)) {
    rmSync(join(archive, name), { force: true });
    const call = `${bin}/restoreWALFile ${name} pg_wal/RECOVERYXLOG ${name}`;
    const started = await startWaiting(cwd, call);
    times.push(await timeToEnd(started, () => linkSync(join(pair.staging, name), join(archive, name))));
  }
  return times;
}

row('publication to restored (16 MB)', '', ms(await endsForPublication(0)));
row('the same among 100,000 files', '', ms(await endsForPublication(100_000)));
const idle = await startWaiting(cwd, line);
await pause(1000);
const { percent, mib } = await costOfWaiting(idle, idleSeconds);
row(`processor time of a waiting process, ${idleSeconds} s`, '0.1 %', `${percent.toFixed(3)} %`);
row('its largest resident set', '60 MiB', `${mib.toFixed(1)} MiB`);
await timeToEnd(idle, () => process.kill(idle.pid, 'SIGTERM'));
