// The private directories of calls that run at the same time.
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { inRoom } from '../../../src/transport/rsync/rooms.ts';
import { makeSandbox } from '../../harness/sandbox.ts';
import { startScript } from '../../harness/source-script.ts';
import { faultOf } from '../../program/fault.ts';
import { makeNode } from '../archives.ts';
import type { RoomsFacts } from '../children/rooms.ts';

it('are made while those of other processes go, and nothing of them stays', async () => {
  await using sandbox = makeSandbox('rooms');
  const node = makeNode(sandbox);
  const facts: RoomsFacts = { node, times: 400 };
  const children = Array.from({ length: 4 }, () => startScript('test/transport/children/rooms.ts', facts));
  for (const { result } of children)
    expect(await result).toMatchObject({ code: 0, stdout: '400', stderr: '' });
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
