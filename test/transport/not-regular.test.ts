// Things under the name of a WAL file that are none: whoever put them there meant something, so nothing is "missing".
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { link, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openDestination } from '../../src/transport/open.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { faultOf } from '../program/fault.ts';
import { acceptAll, makeNode, neverStopped, patterned } from './archives.ts';

const segment = '000000010000000000000005';

const strangers: [title: string, make: (path: string) => void][] = [
  ['a directory', (path) => mkdirSync(path)],
  ['a link that leads nowhere', (path) => symlinkSync('nowhere', path)],
  ['a link to a directory', (path) => symlinkSync('.', path)],
  ['a FIFO', (path) => expect(spawnSync('mkfifo', [path]).status).toBe(0)],
];

describe('the file: road', () => {
  it.each(strangers)('does not call %s under a name missing, nor waits for it', async (_, make) => {
    await using sandbox = makeSandbox('not-regular');
    const directory = sandbox.directory('archive');
    const road = await openDestination(`file:${directory}`, makeNode(sandbox));
    make(join(directory, segment));
    const room = sandbox.directory('room');
    const refusal = { kind: 'input-output', message: `${segment} at ${road.url} is not a regular file` };
    expect(await faultOf(() => road.stat(segment, neverStopped))).toEqual(refusal);
    const get = () => road.get(segment, join(room, 'fetched'), acceptAll, neverStopped);
    expect(await faultOf(get)).toEqual(refusal);
    expect(readdirSync(room)).toEqual([]);
  });

  it('takes no file for a stranger that is published while it is looked for', async () => {
    await using sandbox = makeSandbox('appearing');
    const directory = sandbox.directory('archive');
    const road = await openDestination(`file:${directory}`, makeNode(sandbox));
    const source = sandbox.file('source', patterned(1000, 1));
    const zstd = sandbox.file('source.zst', zstdCompressSync(patterned(1000, 1)));
    const room = sandbox.directory('room');
    const seen = new Set<string>();
    for (let round = 0; round < 600; round++) {
      const name = `0000000100000000${round.toString(16).toUpperCase().padStart(8, '0')}`;
      const [compressed, linked] = [round % 3 === 1, round % 3 === 2];
      const path = join(directory, compressed ? `${name}.zst` : name);
      // Over a round of system calls of another thread, so that it comes between any two of the looks.
      const publish = async (): Promise<void> => {
        for (let waits = 0; waits < round % 7; waits++) await stat(source);
        await (linked ? symlink(source, path) : link(compressed ? zstd : source, path));
      };
      const looks = [
        road.stat(name, neverStopped),
        road.get(name, join(room, name), acceptAll, neverStopped),
        publish().then(() => 'published'),
      ];
      for (const each of await Promise.all(looks))
        seen.add(typeof each === 'string' ? each : `${each.sizeBytes}`);
    }
    expect(seen).toEqual(new Set(['missing', 'fetched', '1000', 'published']));
  });

  it('lists regular files only, whatever else has the name of one', async () => {
    await using sandbox = makeSandbox('not-regular');
    const directory = sandbox.directory('archive');
    const road = await openDestination(`file:${directory}`, makeNode(sandbox));
    for (const [index, [, make]] of strangers.entries()) {
      make(join(directory, `00000001000000000000000${index}`));
    }
    writeFileSync(join(directory, segment), 'x');
    symlinkSync(segment, join(directory, '000000010000000000000006'));
    expect(await road.list(neverStopped)).toEqual([segment]);
  });

  it('reads a file through a link, as cp would', async () => {
    await using sandbox = makeSandbox('not-regular');
    const directory = sandbox.directory('archive');
    const road = await openDestination(`file:${directory}`, makeNode(sandbox));
    symlinkSync(sandbox.file('elsewhere', patterned(1000, 1)), join(directory, segment));
    expect(await road.stat(segment, neverStopped)).toEqual({ sizeBytes: 1000 });
    const target = join(sandbox.directory('room'), 'fetched');
    expect(await road.get(segment, target, acceptAll, neverStopped)).toBe('fetched');
  });
});
