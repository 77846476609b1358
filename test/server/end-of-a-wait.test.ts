// Whatever ends a waiting restore_command or its server: no process and no file is left, no recovery is taken for
// finished, and the next start goes on.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { expectNothingUnfinished } from '../faults/whole-files.ts';
import type { Cluster } from '../harness/cluster.ts';
import { processesIn } from '../harness/processes.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { parentOf, waitingCallOf } from '../harness/server-processes.ts';
import { waitFor } from '../harness/wait-for.ts';
import { isMarkedForRecovery, shipRows, waitForRows } from './pair.ts';
import { startWaiting } from './waiting-standby.ts';
import { majorsOf, placeOf, placeOfMajor, turnOf } from '../harness/share.ts';

/** What is done to the server; `call` is the process that waits. */
const endings: Readonly<Record<string, (standby: Cluster, call: number) => void | Promise<void>>> = {
  'pg_ctl stop -m smart': (standby) => standby.stop('smart'),
  'pg_ctl stop -m fast': (standby) => standby.stop('fast'),
  'pg_ctl stop -m immediate (SIGQUIT)': (standby) => standby.stop('immediate'),
  'SIGTERM to the call': (_standby, call) => void process.kill(call, 'SIGTERM'),
  'SIGQUIT to the call': (_standby, call) => void process.kill(call, 'SIGQUIT'),
  'SIGKILL of the call': (_standby, call) => void process.kill(call, 'SIGKILL'),
  'SIGKILL of the shell that started the call': (_standby, call) =>
    void process.kill(parentOf(call), 'SIGKILL'),
  'SIGKILL of the postmaster': (standby) => void process.kill(standby.postmasterPid()!, 'SIGKILL'),
};

/** Nobody is left; but the server still recovers, on the timeline it was on, at its next start. */
async function endAndGoOn(primary: Cluster, standby: Cluster, ending: string): Promise<void> {
  await endings[ending]!(standby, await waitingCallOf(standby));
  await waitFor(
    `no process to be left after ${ending}`,
    () => processesIn(standby.dataDirectory).length === 0,
    {
      limitMs: 10_000,
    },
  );
  // Of a postmaster that was killed; its number may be another process's by now.
  rmSync(join(standby.dataDirectory, 'postmaster.pid'), { force: true });
  expectNothingUnfinished(standby.parent);
  expect(isMarkedForRecovery(standby), ending).toBe(true);

  await standby.start();
  await waitForRows(standby, await shipRows(primary, 100));
  expect(await standby.value<boolean>('select pg_is_in_recovery()'), ending).toBe(true);
  expect(await standby.value<number>('select timeline_id from pg_control_checkpoint()'), ending).toBe(1);
}

describe(
  'a waiting restore_command leaves no process and no file behind, and recovery goes on,',
  {
    concurrent: true,
    timeout: 180_000,
  },
  () => {
    it.each(
      majorsOf([11, 14, 15, 18]).flatMap((major) =>
        turnOf(['standby', 'recovery'] as const, 2, placeOfMajor(major)).map(
          (mode) => [mode, major] as const,
        ),
      ),
    )('however it or its server ends: in %s mode, PostgreSQL %i', async (mode, major) => {
      await using sandbox = makeSandbox(`end${major}`);
      const { primary, standby } = await startWaiting(sandbox, major, { mode });
      for (const ending of turnOf(Object.keys(endings), 3, placeOf[mode]))
        await endAndGoOn(primary, standby, ending);
    });
  },
);
