// Child processes, and what they leave behind.
import { expect, it } from 'vitest';
import { exec, plainEnvironment } from '../../src/program/exec.ts';

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
