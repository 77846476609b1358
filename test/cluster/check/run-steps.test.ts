// The run of the steps: what is told of them, and what happens when it is told to stop.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { ProgramError } from '../../../src/program/program-error.ts';
import { runSteps } from '../../../src/cluster/check/run-steps.ts';
import type { Scene } from '../../../src/cluster/check/scene.ts';
import type { Step } from '../../../src/cluster/check/step.ts';

it('a check that is told to stop ends once every step has removed what it has made', async () => {
  const stop = new AbortController();
  const left = new Set(['slow one', 'slow other']);
  const step = (id: string, cleanUpMs: number, ...subjects: string[]): Step => ({
    id,
    looksAt: 'nothing',
    doing: () => 'wait',
    ...(subjects.length > 0 && { subjects: () => subjects }),
    run: async (_scene, signal, subject) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await pause(subject === 'quick' ? 0 : cleanUpMs);
      left.delete(`${id} ${subject}`);
      throw signal.reason;
    },
  });
  const steps = [step('at-once', 0), step('slow', 200, 'quick', 'one', 'other')];
  const running = runSteps(steps, () => true, { limitMs: 10_000 } as Scene, stop.signal);
  setTimeout(() => stop.abort(new Error('told to stop')), 50);
  await expect(running).rejects.toThrow('told to stop');
  expect([...left]).toEqual([]);
});

it('what keeps a wanted step from being judged is told with it, and nothing else is', async () => {
  const step = (id: string, level: 'ok' | 'critical', ...needs: string[]): Step => ({
    ...{ id, needs, looksAt: 'nothing', doing: () => 'look' },
    run: () => [{ level, message: id }],
  });
  const steps = [
    ...[step('configuration', 'critical'), step('server', 'critical')],
    ...[step('road', 'ok', 'configuration'), step('write', 'ok', 'road'), step('fine', 'ok')],
  ];
  const told = async (...ids: string[]): Promise<string[]> => {
    const scene = { limitMs: 10_000 } as Scene;
    const isWanted = ({ id }: Step): boolean => ids.includes(id);
    const results = await runSteps(steps, isWanted, scene, new AbortController().signal);
    return results.map((result) => `${result.step.id} ${result.level}`);
  };
  expect(await told('write')).toEqual(['configuration critical', 'write skipped']);
  expect(await told('write', 'configuration')).toEqual(['configuration critical', 'write skipped']);
  expect(await told('fine')).toEqual(['fine ok']);
});

it('a step that broke leaves nothing to the steps that need it, also where its fault is only a warning', async () => {
  const road: Step = {
    ...{ id: 'road', looksAt: 'nothing', doing: () => 'open the road', faultIs: () => 'warning' },
    run: () => {
      throw new ProgramError('unreachable', 'could not open the road');
    },
  };
  const write: Step = {
    ...{ id: 'write', needs: ['road'], looksAt: 'nothing', doing: () => 'write' },
    run: () => {
      throw new Error('there is no road');
    },
  };
  const scene = { limitMs: 10_000 } as Scene;
  const results = await runSteps([road, write], () => true, scene, new AbortController().signal);
  expect(results.map(({ level, findings }) => [level, findings[0]!.message])).toEqual([
    ['warning', 'could not open the road'],
    ['skipped', 'not judged: road has failed'],
  ]);
});
