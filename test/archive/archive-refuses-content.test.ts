// archiveWALFile refuses what must not become an archived file, and touches neither the source nor the archive.
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { makeNode, refused, silent, type NodeFixture } from '../harness/node-fixture.ts';
import { run } from '../harness/run.ts';
import { inTurn } from '../harness/share.ts';
import {
  anotherCluster,
  backupText,
  historyText,
  megabyte,
  ourCluster,
  segmentBytes,
  segmentNamed,
} from '../harness/wal-files.ts';

let node: NodeFixture;
beforeAll(async () => {
  node = await makeNode('archive-content');
});
afterAll(() => node[Symbol.asyncDispose]());

const notItsName = (name: string, detail: string): string =>
  `archiveWALFile: ERROR:  cannot archive ${name}: it is not what its name says\nDETAIL:  ${detail}\n`;

const name = segmentNamed(0x21);
const good = segmentBytes(name);
const damaged = (change: (bytes: Buffer) => void): Buffer => {
  const bytes = Buffer.from(good);
  change(bytes);
  return bytes;
};

describe('a segment that is not what its name says', () => {
  inTurn(3).each<[string, Uint8Array, string]>([
    ['empty', Buffer.alloc(0), 'It is 0 bytes long, which is no segment size.'],
    ['cut short', good.subarray(0, 81920), 'It is 81920 bytes long, which is no segment size.'],
    ['a byte short', good.subarray(1), 'It is 1048575 bytes long, which is no segment size.'],
    [
      'twice as long',
      Buffer.concat([good, good]),
      'It is 2097152 bytes long; its segments have 1048576 bytes.',
    ],
    ['all zeros', Buffer.alloc(megabyte), 'Its first page is all zeros.'],
    ['text', Buffer.alloc(megabyte, 'a'), 'Its first page has no WAL page header (magic number 0x6161).'],
    [
      'without a first page',
      damaged((bytes) => bytes.copy(bytes, 0, 8192, 16384)),
      'Its first page does not begin with the first page of a segment.',
    ],
    [
      'another segment',
      segmentBytes(segmentNamed(0x22)),
      'It holds WAL from 0/2200000; its name says 0/2100000.',
    ],
    [
      'of a later timeline',
      segmentBytes(name, { timeline: 2 }),
      'Its first page is of timeline 2; its name says 1.',
    ],
    [
      'with a page of zeros inside',
      damaged((bytes) => bytes.fill(0, 10 * 8192, 11 * 8192)),
      'Its pages from offset 81920 to 90112 are missing or damaged.',
    ],
    [
      'with a magic number that no version up to this server’s has',
      segmentBytes(name, { magic: 0xd1f0 }),
      'Its first page has no known magic number (0xD1F0).',
    ],
    [
      'with one bit of its magic number flipped',
      damaged((bytes) => bytes.writeUInt8(bytes.readUInt8(0) ^ 0x80, 0)),
      'Its first page has no known magic number (0xD190).',
    ],
    [
      'with a damaged page after the end of the WAL',
      damaged((bytes) => bytes.fill(0, 20 * 8192).fill('x', 90 * 8192, 90 * 8192 + 16)),
      'Its page at offset 737280 is damaged.',
    ],
    [
      'with a last page whose header is damaged',
      damaged((bytes) => bytes.fill('x', 127 * 8192, 127 * 8192 + 16)),
      'Its page at offset 1040384 is damaged.',
    ],
    [
      'too old',
      segmentBytes(name, { magic: 0xd063 }),
      'Its first page is WAL of PostgreSQL 8.4, which is too old.',
    ],
  ])('is refused: %s', async (_, bytes, detail) => {
    node.sandbox.file(`data/pg_wal/${name}`, bytes);
    node.ready(name);
    expect(await node.archive(`pg_wal/${name}`, name)).toEqual(refused(12, notItsName(name, detail)));
  });

  it('is refused: a name that no segment of this size has', async () => {
    const impossible = '000000010000000000001000';
    node.segment(impossible, { pageAddress: 0x1_0000_0000n });
    const detail = 'No segment of 1048576 bytes has this name: the last eight digits end at 00000FFF.';
    const outcome = await node.archive(`pg_wal/${impossible}`, impossible);
    expect(outcome).toEqual(refused(12, notItsName(impossible, detail)));
  });

  it('is refused: another cluster’s', async () => {
    node.segment(name, { systemIdentifier: anotherCluster });
    expect(await node.archive(`pg_wal/${name}`, name)).toEqual(
      refused(
        13,
        `archiveWALFile: ERROR:  cannot archive ${name}: it belongs to another cluster\n` +
          `DETAIL:  It belongs to system identifier ${anotherCluster}; this cluster is ${ourCluster}.\n`,
      ),
    );
  });
});

