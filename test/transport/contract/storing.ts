// Rules 1 and 2: what is stored is what was read, whole, once, and never in place of something else.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Inspect } from '../../../src/transport/transport.ts';
import type { InTurn } from '../../harness/share.ts';
import { faultOf } from '../../program/fault.ts';
import { acceptAll, neverStopped, patterned, photograph, treeOf } from '../archives.ts';
import type { RoadUnderTest } from '../contract.ts';
import { gap, megabyte, partial, pathOf, putBytes, read, segment, type Opened } from './archive.ts';

export function describeStoring(opened: Opened, road: RoadUnderTest, its: InTurn): void {
  it('declares what it promises', async () => {
    await using archive = await opened();
    expect(archive.road.promises).toEqual(road.promises);
  });

  its.each([
    ['nothing', 0],
    ['one byte', 1],
    ['one chunk', 512 * 1024],
    ['one chunk and a byte', 512 * 1024 + 1],
    ['1 MB', megabyte],
    ['64 MB', 64 * megabyte],
  ])('stores and fetches %s, and the inspection sees exactly that', async (_, size) => {
    await using archive = await opened();
    const bytes = patterned(size, size);
    const source = archive.sandbox.file(`pg_wal/${segment}`, bytes);
    const putSeen = witness();
    expect(await archive.road.put(segment, source, putSeen.of, neverStopped)).toBe('stored');
    expect(read(archive).equals(bytes)).toBe(true);
    expect(await archive.road.stat(segment, neverStopped)).toEqual({ sizeBytes: size });
    const target = join(archive.sandbox.path, 'fetched');
    const getSeen = witness();
    expect(await archive.road.get(segment, target, getSeen.of, neverStopped)).toBe('fetched');
    expect(readFileSync(target).equals(bytes)).toBe(true);
    const whole = { size, ends: 1, sha256: createHash('sha256').update(bytes).digest('hex') };
    expect(putSeen.seen()).toEqual(whole);
    expect(getSeen.seen()).toEqual(whole);
  });

  it('calls the same content already stored, and shows it to the inspection again', async () => {
    await using archive = await opened();
    const bytes = patterned(megabyte, 1);
    expect(await putBytes(archive, segment, bytes)).toBe('stored');
    const before = statSync(pathOf(archive));
    const again = witness();
    const source = archive.sandbox.file(`pg_wal/again/${segment}`, bytes);
    expect(await archive.road.put(segment, source, again.of, neverStopped)).toBe('already-stored');
    expect(again.seen()).toMatchObject({ size: megabyte, ends: 1 });
    const { ino, mtimeMs } = statSync(pathOf(archive));
    expect({ ino, mtimeMs }).toEqual({ ino: before.ino, mtimeMs: before.mtimeMs });
  });

  its.each([
    ['in its first byte', 0],
    ['in its last byte', megabyte - 1],
    ['by being shorter', -1],
    ['by being longer', 1],
    ['by being empty', -megabyte],
  ])('refuses another content that differs %s, and touches neither copy', async (_, change) => {
    await using archive = await opened();
    const first = patterned(megabyte, 1);
    await putBytes(archive, segment, first);
    const other = patterned(megabyte, 1);
    if (change === 0 || change === megabyte - 1) other[change]! ^= 0xff;
    const bytes = change === 1 ? Buffer.concat([other, Buffer.alloc(1)]) : other;
    const source = archive.sandbox.file('other', change < 0 ? bytes.subarray(0, change) : bytes);
    const copy = Buffer.from(readFileSync(source));
    const before = photograph(archive.directory);
    const fault = await faultOf(() => archive.road.put(segment, source, acceptAll, neverStopped));
    const differsAt = change < 0 ? megabyte + change : change === 1 ? megabyte : change;
    const isByHash = road.isFar && !(road.fetchesToCompare && copy.length === megabyte);
    const where = isByHash ? 'their contents differ' : `they differ from byte ${differsAt} on`;
    expect(fault).toEqual({
      kind: 'archive-duplicate',
      message: `${segment} exists at ${archive.road.url} with different content`,
      detail: `The archive's copy has ${megabyte} bytes, this one ${copy.length}; ${where}. Neither was touched.`,
      hint: "Two servers archive to one place, or a restored copy of the cluster does, or the archive's copy is damaged, or was archived by hand while PostgreSQL still wrote it. Find out which copy is right.",
    });
    expect(photograph(archive.directory)).toEqual(before);
    expect(readFileSync(source).equals(copy)).toBe(true);
  });

  its('keeps every other content of a partial segment beside the first, named by its hash', async () => {
    await using archive = await opened();
    const contents = [1, 2, 3].map((seed) => patterned(megabyte, seed));
    const outcomes = [];
    for (const bytes of [...contents, ...contents]) outcomes.push(await putBytes(archive, partial, bytes));
    const [first, again] = [
      ['stored', 'stored-as-version', 'stored-as-version'],
      ['already-stored', 'stored-as-version', 'stored-as-version'],
    ] as const;
    expect(outcomes).toEqual([...first, ...again]);
    expect(read(archive, partial).equals(contents[0]!)).toBe(true);
    const kept = contents.slice(1).map((bytes) => {
      const name = `${partial}.${createHash('sha256').update(bytes).digest('hex')}`;
      expect(read(archive, `.twowarm/versions/${name}`).equals(bytes)).toBe(true);
      return name;
    });
    expect(readdirSync(join(archive.directory, '.twowarm/versions')).sort()).toEqual(kept.sort());
    expect(await archive.road.list(neverStopped)).toEqual([partial]);
  });

  its.each([0, 0o777])('makes files 0600 and directories 0700 under a umask of %o', async (umask) => {
    await using archive = await opened();
    const sources = [1, 2].map((seed) => archive.sandbox.file(`pg_wal/${seed}`, patterned(10, seed)));
    const target = join(archive.sandbox.path, 'fetched');
    const own = process.umask(umask);
    try {
      for (const source of sources) await archive.road.put(partial, source, acceptAll, neverStopped);
      await archive.road.recordGap(gap, neverStopped);
      await archive.road.get(partial, target, acceptAll, neverStopped);
    } finally {
      process.umask(own);
    }
    for (const path of treeOf(archive.directory)) {
      const mode = statSync(join(archive.directory, path)).mode & 0o7777;
      expect([path, mode.toString(8)]).toEqual([path, path.endsWith('/') ? '700' : '600']);
    }
    expect((statSync(target).mode & 0o7777).toString(8)).toBe('600');
  });

  its('records a gap once, and the first record stays', async () => {
    await using archive = await opened();
    expect(await archive.road.gapOf(segment, neverStopped)).toBeUndefined();
    await archive.road.recordGap(gap, neverStopped);
    await archive.road.recordGap({ ...gap, node: 'db9' }, neverStopped);
    expect(await archive.road.gapOf(segment, neverStopped)).toEqual(gap);
    expect(await archive.road.stat(segment, neverStopped)).toBe('missing');
  });
}

/** An inspection that remembers what it saw and checks that no chunk but the last has a broken length. */
function witness() {
  const hash = createHash('sha256');
  let [announced, seen, ends, short] = [-1, 0, 0, false];
  const inspect: Inspect = {
    add: (chunk) => {
      expect({ afterTheLast: short || ends > 0, length: chunk.length > 0 }).toEqual({
        afterTheLast: false,
        length: true,
      });
      short = chunk.length % 65_536 !== 0;
      seen += chunk.length;
      hash.update(chunk);
    },
    end: () => (ends += 1),
  };
  const of = (sizeBytes: number): Inspect => {
    announced = sizeBytes;
    return inspect;
  };
  const result = () => {
    expect(seen, 'bytes seen').toBe(announced);
    return { size: seen, ends, sha256: hash.digest('hex') };
  };
  return { of, seen: result };
}
