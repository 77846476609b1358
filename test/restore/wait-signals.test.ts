// How a waiting restoreWALFile dies: of the signals of a stopping server, and with a server that can no longer send any.
// Nothing of it remains, neither process nor file.
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { commandLine, type NodeFixture } from '../harness/node-fixture.ts';
import { processesIn } from '../harness/processes.ts';
import { startProgram } from '../harness/run.ts';
import { inTurn, placeOf } from '../harness/share.ts';
import { waitFor } from '../harness/wait-for.ts';
import {
  isRunning,
  makeWaitingNode,
  place,
  resetWaitingNode,
  startWaiting,
  target,
  untilItWaits,
  waitingToml,
} from '../harness/waiting.ts';
import { segmentNamed } from '../harness/wal-files.ts';

const name = segmentNamed(0x21);

let node: NodeFixture;
const started: ChildProcess[] = [];
beforeAll(async () => {
  node = await makeWaitingNode('wait-signals');
});
beforeEach(() => resetWaitingNode(node));
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});
afterAll(() => node[Symbol.asyncDispose]());

const nothingIsLeft = (where: NodeFixture): void => {
  expect(processesIn(where.sandbox.path)).toEqual([]);
  expect(readdirSync(where.path('data/pg_wal'))).toEqual([]);
};

/** A process that stands for the postmaster, noted in postmaster.pid. */
function standIn(where: NodeFixture): ChildProcess {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  started.push(child);
  const lines = [child.pid, where.dataDirectory, 1_700_000_000, 5432, '', 'localhost', '', 'starting'];
  place(where, 'data/postmaster.pid', `${lines.join('\n')}\n`);
  return child;
}

describe.each(['standby', 'recovery'] as const)('a wait under %s', (mode) => {
  const its = inTurn(2, placeOf[mode]);
  beforeEach(() => {
    node.mode(mode);
    if (mode === 'recovery') node.configure(waitingToml(node.path, { wait: 'warm' }));
  });

  its.each(['SIGTERM', 'SIGQUIT', 'SIGINT', 'SIGKILL'] as const)('dies of %s', async (signal) => {
    const call = await startWaiting(node, name);
    call.kill(signal);
    expect(await call.ended()).toEqual({ code: null, signal, stdout: '', stderr: '', changed: [] });
    nothingIsLeft(node);
  });
});

describe.concurrent('the server of a wait', () => {
  it('takes it along within 7 s when the postmaster is killed', async () => {
    await using own = await makeWaitingNode('wait-postmaster');
    const postmaster = standIn(own);
    const call = await startWaiting(own, name);
    const startedMs = performance.now();
    postmaster.kill('SIGKILL');
    expect(await call.ended()).toMatchObject({ code: null, signal: 'SIGTERM', stdout: '', stderr: '' });
    expect(performance.now() - startedMs).toBeLessThan(7000);
    nothingIsLeft(own);
  });

  it('is dead for it when the process that called it is', async () => {
    await using own = await makeWaitingNode('wait-parent');
    // The shell stays between, as PostgreSQL's system() has it, and is killed alone.
    const line = `echo $$; ${commandLine('restoreWALFile', name, target)}; exit $?`;
    const shell = startProgram('/bin/sh', ['-c', line], { cwd: own.dataDirectory });
    const pid = await waitFor('the program', () => childOf(shell.pid));
    await untilItWaits({ pid, hasEnded: () => !isRunning(pid) });
    shell.kill('SIGKILL');
    await waitFor('the program to end', () => !isRunning(pid), { limitMs: 7000 });
    nothingIsLeft(own);
  });

  it('is not the one of a postmaster.pid that a crash has left behind', async () => {
    await using own = await makeWaitingNode('wait-stale');
    const dead = standIn(own);
    await new Promise((resolve) => {
      dead.once('exit', resolve);
      dead.kill('SIGKILL');
    });
    const call = await startWaiting(own, name);
    place(own, 'data/promote', '');
    expect((await call.ended()).code).toBe(1);
  });
});

const childOf = (pid: number): number | undefined =>
  Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ')[0]) || undefined;