describe('a text file that is not what its name says', () => {
  const backup = `${segmentNamed(3)}.00000028.backup`;
  inTurn(3).each([
    ['00000003.history', '', 'The history file is not whole: it is empty.'],
    [
      '00000003.history',
      historyText().slice(0, -5),
      'The history file is not whole: its last line is incomplete.',
    ],
    ['00000003.history', '\0'.repeat(512), 'The history file is not whole: it contains zero bytes.'],
    ['00000003.history', 'hello\n', 'The history file is not whole: line 1: expected a timeline ID.'],
    [backup, '', 'The backup history file is not whole: it is empty.'],
    [backup, 'hello\n', 'The backup history file is not whole: line 1: expected the START WAL LOCATION.'],
    [
      backup,
      backupText(segmentNamed(9)),
      `It describes a backup that began in ${segmentNamed(9)}; its name says ${segmentNamed(3)}.`,
    ],
  ])('is refused: %s with %j', async (textName, content, detail) => {
    node.sandbox.file(`data/pg_wal/${textName}`, content);
    const outcome = await node.archive(`pg_wal/${textName}`, textName);
    expect(outcome).toEqual(refused(12, notItsName(textName, detail)));
  });
});

describe('a source that is no readable regular file', () => {
  const couldNotOpen = (file: string, reason: string): string =>
    `archiveWALFile: ERROR:  could not open "${node.path(`data/pg_wal/${file}`)}": ${reason}\n`;

  it('missing', async () => {
    const gone = segmentNamed(0x31);
    const message = couldNotOpen(gone, 'No such file or directory');
    expect(await node.archive(`pg_wal/${gone}`, gone)).toEqual(refused(11, message));
  });

  it('a directory', async () => {
    const directory = segmentNamed(0x32);
    node.sandbox.directory(`data/pg_wal/${directory}`);
    node.ready(directory);
    const message = couldNotOpen(directory, 'it is not a regular file');
    expect(await node.archive(`pg_wal/${directory}`, directory)).toEqual(refused(11, message));
  });

  it('a FIFO, which would block for ever', async () => {
    const fifo = segmentNamed(0x33);
    const made = node.path(`data/pg_wal/${fifo}`);
    node.ready(fifo);
    expect(await run('mkfifo', [made])).toMatchObject({ code: 0 });
    const message = couldNotOpen(fifo, 'it is not a regular file');
    expect(await node.archive(`pg_wal/${fifo}`, fifo)).toEqual(refused(11, message));
  });

  it('closed to the server’s user', async () => {
    const closed = segmentNamed(0x34);
    node.sandbox.file(`data/pg_wal/${closed}`, segmentBytes(closed), 0o000);
    node.ready(closed);
    const message = couldNotOpen(closed, 'Permission denied');
    expect(await node.archive(`pg_wal/${closed}`, closed)).toEqual(refused(11, message));
  });

  it('a symbolic link is followed to a good file', async () => {
    const linked = segmentNamed(0x35);
    node.segment(linked, {}, 'elsewhere');
    symlinkSync(node.path(`elsewhere/${linked}`), node.path(`data/pg_wal/${linked}`));
    node.ready(linked);
    expect(await node.archive(`pg_wal/${linked}`, linked)).toEqual(silent([`created db2/${linked}`]));
  });
});

