// A file that turns out to be damaged while a receiver sends it: the near end hears of it at once and delivers nothing.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openDestination } from '../../../src/transport/open.ts';
import { makeSandbox } from '../../harness/sandbox.ts';
import { faultOf } from '../../program/fault.ts';
import { acceptAll, makeNode, neverStopped, patterned } from '../archives.ts';
import { roadTo } from './spawned.ts';

const name = '000000010000000000000005';

it(
  'a receiver that cannot send all of a file ends the request with its fault',
  { timeout: 20_000 },
  async () => {
    await using sandbox = makeSandbox('damaged');
    const directory = sandbox.directory('archive');
    const node = makeNode(sandbox);
    const local = await openDestination(`file:${directory}`, node, { compression: 'zstd' });
    const source = sandbox.file('source', patterned(4 * 1024 * 1024, 1));
    expect(await local.put(name, source, acceptAll, neverStopped)).toBe('stored');
    const path = join(directory, `${name}.zst`);
    const bytes = readFileSync(path);
    // Size and end stay: what is on record of the file still seems to be about these bytes.
    bytes.fill(0xff, bytes.length >> 1, (bytes.length >> 1) + 4096);
    writeFileSync(path, bytes);
    const road = await roadTo(directory, makeNode(sandbox), 'read');
    const target = join(sandbox.path, 'fetched');
    const { kind } = await faultOf(() => road.get(name, target, acceptAll, neverStopped));
    expect(kind).toBe('invalid-file');
    expect(existsSync(target)).toBe(false);
    await road.close();
  },
);
