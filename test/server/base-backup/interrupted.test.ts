// copyToStandby interrupted at each of its steps and in between: the primary leaves its backup mode, nothing can start from what is
// there, and the same call again completes it. Which of the points are played, the seed says.
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mountTmpfs } from '../../harness/mounts.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { runsAsRoot } from '../../harness/server-user.ts';
import { majorsOf, seed, turnOf } from '../../harness/share.ts';
import {
  archiveIn,
  copiedPair,
  copy,
  eventNames,
  startCopy,
  type CopiedPair,
  type CopyEvent,
  type CopyResult,
} from './copied-pair.ts';
import { expectNoBackup, expectSafe, expectUnusable } from './unusable.ts';
import { expectAccepted } from './verify-copy.ts';
import { WriteLoad } from './write-load.ts';

let sandbox: Sandbox;
let pair: CopiedPair;
beforeAll(async () => {
  sandbox = makeSandbox('interrupted');
  pair = await copiedPair(sandbox, { major: 15, road: 'file', initdbArgs: ['--data-checksums'] });
  // More than a moment's work.
  await pair.primary.query(
    'create table large as select i, repeat(md5(i::text), 30) as text from generate_series(1, 30000) i',
  );
});
afterAll(async () => {
  await pair?.[Symbol.asyncDispose]();
  await sandbox?.dispose();
});

interface Point {
  signal: 'SIGKILL' | 'SIGINT';
  /** After this event, and so many ms later. */
  after: string;
  laterMs: number;
  /** Whether the target is a directory that was complete, or none. */
  into: 'an earlier copy' | 'nothing';
}

const steps = [
  'archiving-proved',
  'checkpoint',
  'begun',
  'prepared',
  'prepared',
  'prepared',
  'copied',
  'complete',
];
const points: Point[] = (['SIGKILL', 'SIGINT'] as const).flatMap((signal) =>
  (['nothing', 'an earlier copy'] as const).flatMap((into) =>
    steps.map((after, at) => ({
      signal,
      after,
      into,
      laterMs: after === 'prepared' ? ((at - 3) * 97 + seed * 31) % 300 : 0,
    })),
  ),
);

const notComplete = (url: string): string =>
  `copyToStandby: WARNING:  the copy in ${url} is not complete, and nothing can start from it\n` +
  'HINT:  The same call again goes on from what is there. The primary leaves its backup mode with this call.\n';

/** Of one that was complete when nobody waited for its last segment any more. */
const withoutWal = (url: string): RegExp =>
  new RegExp(
    `^copyToStandby: WARNING:  the copy in ${url} is complete, but its WAL up to 0/[0-9A-F]+ was not seen at \\S+\\nHINT:  Without it no server becomes consistent there\\. .*\\n$`,
  );

/** Starts it and sends the signal at the point. */
async function interrupt(
  { signal, after, laterMs }: Point,
  words: readonly string[] = [],
): Promise<CopyResult> {
  let hear: (event: CopyEvent) => void = () => undefined;
  const heard = new Promise<void>((resolve) => {
    hear = ({ event }) => (event === after ? resolve() : undefined);
  });
  const running = startCopy(pair.primary, words, (event) => hear(event));
  await Promise.race([heard, running.result]);
  if (laterMs > 0) await sleep(laterMs);
  running.kill(signal);
  return running.result;
}

/** It died of the signal with the one warning that a person needs, or had ended before. */
function expectEnd({ code, signal, stderr, events }: CopyResult, point: Point, isComplete: boolean): void {
  if (signal === null) return expect({ code, isComplete }).toEqual({ code: 0, isComplete: true });
  expect(signal).toBe(point.signal);
  const names = eventNames(events);
  const isToldWhole = names.includes('complete') && !names.includes('last-segment');
  if (point.signal === 'SIGINT' && isToldWhole) return expect(stderr).toMatch(withoutWal(pair.target));
  const isUnusable = names.includes('prepared') && !isComplete;
  expect(stderr).toBe(point.signal === 'SIGINT' && isUnusable ? notComplete(pair.target) : '');
}

