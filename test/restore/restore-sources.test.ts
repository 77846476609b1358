// restoreWALFile and what a source directory is: an archive, a plain directory that cp fills, the empty place where a
// disk should be mounted, another archive than before. An absence is only believed where it can be.
import { chmodSync, rmSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  makeNode,
  oneDestination,
  refused,
  silent,
  type Mode,
  type NodeFixture,
} from '../harness/node-fixture.ts';
import { inTurn, placeOf } from '../harness/share.ts';
import { anotherCluster, ourCluster, segmentBytes, segmentNamed } from '../harness/wal-files.ts';

const modes: [Mode, number][] = [
  ['standby', 1],
  ['recovery', 200],
  ['none', 1],
];
const target = 'pg_wal/RECOVERYXLOG';
const name = segmentNamed(0x21);
const other = segmentNamed(0x20);

let node: NodeFixture;
let source: string;
beforeEach(async () => {
  node = await makeNode('restore-sources', {
    configuration: (path) =>
      `${oneDestination(path)}[restore]\nsources = ['file:${path('source')}']\nretry_limit = '200ms'\nwait = 'off'\n`,
    directories: ['db2', 'source'],
  });
  source = node.path('source');
  // What a first call makes in the home, whatever it is asked.
  node.segment(other, {}, 'source');
  node.mode('none');
  await node.restore(other, target);
  for (const path of [`data/${target}`, `source/${other}`]) rmSync(node.path(path));
});
afterEach(() => node[Symbol.asyncDispose]());

const error = (...lines: string[]): string => `restoreWALFile: ERROR:  ${lines.join('\n')}\n`;
const isArchive = (archive = '0123456789abcdef', cluster = ourCluster): void => {
  node.sandbox.file('source/.twowarm/format', 'twowarm archive 1\n');
  const owner = { archive, system_identifier: String(cluster) };
  node.sandbox.file('source/.twowarm/owner', `${JSON.stringify(owner)}\n`);
};
const note = (): string => node.path(`twowarm/state/archives/${encodeURIComponent(source)}`);

describe('an empty directory that was never an archive', () => {
  const vacant = (file = name): string =>
    error(
      `could not restore ${file}: the source file:${source} is empty and was never an archive`,
      `HINT:  Mount it, or correct restore.sources in ${node.path('twowarm/twowarm.toml')}.`,
    );

  it.each([name, '00000002.history'])('does not end a recovery: %s is unknown', async (file) => {
    node.mode('recovery');
    expect(await node.restore(file, target)).toEqual(refused(200, vacant(file)));
  });

  it('is as empty with what a file system or a person leaves in it', async () => {
    node.mode('recovery');
    node.sandbox.directory('source/lost+found');
    node.sandbox.file('source/README', 'archive of db1');
    node.sandbox.file(`source/${name}.tmp`, segmentBytes(name));
    expect(await node.restore(name, target)).toEqual(refused(200, vacant()));
  });

  it.each(['standby', 'none'] as const)(
    'makes the file absent under %s, where nothing ends by it',
    async (mode) => {
      node.mode(mode);
      expect(await node.restore(name, target)).toEqual(refused(1, ''));
    },
  );
});

