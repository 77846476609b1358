// Rule 1 from the inside: the inspection watches the bytes pass, and what it refuses leaves no trace.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Inspect } from '../../../src/transport/transport.ts';
import type { InTurn } from '../../harness/share.ts';
import { acceptAll, neverStopped, openFilesIn, patterned, treeOf } from '../archives.ts';
import { megabyte, namesIn, putBytes, segment, type Opened } from './archive.ts';

export function describeInspection(opened: Opened, its: InTurn): void {
  it('shows nothing under the name while the bytes are on their way', async () => {
    await using archive = await opened();
    const source = archive.sandbox.file('source', patterned(4 * megabyte, 1));
    const looks: string[][] = [];
    const look = (): void => void looks.push(namesIn(archive).filter((name) => !name.startsWith('.tmp.')));
    await archive.road.put(segment, source, () => ({ add: look, end: look }), neverStopped);
    expect(looks.length).toBeGreaterThan(2);
    expect(looks.flat()).toEqual([]);
    expect(namesIn(archive)).toEqual([segment]);
  });

  its.each([
    ['the first chunk', 1],
    ['a chunk in the middle', 3],
    ['the end', Infinity],
    ['the size', 0],
  ])('stores nothing and leaves nothing when the inspection refuses %s', async (_, refused) => {
    await using archive = await opened();
    const source = archive.sandbox.file('source', patterned(4 * megabyte, 1));
    const before = treeOf(archive.directory);
    const refusal = new Error('not what it claims to be');
    const put = archive.road.put(segment, source, refusing(refused, refusal), neverStopped);
    await expect(put).rejects.toBe(refusal);
    expect(treeOf(archive.directory)).toEqual(before);
    expect(await archive.road.list(neverStopped)).toEqual([]);
    expect(openFilesIn(archive.sandbox.path)).toEqual([]);
    expect(await archive.road.put(segment, source, acceptAll, neverStopped)).toBe('stored');
  });

  its('refuses a damaged file also when the same name is stored already', async () => {
    await using archive = await opened();
    const source = archive.sandbox.file('source', patterned(2 * megabyte, 1));
    await putBytes(archive, segment, patterned(megabyte, 2));
    const refusal = new Error('not what it claims to be');
    const put = archive.road.put(segment, source, refusing(Infinity, refusal), neverStopped);
    await expect(put).rejects.toBe(refusal);
  });

  its.each([
    ['the first chunk', 1],
    ['a chunk in the middle', 3],
    ['the end', Infinity],
    ['the size', 0],
  ])('delivers nothing when the inspection refuses %s of what it fetches', async (_, refused) => {
    await using archive = await opened();
    await putBytes(archive, segment, patterned(4 * megabyte, 1));
    const room = archive.sandbox.directory('room');
    const refusal = new Error('not what it claims to be');
    const get = archive.road.get(segment, join(room, 'fetched'), refusing(refused, refusal), neverStopped);
    await expect(get).rejects.toBe(refusal);
    expect(readdirSync(room)).toEqual([]);
    expect(openFilesIn(archive.sandbox.path)).toEqual([]);
  });
}

/** Throws at the n-th chunk, at the end for Infinity, before the first for 0. */
function refusing(chunk: number, refusal: Error) {
  return (): Inspect => {
    if (chunk === 0) throw refusal;
    let count = 0;
    return {
      add: () => {
        count += 1;
        if (count === chunk) throw refusal;
      },
      end: () => {
        throw refusal;
      },
    };
  };
}