describe('a copy', { timeout: 200_000 }, () => {
  it.each(turnOf(points, 10))(
    'into $into that is ended by $signal after "$after" ($laterMs ms)',
    async (point) => {
      const { primary, standby } = pair;
      if (point.into === 'nothing') rmSync(standby.dataDirectory, { recursive: true, force: true });
      else await copy(primary);
      await using load = await WriteLoad.start(primary, await nextRound());
      const result = await interrupt(point);
      const isComplete = await expectSafe(primary, standby);
      // What was there before the copy has prepared it was complete, too.
      expectEnd(result, point, isComplete && eventNames(result.events).includes('prepared'));
      await load.stop();
      const events = await copy(primary);
      expect(events.at(-1)).toMatchObject({ event: 'end', outcome: 'copied' });
      await expectAccepted(standby, archiveIn(standby));
    },
  );

  it('ends at once while it waits for a checkpoint that takes minutes, and so does its session', async () => {
    const { primary, standby } = pair;
    rmSync(standby.dataDirectory, { recursive: true, force: true });
    await primary.query('update large set i = -i');
    const point: Point = { signal: 'SIGINT', after: 'checkpoint', laterMs: 300, into: 'nothing' };
    const result = await interrupt(point, ['--checkpoint', 'spread']);
    expect(result).toMatchObject({ signal: 'SIGINT', stderr: '' });
    expect(eventNames(result.events)).toEqual(['archiving-proved', 'checkpoint', 'end']);
    expect(result.events.at(-1)).toEqual({ event: 'end', outcome: 'stopped', signal: 'SIGINT' });
    await expectNoBackup(primary);
    // It had not begun: its server was still writing what was changed.
    expect(result.ms).toBeLessThan(60_000);
  });

  it.runIf(runsAsRoot())(
    'onto a disk that becomes full is completed by the same call once there is room',
    async () => {
      const { primary, standby } = pair;
      const small = sandbox.directory('small');
      using disk = mountTmpfs(small, 'size=24m');
      const words = ['--to', `file:${small}/data`];
      const target = Object.assign(Object.create(standby) as typeof standby, {
        dataDirectory: `${small}/data`,
      });
      const result = await startCopy(primary, words).result;
      expect({ code: result.code, events: eventNames(result.events).slice(0, 4) }).toEqual({
        code: 23,
        events: ['archiving-proved', 'checkpoint', 'begun', 'prepared'],
      });
      const room = new RegExp(
        `^copyToStandby: WARNING:  the cluster has \\d+\\.\\d MB, and in ${small}/data there is room for 2\\d\\.\\d MB\n` +
          'HINT:  Make room there\\. A copy that ends for want of it goes on from what is there, by the same call\\.\n',
      );
      expect(result.stderr).toMatch(room);
      const stderr = result.stderr.replace(room, '');
      const warning = notComplete(`${small}/data`);
      expect(stderr.slice(0, warning.length)).toBe(warning);
      expect(stderr.slice(warning.length)).toMatch(
        new RegExp(
          `^copyToStandby: ERROR:  could not (write|create) (file|directory) "${small}/data/[^"]+": No space left on device\\nHINT:  Make room on that disk; the same call again goes on from what is there\\.\\n$`,
        ),
      );
      await expectNoBackup(primary);
      await expectUnusable(target);
      disk.remount('size=400m');
      await copy(primary, words);
      await expectAccepted(target, archiveIn(standby));
    },
  );
});

const nextRound = (): Promise<number> =>
  pair.primary.value<number>(
    "select coalesce(max(substring(relname from 7)::int), 0) + 10 from pg_class where relname ~ '^churn_[0-9]+$'",
  );

describe.each(majorsOf([10, 11, 12, 13, 14]))('a copy of PostgreSQL %i that is killed', (major) => {
  it('leaves no backup behind at the primary, and nothing that starts at the target', async () => {
    await using own = makeSandbox(`killed-${major}`);
    await using killed = await copiedPair(own, { major, road: 'file' });
    const running = startCopy(killed.primary, [], ({ event }) => {
      if (event === 'prepared') running.kill('SIGKILL');
    });
    await running.result;
    await expectNoBackup(killed.primary);
    await expectUnusable(killed.standby);
    await copy(killed.primary);
    if (major >= 13) await expectAccepted(killed.standby, archiveIn(killed.standby));
    await killed.primary.stop('immediate');
  });
});
