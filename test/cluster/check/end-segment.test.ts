// The end of the segment that --full follows, by a server that does not let this user end one.
import { DatabaseError } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { endSteps } from '../../../src/cluster/check/end-segment.ts';
import type { Scene } from '../../../src/cluster/check/scene.ts';
import { makeNode, type NodeFixture } from '../../harness/node-fixture.ts';

const end = endSteps.find(({ id }) => id === 'segment-end')!;
let node: NodeFixture;
beforeAll(async () => {
  node = await makeNode('check-end');
});
afterAll(() => node[Symbol.asyncDispose]());

function refusing(code: string): Scene {
  const error = Object.assign(new DatabaseError('no', 2, 'error'), { code });
  const server = { rows: () => Promise.reject(error) };
  return { server, node: { settings: { home: node.home } } } as unknown as Scene;
}

it('a user who may not call pg_switch_wal() is told so, and nothing is said to be well or critical', async () => {
  const signal = AbortSignal.timeout(10_000);
  expect(await end.run(refusing('42501'), signal, '')).toEqual([
    {
      level: 'unknown',
      message: 'could not end the current segment: this user may not call pg_switch_wal()',
      hint: 'As a superuser: grant execute on function pg_switch_wal() to the user of node.conninfo, or let the check connect as a superuser.',
    },
  ]);
  await expect(async () => end.run(refusing('57P01'), signal, '')).rejects.toThrow('no');
});
