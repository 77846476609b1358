// Child processes, and what they leave behind.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { exec, plainEnvironment } from '../../src/program/exec.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { isRunning } from '../harness/waiting.ts';

const environment = plainEnvironment(process.env);
const run = (script: string, signal: AbortSignal) => exec('sh', ['-c', script], { signal, environment });

it('does not wait for what has left the group of a program that has ended', async () => {
  const signal = AbortSignal.timeout(20_000);
  const { code, stdout } = await run('setsid sleep 30 & echo done', signal);
  expect([code, stdout]).toEqual([0, 'done\n']);
});

it('nor when it is told to stop', async () => {
  const begin = performance.now();
  await expect(run('setsid sleep 30 & sleep 30', AbortSignal.timeout(200))).rejects.toThrow();
  expect(performance.now() - begin).toBeLessThan(10_000);
});

it('ends a program that does not heed SIGTERM', async () => {
  const begin = performance.now();
  await expect(run('trap "" TERM; sleep 10', AbortSignal.timeout(200))).rejects.toThrow();
  expect(performance.now() - begin).toBeLessThan(6000);
});

it('ends what the program has started, too', async () => {
  await using sandbox = makeSandbox('exec');
  const script = `sleep 10 >/dev/null 2>&1 & echo $! >'${sandbox.path}/pid'; wait`;
  await expect(run(script, AbortSignal.timeout(1000))).rejects.toThrow();
  const pid = Number(readFileSync(`${sandbox.path}/pid`, 'utf8'));
  await expect.poll(() => isRunning(pid), { timeout: 3000 }).toBe(false);
});
