// Rules 4 and 5: the list is complete files in name order; removing is repeatable; no verb takes a name that is none.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { InTurn } from '../../harness/share.ts';
import { faultOf } from '../../program/fault.ts';
import { acceptAll, neverStopped, patterned, photograph } from '../archives.ts';
import type { RoadUnderTest } from '../contract.ts';
import { backup, gap, history, namesIn, partial, putBytes, read, segment, type Opened } from './archive.ts';

const notWalNames = [
  '',
  '.',
  '..',
  '../000000010000000000000005',
  'x/000000010000000000000005',
  '000000010000000000000005/',
  '00000001000000000000000a',
  '000000010000000000000005.zst',
  '000000010000000000000005\n',
  '000000000000000000000005',
  '.twowarm',
  '.tmp.000000010000000000000005.1.2.3.4',
  'RECOVERYXLOG',
];

export function describeListing(opened: Opened, road: RoadUnderTest, its: InTurn): void {
  its('lists nothing in an archive that holds nothing', async () => {
    await using archive = await opened();
    expect(await archive.road.list(neverStopped)).toEqual([]);
  });

  its('lists every kind of file in name order, and nothing else that lies there', async () => {
    await using archive = await opened();
    const inOrder = [
      '000000010000000000000004',
      segment,
      backup,
      partial,
      '00000001000000FF00000000',
      history,
    ];
    for (const name of [...inOrder].reverse()) await putBytes(archive, name, patterned(10, 1));
    const strangers = [
      'README',
      'lost+found',
      '.hidden',
      `${segment}x`,
      segment.toLowerCase().replace('5', 'a'),
    ];
    const ours = [`.tmp.${segment}.00000000000000ff.1.2.abcdef`, `${history}.tmp`, `${segment}.zst`];
    for (const name of [...strangers, ...ours]) writeFileSync(join(archive.directory, name), 'x');
    expect(await archive.road.list(neverStopped)).toEqual([...inOrder]);
  });

  its('lists what another writer has stored since', async () => {
    await using archive = await opened();
    const other = await archive.again();
    await putBytes(archive, segment, patterned(10, 1));
    await putBytes(archive, history, patterned(10, 1), other);
    expect(await archive.road.list(neverStopped)).toEqual([segment, history]);
    expect(await other.list(neverStopped)).toEqual([segment, history]);
    await other.close();
  });

  it('says that the directory does not exist rather than that it is empty', async () => {
    await using archive = await opened();
    rmSync(archive.directory, { recursive: true });
    const fault = await faultOf(() => archive.road.list(neverStopped));
    expect(fault.kind).toBe('directory-missing');
  });

  const removesNothing = async (): Promise<void> => {
    await using archive = await opened();
    await putBytes(archive, segment, patterned(10, 1));
    expect(await faultOf(() => archive.road.remove(segment, neverStopped))).toEqual({
      kind: 'not-allowed',
      message: `cannot remove ${segment} at ${archive.road.url}: ${road.removesNothing ?? 'a receiver removes nothing'}`,
      hint: 'Run twowarm prune on the machine of the archive.',
    });
    expect(namesIn(archive)).toEqual([segment]);
  };

  const removes = async (): Promise<void> => {
    await using archive = await opened();
    for (const name of [segment, history]) await putBytes(archive, name, patterned(10, 1));
    expect(await archive.road.remove(segment, neverStopped)).toBe('removed');
    expect(await archive.road.remove(segment, neverStopped)).toBe('missing');
    expect(await archive.road.remove('000000090000000000000001', neverStopped)).toBe('missing');
    expect(namesIn(archive)).toEqual([history]);
    expect(await archive.road.stat(segment, neverStopped)).toBe('missing');
    expect(await putBytes(archive, segment, patterned(10, 2))).toBe('stored');
  };

  if (road.isFar) its('removes nothing, and says where that is done', removesNothing);
  else its('removes a file, and one that is absent, and leaves the rest', removes);

  its('takes nothing else for a name, and touches nothing', async () => {
    await using archive = await opened();
    mkdirSync(join(archive.directory, 'x'));
    for (const path of [`x/${segment}`, `../${segment}`]) writeFileSync(join(archive.directory, path), 'x');
    await putBytes(archive, segment, patterned(10, 1));
    await archive.road.recordGap(gap, neverStopped);
    const before = photograph(archive.directory);
    const source = archive.sandbox.file('source', patterned(10, 1));
    const target = join(archive.sandbox.path, 'fetched');
    const { road } = archive;
    for (const name of notWalNames) {
      const refusal = { kind: 'invalid-name', message: `"${name}" is not the name of a WAL file` };
      const verbs: Record<string, () => Promise<unknown>> = {
        put: () => road.put(name, source, acceptAll, neverStopped),
        get: () => road.get(name, target, acceptAll, neverStopped),
        stat: () => road.stat(name, neverStopped),
        remove: () => road.remove(name, neverStopped),
        recordGap: () => road.recordGap({ ...gap, name }, neverStopped),
        gapOf: () => road.gapOf(name, neverStopped),
      };
      for (const [verb, call] of Object.entries(verbs)) {
        expect([verb, await faultOf(call)]).toEqual([verb, refusal]);
      }
      expect(photograph(archive.directory), name).toEqual(before);
    }
    expect(read(archive, `../${segment}`).toString()).toBe('x');
  });
}
