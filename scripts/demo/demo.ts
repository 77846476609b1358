// npm run demo: two real servers in a temporary directory, rows written all the while, the primary stopped, the standby
// promoted, every row counted. Exit 0 unless a row is missing that had reached the archive. Ends without a trace.
import { setImmediate } from 'node:timers/promises';

import { makeSandbox, type Sandbox } from '../../test/harness/sandbox.ts';
import { waitFor } from '../../test/harness/wait-for.ts';
import { parseLsn } from '../../src/wal/lsn.ts';
import { lastArchived, type ArchivedSegment } from './last-archived.ts';
import { LiveTable } from './live-table.ts';
import { say, step } from './narrator.ts';
import { buildPrimary, buildStandby, type Scene } from './scene.ts';
import { findWaitingCall, trigger } from './trigger.ts';
import { judge, verdictText } from './verdict.ts';
import { Writer } from './writer.ts';

const secondsOfWriting = Number(process.env['TWOWARM_DEMO_SECONDS'] ?? 10);

// Before anything can be left behind. Whoever made something has promised to remove it when the process exits.
for (const [signal, code] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const]) {
  process.once(signal, () => {
    say(`\n${signal}: stopping the servers and removing every file.`);
    process.exit(code);
  });
}
// Nobody reads on (a closed pipe): there is nobody to demonstrate to.
process.stdout.on('error', () => process.exit(1));

async function write(scene: Scene, writer: Writer): Promise<void> {
  const writing = writer.run(secondsOfWriting * 1000);
  const table = new LiveTable(scene, writer);
  try {
    await Promise.race([writing, table.showUntil(writing)]);
  } finally {
    await table.end();
  }
  await writing;
}

async function stopPrimary({ primary, archive }: Scene): Promise<ArchivedSegment> {
  await primary.stop('fast');
  const last = lastArchived(archive);
  say(`PostgreSQL ended the current segment and archived it: the archive now ends with ${last.name}.`);
  return last;
}

/** Triggers the standby while it waits for more, and returns the ids of the rows it has. */
async function promote({ standby }: Scene, last: ArchivedSegment): Promise<number[]> {
  await waitFor(`the standby to replay ${last.name}`, async () => {
    const replayed = parseLsn(await standby.value('select pg_last_wal_replay_lsn()'));
    return replayed !== undefined && replayed >= last.end;
  });
  const waiting = await findWaitingCall(standby);
  say(`The standby has replayed ${last.name} to its end, and waits: restoreWALFile ${waiting.name},`);
  say(`process ${waiting.pid}, for ${waiting.seconds.toFixed(1)} s.`);
  const seconds = await trigger(standby);
  say(`From the trigger to the first row that somebody else wrote: ${seconds.toFixed(2)} s.`);
  const rows = await standby.query<{ id: number }>('select id from ledger order by id');
  return rows.map(({ id }) => id);
}

async function play(sandbox: Sandbox): Promise<number> {
  step('A primary that archives with twowarm');
  const primary = await buildPrimary(sandbox);
  step('A warm standby that waits with twowarm');
  const scene = await buildStandby(sandbox, primary);
  step(`Rows are written for ${secondsOfWriting} s`);
  say('Small transactions, and about once a second "select pg_switch_wal()", which ends a segment early');
  say(
    '(its empty rest counts in the lag in bytes). Only whole segments travel, so the lag is about a second.',
  );
  const writer = new Writer(scene.primary);
  await write(scene, writer);
  step('The primary is stopped: pg_ctl stop -m fast');
  const last = await stopPrimary(scene);
  step('The standby is promoted while it waits: triggerStandby smart');
  const found = await promote(scene, last);
  const verdict = judge(writer.transactions, found, last);
  step('The verdict');
  say(verdictText(verdict));
  step('The files');
  say(`primary   ${scene.primary.dataDirectory}\n          ${scene.primaryHome}/twowarm.toml`);
  say(`standby   ${scene.standby.dataDirectory}\n          ${scene.standbyHome}/twowarm.toml`);
  say(`archive   ${scene.archive}, ${last.files} files`);
  return verdict.isExplained ? 0 : 1;
}

async function main(): Promise<number> {
  if (!(secondsOfWriting > 0)) {
    say(`TWOWARM_DEMO_SECONDS must be a number of seconds, not "${process.env['TWOWARM_DEMO_SECONDS']}"`);
    return 2;
  }
  const startedMs = performance.now();
  const sandbox = makeSandbox('demo');
  try {
    return await play(sandbox);
  } finally {
    // A Ctrl-C that ended one of our programs is a Ctrl-C for us, too: let it arrive before the error is told.
    await setImmediate();
    await sandbox.dispose();
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
    say(`Both servers are stopped and all files removed, after ${seconds} s.`);
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`demo: ERROR:  ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
