// The file: road with compression = 'zstd': the contract, and the form in which it leaves files.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openDestination } from '../../../src/transport/open.ts';
import { makeSandbox } from '../../harness/sandbox.ts';
import { acceptAll, makeNode, neverStopped, patterned, treeOf } from '../archives.ts';
import { zstdStorage } from '../compressed-storage.ts';
import { describeRoad } from '../contract.ts';

describeRoad('the file: road with compression', {
  turn: 2,
  promises: { exclusive: true, durable: true },
  open: async (sandbox) => {
    const directory = sandbox.directory('archive');
    const again = () => openDestination(`file:${directory}`, makeNode(sandbox), { compression: 'zstd' });
    return { road: await again(), directory, again };
  },
  storage: zstdStorage,
});

const segment = '000000010000000000000005';

it('the file: road with compression compresses segments, whole and partial, and nothing else', async () => {
  await using sandbox = makeSandbox('forms');
  const directory = sandbox.directory('archive');
  const road = await openDestination(`file:${directory}`, makeNode(sandbox), { compression: 'zstd' });
  const names = [segment, `${segment}.partial`, `${segment}.00000028.backup`, '00000002.history'];
  for (const name of names)
    await road.put(name, sandbox.file('source', patterned(1000, 1)), acceptAll, neverStopped);
  expect(readdirSync(directory).sort()).toEqual([
    '.twowarm',
    `${segment}.00000028.backup`,
    `${segment}.partial.zst`,
    `${segment}.zst`,
    '00000002.history',
  ]);
  expect(treeOf(join(directory, '.twowarm/contents'))).toEqual([segment, `${segment}.partial`]);
  expect(await road.list(neverStopped)).toEqual([...names].sort());
  const record: unknown = JSON.parse(readFileSync(join(directory, '.twowarm/contents', segment), 'utf8'));
  const compressed = readFileSync(join(directory, `${segment}.zst`));
  expect(record).toEqual({
    name: segment,
    sizeBytes: 1000,
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    stored: { sizeBytes: compressed.length, ending: compressed.subarray(-16).toString('hex') },
  });
});
