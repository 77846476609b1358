// Compression on both sides of a relay: what has arrived compressed goes on, and each destination keeps it as it says.
import { readFileSync, unlinkSync } from 'node:fs';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

import {
  destinationsToml,
  leftovers,
  makeRelayNode,
  arrive,
  namesIn,
  passed,
  silence,
  startedRelay,
  untilThere,
} from './fixture.ts';
import { makeNode } from '../harness/node-fixture.ts';
import { segmentBytes, segmentNamed } from '../harness/wal-files.ts';

const [first, second, third] = [segmentNamed(1), segmentNamed(2), segmentNamed(3)];
const packed = (name: string): Uint8Array => zstdCompressSync(segmentBytes(name));

describe('a relay and compression', () => {
  it('stores at a destination in the form that this one says', async () => {
    await using node = await makeRelayNode('zstd-there', { more: "compression = 'zstd'\n" });
    arrive(node, first);
    arrive(node, '00000002.history', '1\t0/200000\tno recovery target specified\n');
    expect(await passed(node)).toEqual(silence);
    expect(namesIn(node, 'dr')).toEqual([`${first}.zst`, '00000002.history']);
    expect(zstdDecompressSync(readFileSync(node.path(`dr/${first}.zst`))).equals(segmentBytes(first))).toBe(
      true,
    );
    expect(await passed(node)).toEqual(silence);
  });

  it('carries what its own archive holds compressed, in a pass and when it arrives', async () => {
    await using node = await makeNode('zstd-here', {
      configuration: (path) =>
        destinationsToml({ path }, ['dr']) + destinationsToml({ path }, ['far'], "compression = 'zstd'\n"),
      directories: ['twowarm/archive', 'dr', 'far'],
      used: false,
    });
    node.mode('standby');
    arrive(node, `${first}.zst`, packed(first));
    expect(await passed(node)).toEqual(silence);
    expect(namesIn(node, 'dr')).toEqual([first]);
    expect(namesIn(node, 'far')).toEqual([`${first}.zst`]);
    const relay = await startedRelay(node);
    arrive(node, `${second}.zst`, packed(second));
    await untilThere(node, [second]);
    arrive(node, third);
    await untilThere(node, [third]);
    await untilThere(node, [`${second}.zst`, `${third}.zst`], 'far');
    expect((await relay.stop()).stderr.split('\n')).toHaveLength(2);
    for (const name of [first, second, third]) {
      expect(readFileSync(node.path(`dr/${name}`)).equals(segmentBytes(name)), name).toBe(true);
      const far = readFileSync(node.path(`far/${name}.zst`));
      expect(zstdDecompressSync(far).equals(segmentBytes(name)), name).toBe(true);
    }
    expect(leftovers(node)).toEqual([]);
  });

  it('tells of a compressed file that is damaged, by name, and carries the others', async () => {
    await using node = await makeRelayNode('zstd-damaged');
    arrive(node, `${first}.zst`, packed(first).subarray(0, 40));
    arrive(node, `${second}.zst`, packed(second));
    const { code, stderr } = await passed(node);
    expect(stderr).toMatch(
      new RegExp(`^rsyncDR: ERROR: {2}${node.path('twowarm/archive')}/${first}.zst is damaged: `),
    );
    expect(code).not.toBe(0);
    expect(namesIn(node, 'dr')).toEqual([second]);
    unlinkSync(node.path(`twowarm/archive/${first}.zst`));
    expect(await passed(node)).toEqual(silence);
    expect(leftovers(node)).toEqual([]);
  });
});
