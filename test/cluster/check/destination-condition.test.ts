// What is said of the machine of a destination by what its receiver answers: a clock that is off, and one that is too old to ask.
import { expect, it } from 'vitest';
import { conditionSteps } from '../../../src/cluster/check/destination-condition.ts';
import type { Finding } from '../../../src/cluster/check/step.ts';
import type { Scene } from '../../../src/cluster/check/scene.ts';
import type { ReadTransport } from '../../../src/transport/transport.ts';

const url = 'ssh://postgres@db2/archive';
const hour = 3_600_000;

async function ask(id: string, condition: ReadTransport['condition']): Promise<Finding> {
  const scene = { destination: () => ({ url, policy: 'required' }), road: () => ({ condition }) };
  const step = conditionSteps.find((each) => each.id === id)!;
  const [finding] = await step.run(scene as unknown as Scene, AbortSignal.timeout(10_000), 'db2');
  return finding!;
}

const clockAt =
  (apartMs: number): ReadTransport['condition'] =>
  () =>
    Promise.resolve({ freeBytes: 0, totalBytes: 0, writeMs: undefined, nowMs: Date.now() + apartMs });

it('a clock that is more than a minute off is warned of, in both directions', async () => {
  const said = async (apartMs: number): Promise<string> => {
    const { level, message } = await ask('destination-clock', clockAt(apartMs));
    return `${level}: ${message}`;
  };
  expect(await said(-59_000)).toMatch(/^ok: its clock is at most \d+ ms apart from ours$/);
  expect(await said(5 * hour + 1000)).toBe('warning: its clock is 5 hours ahead of ours');
  expect(await said(-5 * hour - 1000)).toBe('warning: its clock is 5 hours behind ours');
});

it('a receiver that is too old to be asked leaves it open, and is not well by that', async () => {
  const notTold = {
    level: 'skipped',
    message: `${url} does not tell that`,
    detail: 'The road there has no way to ask, or the twowarm over there is older than this one.',
  };
  for (const id of ['destination-room', 'destination-write', 'destination-clock']) {
    expect(await ask(id, undefined)).toEqual(notTold);
    expect(await ask(id, () => Promise.resolve(undefined))).toEqual(notTold);
  }
  // It answers, and has not written.
  expect(await ask('destination-write', clockAt(0))).toEqual(notTold);
});
