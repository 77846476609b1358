// From the call of triggerStandby on an up-to-date standby to the first row that somebody else could commit there.
import { run } from '../test/harness/run.ts';
import type { Settings } from '../test/harness/settings.ts';
import { startStandby, timeArrivals, type Pair } from './arrival.ts';

export interface TriggerTimes {
  firstWriteMs: number[];
  wholeCallMs: number[];
}

/** A standby of its own for each round: a promotion cannot be taken back. */
export async function timeTriggers(
  pair: Pair,
  bin: string,
  { name, rounds, extra }: { name: string; rounds: number; extra: Settings },
): Promise<TriggerTimes> {
  // Not into the primary's staging directory, where its other standbys would find another timeline.
  const settings: Settings = { archive_command: `${bin}/archiveWALFile %p %f`, ...extra };
  const times: TriggerTimes = { firstWriteMs: [], wholeCallMs: [] };
  for (let i = 0; i < rounds; i++) {
    const made = await startStandby(pair, `${name}${i}`, () => `${bin}/restoreWALFile %f %p %r`, settings);
    const { standby } = made;
    await timeArrivals(pair, made, { count: 1, rows: 100, quietMs: () => 200 });
    const startedMs = performance.now();
    const call = run(`${bin}/triggerStandby`, ['smart'], { cwd: standby.dataDirectory });
    const firstWrite = standby.session(async (client) => {
      // A hot standby refuses each of them until it is a primary.
      while (
        !(await client.query('insert into load values (0)').then(
          () => true,
          () => false,
        ))
      );
      return performance.now() - startedMs;
    });
    const { code, stderr, ms } = await call;
    if (code !== 0) throw new Error(`triggerStandby failed: ${stderr}`);
    times.firstWriteMs.push(await firstWrite);
    times.wholeCallMs.push(ms);
    await standby.stop('immediate');
  }
  return times;
}
