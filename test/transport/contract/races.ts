// Rule 2 with two writers of one name: exactly one wins, and the name holds the whole of one content.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { InTurn } from '../../harness/share.ts';
import { faultOf } from '../../program/fault.ts';
import { acceptAll, neverStopped, patterned, treeOf } from '../archives.ts';
import { megabyte, namesIn, partial, putBytes, read, segment, type Opened } from './archive.ts';

const rounds = Array.from({ length: 12 }, (_, round) => round);
const nameOf = (round: number): string => `0000000100000000000000${(round + 16).toString(16).toUpperCase()}`;

export function describeRaces(opened: Opened, its: InTurn): void {
  its('stores the same bytes once, and both writers succeed', async () => {
    await using archive = await opened();
    const other = await archive.again();
    const bytes = patterned(megabyte, 1);
    for (const name of rounds.map(nameOf)) {
      const outcomes = await Promise.all([
        putBytes(archive, name, bytes),
        putBytes(archive, name, bytes, other),
      ]);
      expect(outcomes.sort()).toEqual(['already-stored', 'stored']);
      expect(read(archive, name).equals(bytes)).toBe(true);
    }
    expect(namesIn(archive)).toEqual(rounds.map(nameOf));
    await other.close();
  });

  it('stores one of two contents whole, and refuses the other writer', async () => {
    await using archive = await opened();
    const other = await archive.again();
    const contents = [patterned(megabyte, 1), patterned(megabyte, 2)] as const;
    for (const name of rounds.map(nameOf)) {
      const results = await Promise.allSettled([
        putBytes(archive, name, contents[0]),
        putBytes(archive, name, contents[1], other),
      ]);
      const winner = results.findIndex(({ status }) => status === 'fulfilled');
      expect(results[winner]).toEqual({ status: 'fulfilled', value: 'stored' });
      expect(results[1 - winner]).toMatchObject({
        status: 'rejected',
        reason: {
          kind: 'archive-duplicate',
          message: `${name} exists at ${archive.road.url} with different content`,
        },
      });
      expect(read(archive, name).equals(contents[winner]!)).toBe(true);
    }
    expect(namesIn(archive)).toEqual(rounds.map(nameOf));
    await other.close();
  });

  its('keeps both of two partial segments', async () => {
    await using archive = await opened();
    const other = await archive.again();
    const outcomes = await Promise.all([
      putBytes(archive, partial, patterned(megabyte, 1)),
      putBytes(archive, partial, patterned(megabyte, 2), other),
    ]);
    expect(outcomes.sort()).toEqual(['stored', 'stored-as-version']);
    const kept = treeOf(archive.directory).filter(
      (path) => path.includes(partial) && !path.startsWith('.twowarm/contents/'),
    );
    expect(kept).toHaveLength(2);
    await other.close();
  });

  its.each([
    ['the same bytes', 1],
    ['other bytes', 2],
  ])('does not replace a file with %s that takes the name at the last moment', async (_, seed) => {
    await using archive = await opened();
    const source = archive.sandbox.file('source', patterned(megabyte, 1));
    const stranger = patterned(megabyte, seed);
    const takeTheName = (): void => writeFileSync(join(archive.directory, segment), stranger, { flag: 'wx' });
    const inspectOf = () => ({ add: () => undefined, end: takeTheName });
    const put = (): Promise<string> => archive.road.put(segment, source, inspectOf, neverStopped);
    if (seed === 1) expect(await put()).toBe('already-stored');
    else expect(await faultOf(put)).toMatchObject({ kind: 'archive-duplicate' });
    expect(read(archive).equals(stranger)).toBe(true);
    expect(namesIn(archive)).toEqual([segment]);
  });

  its('goes on after a writer that was stopped', async () => {
    await using archive = await opened();
    const other = await archive.again();
    const source = archive.sandbox.file('source', patterned(megabyte, 1));
    const broken = new Error('stopped');
    const stop = (): never => {
      throw broken;
    };
    const [stopped, whole] = await Promise.allSettled([
      archive.road.put(segment, source, () => ({ add: stop, end: stop }), neverStopped),
      other.put(segment, source, acceptAll, neverStopped),
    ]);
    expect(stopped).toEqual({ status: 'rejected', reason: broken });
    expect(whole).toEqual({ status: 'fulfilled', value: 'stored' });
    expect(namesIn(archive)).toEqual([segment]);
    await other.close();
  });
}
