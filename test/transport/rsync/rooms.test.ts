// The private directories of calls that run at the same time.
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { inRoom } from '../../../src/transport/rsync/rooms.ts';
import { makeSandbox } from '../../harness/sandbox.ts';
import { faultOf } from '../../program/fault.ts';
import { makeNode } from '../archives.ts';

it('are made while others go, and nothing of them stays', async () => {
  await using sandbox = makeSandbox('rooms');
  const node = makeNode(sandbox);
  const rooms = new Set<string>();
  const one = async (): Promise<void> => {
    for (let times = 0; times < 20; times++) await inRoom(node, async (room) => void rooms.add(room));
  };
  await Promise.all(Array.from({ length: 12 }, one));
  expect(rooms.size).toBe(240);
  expect(readdirSync(node.stateDirectory)).not.toContain('rsync');
});

it('are not looked for again and again where there is no home', async () => {
  await using sandbox = makeSandbox('rooms');
  const node = { ...makeNode(sandbox), stateDirectory: sandbox.path + '/nowhere' };
  expect(await faultOf(() => inRoom(node, async () => undefined))).toMatchObject({
    kind: 'directory-missing',
    message: `could not create a directory in ${node.stateDirectory}/rsync: No such file or directory`,
  });
});