describe('a name that the archive has', () => {
  const duplicate = (file: string, byte: number, bytes: { archived: number; ours: number }): string =>
    `archiveWALFile: ERROR:  ${file} exists at file:${node.path('db2')} with different content\n` +
    `DETAIL:  The archive's copy has ${bytes.archived} bytes, this one ${bytes.ours}; they differ from byte ${byte} on. Neither was touched.\n` +
    "HINT:  Two servers archive to one place, or a restored copy of the cluster does, or the archive's copy is damaged, or was archived by hand while PostgreSQL still wrote it. Find out which copy is right.\n";

  inTurn(3).each([
    ['in the middle', segmentNamed(0x41), (bytes: Buffer) => bytes.fill(7, 700_000, 700_001), 700_000],
    ['in the last byte', segmentNamed(0x42), (bytes: Buffer) => bytes.fill(7, megabyte - 1), megabyte - 1],
    ['because it is shorter', segmentNamed(0x43), (bytes: Buffer) => bytes.subarray(0, 5000), 5000],
    ['because it is empty', segmentNamed(0x44), (bytes: Buffer) => bytes.subarray(0, 0), 0],
    ['because it is longer', segmentNamed(0x45), (bytes: Buffer) => Buffer.concat([bytes, bytes]), megabyte],
  ])('with other content is refused: %s', async (_, file, change, byte) => {
    node.segment(file);
    const archived = change(segmentBytes(file));
    node.sandbox.file(`db2/${file}`, archived);
    const message = duplicate(file, byte, { archived: archived.length, ours: megabyte });
    expect(await node.archive(`pg_wal/${file}`, file)).toEqual(refused(14, message));
  });

  it('with other content is refused: a history file', async () => {
    const file = '00000004.history';
    node.sandbox.file(`data/pg_wal/${file}`, historyText('0/500000'));
    node.ready(file);
    node.sandbox.file(`db2/${file}`, historyText('0/600000'));
    expect(await node.archive(`pg_wal/${file}`, file)).toEqual(
      refused(14, duplicate(file, 4, { archived: 40, ours: 40 })),
    );
  });

  it('is not called a duplicate when it is the source that is damaged', async () => {
    const file = segmentNamed(0x46);
    node.segment(file, {}, 'db2');
    node.sandbox.file(`data/pg_wal/${file}`, segmentBytes(file).fill(0, 65536, 131072));
    node.ready(file);
    const message = notItsName(file, 'Its pages from offset 65536 to 131072 are missing or damaged.');
    expect(await node.archive(`pg_wal/${file}`, file)).toEqual(refused(12, message));
  });

  inTurn(3).each(['directory', 'symbolic link'])('as a %s is refused', async (kind) => {
    const file = segmentNamed(kind === 'directory' ? 0x47 : 0x48);
    node.segment(file);
    if (kind === 'directory') mkdirSync(node.path(`db2/${file}`));
    else symlinkSync(node.path(`data/pg_wal/${file}`), node.path(`db2/${file}`));
    const message = `archiveWALFile: ERROR:  ${node.path(`db2/${file}`)} exists but is not a regular file\n`;
    expect(await node.archive(`pg_wal/${file}`, file)).toEqual(refused(14, message));
  });
});

describe('a partial segment', () => {
  it('with other content is kept beside the first one, under its hash', async () => {
    const file = `${segmentNamed(0x51)}.partial`;
    const [first, second] = [1, 2].map((content) => segmentBytes(segmentNamed(0x51), { content }));
    node.sandbox.file(`data/pg_wal/${file}`, first!);
    node.ready(file);
    expect(await node.archive(`pg_wal/${file}`, file)).toEqual(silent([`created db2/${file}`]));
    node.sandbox.file(`data/pg_wal/${file}`, second!);
    node.ready(file);
    const { stdout } = await run('sha256sum', [node.path(`data/pg_wal/${file}`)]);
    const version = `db2/.twowarm/versions/${file}.${stdout.slice(0, 64)}`;
    const warning =
      `archiveWALFile: WARNING:  ${file} exists at file:${node.path('db2')} with different content; this one is kept beside it\n` +
      'DETAIL:  Two promotions of one timeline have each archived their last, partial segment.\n';
    const changed = ['created db2/.twowarm/versions', `created ${version}`];

    expect(await node.archive(`pg_wal/${file}`, file)).toEqual({ ...silent(changed), stderr: warning });
    expect(await node.archive(`pg_wal/${file}`, file)).toEqual({ ...silent(), stderr: warning });

    expect(readFileSync(node.path(version)).equals(second!)).toBe(true);
  });

  it('that is damaged is refused', async () => {
    const file = `${segmentNamed(0x52)}.partial`;
    node.sandbox.file(`data/pg_wal/${file}`, segmentBytes(segmentNamed(0x52)).subarray(0, 4096));
    node.ready(file);
    const message = notItsName(file, 'It is 4096 bytes long, which is no segment size.');
    expect(await node.archive(`pg_wal/${file}`, file)).toEqual(refused(12, message));
  });
});
