// A promotion while restore_command waits: PostgreSQL looks for it only after a failed read, so a call that does not
// listen holds it up for as long as it waits (trap T11).
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import type { Cluster } from '../harness/cluster.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { waitForNoCommands, waitingCallOf } from '../harness/server-processes.ts';
import type { Settings } from '../harness/settings.ts';
import { expectRows, isMarkedForRecovery, shipRows, timelineOf, waitForRows, waitUntilOpen } from './pair.ts';
import { startWaiting, type WaitingMode } from './waiting-standby.ts';
import { majorsOf, turnOf } from '../harness/share.ts';

interface Promotion {
  title: string;
  majors: readonly number[];
  mode: WaitingMode;
  settings?: (major: number, ownFile: string) => Settings;
  ask: (standby: Cluster) => Promise<unknown>;
}

const touchOwnFile = async (standby: Cluster): Promise<unknown> => standby.sandbox.file('own-trigger', '');

const promotions: readonly Promotion[] = [
  {
    title: 'pg_ctl promote',
    majors: [11, 14, 15, 18],
    mode: 'standby',
    ask: (standby) => standby.promote({ wait: false }),
  },
  {
    title: 'pg_promote()',
    majors: [14, 15, 18],
    mode: 'standby',
    ask: (standby) => standby.value('select pg_promote(false)'),
  },
  {
    title: "PostgreSQL's own trigger file",
    majors: [11, 14, 15],
    mode: 'standby',
    settings: (major, ownFile) => ({ [major >= 12 ? 'promote_trigger_file' : 'trigger_file']: ownFile }),
    ask: touchOwnFile,
  },
  {
    title: 'pg_ctl promote, which PostgreSQL itself ignores in a warm recovery,',
    majors: [11, 14, 15, 18],
    mode: 'recovery',
    ask: (standby) => standby.promote({ wait: false }),
  },
];

describe(
  'a promotion while restore_command waits (trap T11) is not held up',
  {
    concurrent: true,
    timeout: 120_000,
  },
  () => {
    it.each(
      promotions.flatMap((promotion, at) =>
        turnOf(majorsOf(promotion.majors), 2, at).map(
          (major) => [promotion.title, major, promotion] as const,
        ),
      ),
    )('by %s of PostgreSQL %i', async (_title, major, { mode, settings, ask }) => {
      await using sandbox = makeSandbox(`p${major}`);
      const extra = settings?.(major, join(sandbox.path, 'own-trigger')) ?? {};
      const { primary, standby } = await startWaiting(sandbox, major, { mode, extra });
      const rows = await shipRows(primary, 500);
      await waitForRows(standby, rows);
      const call = await waitingCallOf(standby);
      const from = performance.now();
      await ask(standby);
      await waitUntilOpen(standby);
      // Far below what a call waits for by itself: the next look by the clock is after 30 s.
      expect(performance.now() - from).toBeLessThan(10_000);
      expect(existsSync(`/proc/${call}`)).toBe(false);
      await waitForNoCommands(standby);
      await expectRows(standby, rows);
      expect(await timelineOf(standby)).toBe(2);
      expect(isMarkedForRecovery(standby)).toBe(false);
      expect(readdirSync(join(standby.dataDirectory, 'pg_wal'))).toContain('00000002.history');
    });
  },
);
