// pg_standby at an archive that does not answer: a first look that hangs can be ended like any wait.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

import { commandLine } from '../../harness/node-fixture.ts';
import { startProgram, type RunningProgram } from '../../harness/run.ts';
import { withSlowCalls } from '../../harness/slow-calls.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { makePlace, name, target, type Place } from './fixture.ts';

const delayMs = 7000;

/** A call each of whose looks into the archive takes so long. */
function startHanging(place: Place): RunningProgram {
  const words = ['-s', '1', '-t', place.path('trigger'), place.archive, name, target];
  const slow = { calls: ['stat', 'statx', 'newfstatat', 'openat'], delayMs, path: place.archive };
  return startProgram('/bin/sh', ['-c', withSlowCalls(commandLine('pg_standby', ...words), slow)], {
    cwd: place.work,
  });
}

const isOurs = (pid: number): boolean => readFileSync(`/proc/${pid}/comm`, 'latin1') === 'pg_standby\n';

it.concurrent('takes a fast trigger while its first look hangs', async () => {
  await using place = makePlace('hanging-trigger');
  place.dataDirectory('standby');
  const call = startHanging(place);
  await waitFor('pg_standby', () => isOurs(call.pid));
  place.sandbox.file('trigger', 'fast');
  await waitFor('the order to be taken', () => readFileSync(place.path('trigger'), 'utf8') === '', {
    limitMs: delayMs - 2000,
  });
  expect((await call.result).code).toBe(1);
});

it.concurrent('dies of SIGTERM while its first look hangs', async () => {
  await using place = makePlace('hanging-term');
  place.dataDirectory('standby');
  const call = startHanging(place);
  await waitFor('pg_standby', () => isOurs(call.pid));
  const startedMs = performance.now();
  call.kill('SIGTERM');
  expect(await call.result).toMatchObject({ code: null, signal: 'SIGTERM', stdout: '', stderr: '' });
  // A traced process ends with the call that is held; it must not go on to the next one.
  expect(performance.now() - startedMs).toBeLessThan(delayMs + 3000);
});
