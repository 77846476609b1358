// From 15 on a server that prefetches reads ahead of what it replays: while restore_command waits for the next segment,
// it would leave unreplayed what it already has (trap T11).
import { describe, expect } from 'vitest';

import type { Cluster } from '../harness/cluster.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { commandsOf, waitingCallOf } from '../harness/server-processes.ts';
import { inTurn } from '../harness/share.ts';
import { waitFor } from '../harness/wait-for.ts';
import { shipRows, waitForRows } from './pair.ts';
import { makePair } from './waiting-standby.ts';

const doesNotWait =
  'restore_command does not wait for segments: recovery_prefetch is not off, and PostgreSQL would not replay what it has while it waits';
const contradicts =
  "WARNING:  restore.wait = 'warm' contradicts the configuration of PostgreSQL: recovery_prefetch is not off, and PostgreSQL would not replay what it has while it waits";
const hint =
  'HINT:  Set recovery_prefetch = off in postgresql.conf of this standby, and reload it: pg_ctl reload.';

const timesLogged = (standby: Cluster, text: string): number => standby.log().split(text).length - 1;

describe.each([15, 18])('on PostgreSQL %i', { concurrent: true, timeout: 120_000 }, (major) => {
  const its = inTurn(2, major === 15 ? 0 : 1);
  its.each([undefined, 'try', 'on'])(
    'every restored row is visible while the next segment is absent, with recovery_prefetch %s, because nothing waits',
    async (prefetch) => {
      await using sandbox = makeSandbox(`prefetch${major}`);
      const { primary, standby } = await makePair(sandbox, major, { prefetch });
      await standby.start();
      for (let segment = 0; segment < 3; segment++) await waitForRows(standby, await shipRows(primary, 300));
      await waitFor('the reason to be said', () => timesLogged(standby, doesNotWait) > 0);
      expect(timesLogged(standby, doesNotWait)).toBe(1);
      expect(timesLogged(standby, hint)).toBe(1);
      // The server asks again and again, and is always answered.
      await waitFor('a moment without a call', () => commandsOf(standby).length === 0);
      await waitFor('the next question', () => commandsOf(standby).length > 0);
    },
  );

  its('every restored row is visible while restore_command waits, with recovery_prefetch off', async () => {
    await using sandbox = makeSandbox(`prefetch${major}`);
    const { primary, standby } = await makePair(sandbox, major, { prefetch: 'off' });
    await standby.start();
    for (let segment = 0; segment < 3; segment++) {
      const rows = await shipRows(primary, 300);
      await waitForRows(standby, rows);
      await waitingCallOf(standby);
    }
    expect(timesLogged(standby, 'recovery_prefetch')).toBe(0);
  });

  its("wait = 'warm' beside recovery_prefetch is obeyed, and warned of once", async () => {
    await using sandbox = makeSandbox(`prefetch${major}`);
    const { primary, standby } = await makePair(sandbox, major, {
      prefetch: 'on',
      restore: "wait = 'warm'\n",
    });
    await standby.start({ wait: false });
    await shipRows(primary, 300);
    await waitingCallOf(standby);
    await shipRows(primary, 300);
    await waitFor('the warning', () => timesLogged(standby, contradicts) > 0);
    await waitingCallOf(standby);
    expect(timesLogged(standby, contradicts)).toBe(1);
    expect(timesLogged(standby, hint)).toBe(1);
  });
});
