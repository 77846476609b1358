// How far a standby is, judged by what its server answers: ages that a real one would have to be waited for.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Scene } from '../../../src/cluster/check/scene.ts';
import { sourceSteps } from '../../../src/cluster/check/sources.ts';
import { makeNode, type NodeFixture } from '../../harness/node-fixture.ts';

const replay = sourceSteps.find(({ id }) => id === 'replay')!;
let node: NodeFixture;
beforeAll(async () => {
  node = await makeNode('check-replay');
});
afterAll(() => node[Symbol.asyncDispose]());

const levelOf = async (age: number | null, up: number): Promise<string> => {
  const row = { replayed: '0/3000000', age, up, is_paused: false };
  const server = { rows: () => Promise.resolve([row]) };
  const scene = { server, node: { settings: { dataDirectory: node.dataDirectory } } } as unknown as Scene;
  const [finding] = await replay.run(scene, AbortSignal.timeout(10_000), '');
  return `${finding!.level}: ${finding!.message}`;
};

it('a standby to which no commit comes is behind, also where none has come since it was started', async () => {
  expect([await levelOf(60, 86_400), await levelOf(3600, 86_400)]).toEqual([
    'ok: replayed up to 0/3000000; the last commit there is 60 s old',
    'warning: replayed up to 0/3000000; the last commit there is 60 min old',
  ]);
  expect([await levelOf(null, 60), await levelOf(null, 86_400)]).toEqual([
    'ok: replayed up to 0/3000000, without a commit since the server was started 60 s ago',
    'warning: replayed up to 0/3000000, without a commit since the server was started 24 hours ago',
  ]);
});