describe.each(modes)('under %s', (mode, unknown) => {
  const its = inTurn(3, placeOf[mode]);
  beforeEach(() => node.mode(mode));

  its('an archive without WAL is believed', async () => {
    isArchive();
    const { code, stderr } = await node.restore(name, target);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
  });

  its('a plain directory with WAL of this cluster is believed', async () => {
    node.segment(other, {}, 'source');
    expect(await node.restore(name, target)).toEqual(refused(1, ''));
    expect(await node.restore(other, target)).toEqual(silent([`created data/${target}`]));
  });

  its('a plain directory with WAL of another cluster is refused, also for what it lacks', async () => {
    node.segment(other, { systemIdentifier: anotherCluster }, 'source');
    const message = (file: string): string =>
      error(
        `could not restore ${file}: the archive ${source} belongs to another cluster`,
        `DETAIL:  It holds WAL of system identifier ${anotherCluster}; this cluster is ${ourCluster}.`,
        'HINT:  Give each cluster an archive directory of its own.',
      );
    expect(await node.restore(name, target)).toEqual(refused(unknown, message(name)));
    // A standby's log has it already.
    const again = mode === 'standby' ? '' : message(other);
    expect(await node.restore(other, target)).toEqual(refused(unknown, again));
  });

  its('a plain directory whose WAL may not be read cannot be known', async () => {
    const path = node.sandbox.file(`source/${other}`, segmentBytes(other), 0);
    const message = error(`could not restore ${name}: could not read ${path}: Permission denied`);
    expect(await node.restore(name, target)).toEqual(refused(unknown, message));
  });

  its('a plain directory that may not be listed cannot be known', async () => {
    node.segment(other, {}, 'source');
    chmodSync(source, 0o300);
    const outcome = await node.restore(name, target);
    chmodSync(source, 0o700);
    const message = error(
      `could not restore ${name}: could not look into the archive directory ${source}: Permission denied`,
    );
    expect(outcome).toEqual(refused(unknown, message));
  });

  its(
    'another archive in the place of the one that was used is refused, although it has the file',
    async () => {
      isArchive();
      node.segment(name, {}, 'source');
      expect((await node.restore(name, target)).code).toBe(0);
      rmSync(node.path(`data/${target}`));
      isArchive('fedcba9876543210');
      const message = error(
        `could not restore ${name}: the archive ${source} is another one than this node has used there`,
        'DETAIL:  Both belong to this cluster, but what was stored in the one is not in the other.',
        `HINT:  Mount the right disk. If it was replaced on purpose, remove ${note()}.`,
      );
      expect(await node.restore(name, target)).toEqual(refused(unknown, message));
      rmSync(note());
      expect((await node.restore(name, target)).code).toBe(0);
    },
  );

  its('an empty directory in the place of the archive that was used is refused', async () => {
    isArchive();
    await node.restore(name, target);
    rmSync(node.path('source/.twowarm'), { recursive: true });
    const message = error(
      `could not restore ${name}: the archive ${source} has lost its .twowarm`,
      'DETAIL:  This node has seen it there before: an unmounted disk leaves an empty directory like this one.',
      `HINT:  Mount it. If it was emptied on purpose, remove ${note()}.`,
    );
    expect(await node.restore(name, target)).toEqual(refused(unknown, message));
  });

  its('a symbolic link that leads nowhere is not an absent file', async () => {
    node.segment(other, {}, 'source');
    symlinkSync(node.path('cold-storage'), node.path(`source/${name}`));
    const message = error(`${name} at file:${source} is not a regular file`);
    expect(await node.restore(name, target)).toEqual(refused(unknown, message));
  });

  its.each<[string, Buffer, string]>([
    [
      'a page after the end of its WAL is damaged',
      segmentBytes(name)
        .fill(0, 20 * 8192)
        .fill('x', 90 * 8192, 90 * 8192 + 16),
      'Its page at offset 737280 is damaged.',
    ],
    [
      'its last page is damaged',
      segmentBytes(name).fill('x', 127 * 8192, 127 * 8192 + 16),
      'Its page at offset 1040384 is damaged.',
    ],
    [
      'one bit of its magic number is flipped',
      segmentBytes(name, { magic: 0xd110 ^ 0x80 }),
      'Its first page has no known magic number (0xD190).',
    ],
    [
      'its magic number is no longer one',
      segmentBytes(name, { magic: 0x0110 }),
      'Its first page has no WAL page header (magic number 0x0110).',
    ],
  ])('a segment is not delivered: %s', async (_, bytes, detail) => {
    isArchive();
    await node.restore(name, target);
    node.sandbox.file(`source/${name}`, bytes);
    const refusal = `will not restore ${name} from file:${source}: it is not what its name says`;
    expect(await node.restore(name, target)).toEqual(refused(unknown, error(refusal, `DETAIL:  ${detail}`)));
  });
});
