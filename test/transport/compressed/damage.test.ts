// What can be wrong with a compressed file and with its record: nothing damaged is delivered, nothing is called missing, and
// a record only saves work.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openDestination } from '../../../src/transport/open.ts';
import type { PutOutcome, Transport } from '../../../src/transport/transport.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { segmentBytes } from '../../harness/wal-files.ts';
import { faultOf, type Fault } from '../../program/fault.ts';
import { acceptAll, makeNode, neverStopped, openFilesIn, patterned, treeOf } from '../archives.ts';

const segment = '000000010000000000000005';
const content = patterned(1_100_000, 1);
const other = patterned(1_100_000, 2);

interface Stored {
  road: Transport;
  /** <segment>.zst */
  path: string;
  record: string;
  put: (bytes: Uint8Array) => Promise<PutOutcome>;
  get: () => Promise<Buffer>;
  /** The fault of stat and of get, which is the same; nothing is delivered. */
  refusal: () => Promise<Fault>;
}

async function stored(sandbox: Sandbox, bytes: Buffer | undefined = content): Promise<Stored> {
  const directory = sandbox.directory('archive');
  const road = await openDestination(`file:${directory}`, makeNode(sandbox), { compression: 'zstd' });
  const room = sandbox.directory('room');
  const target = join(room, 'fetched');
  const get = async (): Promise<Buffer> => {
    rmSync(target, { force: true });
    expect(await road.get(segment, target, acceptAll, neverStopped)).toBe('fetched');
    return readFileSync(target);
  };
  const archive: Stored = {
    road,
    path: join(directory, `${segment}.zst`),
    record: join(directory, '.twowarm/contents', segment),
    put: (source) => road.put(segment, sandbox.file('source', source), acceptAll, neverStopped),
    get,
    refusal: async () => {
      const fault = await faultOf(get);
      expect(readdirSync(room)).toEqual([]);
      expect(openFilesIn(sandbox.path)).toEqual([]);
      return fault;
    },
  };
  await archive.put(bytes);
  return archive;
}

const flip = (path: string, at: number): void => {
  const bytes = readFileSync(path);
  bytes[at < 0 ? bytes.length + at : at]! ^= 0x10;
  writeFileSync(path, bytes);
};

describe('without its record', () => {
  const losses: Record<string, (archive: Stored) => void> = {
    'that was never made': ({ record }) => rmSync(record),
    'whose directory is gone': ({ record }) => rmSync(join(record, '..'), { recursive: true }),
    'that is empty': ({ record }) => writeFileSync(record, ''),
    'that is cut short': ({ record }) => writeFileSync(record, readFileSync(record).subarray(0, 50)),
    'that is no object': ({ record }) => writeFileSync(record, 'null\n'),
    'that has no size': ({ record }) =>
      writeFileSync(record, readFileSync(record, 'utf8').replace('1100000', '-1')),
    'of another name': ({ record }) =>
      writeFileSync(record, readFileSync(record, 'utf8').replace('05"', '06"')),
    'of a file that was compressed again': ({ path }) => writeFileSync(path, zstdCompressSync(content)),
  };

  it.each(Object.keys(losses))('a file is judged by decoding it, and has one again: one %s', async (loss) => {
    await using sandbox = makeSandbox('record');
    const archive = await stored(sandbox);
    losses[loss]!(archive);
    expect(await archive.road.stat(segment, neverStopped)).toEqual({ sizeBytes: content.length });
    expect((await archive.get()).equals(content)).toBe(true);
    expect(await faultOf(() => archive.put(other))).toMatchObject({
      kind: 'archive-duplicate',
      detail: expect.stringContaining('they differ from byte 0 on. Neither was touched.') as string,
    });
    expect(await archive.put(content)).toBe('already-stored');
    expect(JSON.parse(readFileSync(archive.record, 'utf8'))).toMatchObject({
      name: segment,
      sizeBytes: content.length,
      stored: { sizeBytes: readFileSync(archive.path).length },
    });
    expect(readdirSync(join(archive.record, '..'))).toEqual([segment]);
  });

  it('what somebody has compressed by hand is one of the archive like any other', async () => {
    await using sandbox = makeSandbox('by-hand');
    const { road, put, get } = await stored(sandbox);
    await road.remove(segment, neverStopped);
    const plain = sandbox.file(`archive/${segment}`, content);
    expect(spawnSync('zstd', ['-q', '--rm', plain]).status).toBe(0);
    expect(existsSync(plain)).toBe(false);
    expect(await road.list(neverStopped)).toEqual([segment]);
    expect((await get()).equals(content)).toBe(true);
    expect(await faultOf(() => put(other))).toMatchObject({ kind: 'archive-duplicate' });
    expect(await put(content)).toBe('already-stored');
  });

  it('a history file that somebody has compressed is not missing', async () => {
    await using sandbox = makeSandbox('by-hand');
    const { road } = await stored(sandbox);
    const text = '1\t0/5000000\tno recovery target specified\n';
    sandbox.file('archive/00000002.history.zst', zstdCompressSync(text));
    const target = join(sandbox.path, 'history');
    expect(await road.stat('00000002.history', neverStopped)).toEqual({ sizeBytes: text.length });
    expect(await road.get('00000002.history', target, acceptAll, neverStopped)).toBe('fetched');
    expect(readFileSync(target, 'utf8')).toBe(text);
    const put = (bytes: string) =>
      road.put('00000002.history', sandbox.file('source', bytes), acceptAll, neverStopped);
    expect(await put(text)).toBe('already-stored');
    expect(await faultOf(() => put('1\t0/6000000\tother\n'))).toMatchObject({ kind: 'archive-duplicate' });
  });
});

describe('a record that does not speak the truth', () => {
  it('keeps the file from being delivered', async () => {
    await using sandbox = makeSandbox('record');
    const archive = await stored(sandbox);
    const text = readFileSync(archive.record, 'utf8');
    const { sha256 } = JSON.parse(text) as { sha256: string };
    writeFileSync(
      archive.record,
      text.replace(sha256, sha256.replace(/^./, sha256.startsWith('0') ? '1' : '0')),
    );
    expect(await archive.refusal()).toEqual({
      kind: 'invalid-file',
      message: `${archive.path} does not hold the content that is on record of it`,
      hint: `Nothing was restored from it. See what is wrong with it: zstd -t "${archive.path}".`,
    });
    // The source shows that it is the record: the file decodes to the very same bytes.
    expect(await archive.put(content)).toBe('already-stored');
    expect((await archive.get()).equals(content)).toBe(true);
  });

  it.each([1_099_999, 1_100_001])('about the size, too: %i', async (size) => {
    await using sandbox = makeSandbox('record');
    const archive = await stored(sandbox);
    writeFileSync(archive.record, readFileSync(archive.record, 'utf8').replace('1100000', String(size)));
    expect((await archive.refusal()).kind).toBe('invalid-file');
  });

  it('is not taken for a missing one when it cannot be read', async () => {
    await using sandbox = makeSandbox('record');
    const archive = await stored(sandbox);
    rmSync(archive.record);
    mkdirSync(archive.record);
    expect(await archive.refusal()).toMatchObject({ kind: 'input-output' });
  });
});

describe('a damaged file', () => {
  const damages: Record<string, (path: string) => void> = {
    'at its beginning': (path) => flip(path, 0),
    'in its middle': (path) => flip(path, 500_000),
    'in its checksum': (path) => flip(path, -1),
    'cut short': (path) => writeFileSync(path, readFileSync(path).subarray(0, -1)),
    'cut in half': (path) => writeFileSync(path, readFileSync(path).subarray(0, 500_000)),
    empty: (path) => writeFileSync(path, ''),
    'with garbage after it': (path) => writeFileSync(path, 'garbage', { flag: 'a' }),
    'with zeros after it': (path) => writeFileSync(path, Buffer.alloc(100), { flag: 'a' }),
    'in the place of which somebody put another': (path) => writeFileSync(path, 'no zstd at all'),
  };

  it.each(Object.keys(damages))('is never delivered, and never missing: %s', async (damage) => {
    await using sandbox = makeSandbox('damaged');
    const archive = await stored(sandbox);
    damages[damage]!(archive.path);
    expect(await archive.refusal()).toMatchObject({
      kind: 'invalid-file',
      hint: `Nothing was restored from it. See what is wrong with it: zstd -t "${archive.path}".`,
    });
    expect(await archive.road.list(neverStopped)).toEqual([segment]);
    rmSync(archive.record);
    expect(await archive.refusal()).toMatchObject({ kind: 'invalid-file' });
    expect((await faultOf(() => archive.road.stat(segment, neverStopped))).kind).toBe('invalid-file');
    expect((await faultOf(() => archive.put(content))).kind).toBe('invalid-file');
  });

  it('keeps the plain file of its name from being delivered, too', async () => {
    await using sandbox = makeSandbox('damaged');
    const archive = await stored(sandbox);
    sandbox.file(`archive/${segment}`, content);
    flip(archive.path, 500_000);
    rmSync(archive.record);
    expect(await archive.refusal()).toMatchObject({ kind: 'invalid-file' });
  });

  it.each([
    ['a directory', (path: string) => mkdirSync(path)],
    ['a link that leads nowhere', (path: string) => symlinkSync('nowhere', path)],
    ['a link to itself', (path: string) => symlinkSync(path, path)],
  ])('may be none at all, and is not missing either: %s', async (_, make) => {
    await using sandbox = makeSandbox('damaged');
    const archive = await stored(sandbox);
    rmSync(archive.path);
    make(archive.path);
    expect(await archive.refusal()).toMatchObject({ kind: 'input-output' });
    expect((await faultOf(() => archive.road.stat(segment, neverStopped))).kind).toBe('input-output');
    expect((await faultOf(() => archive.put(content))).kind).toBe('input-output');
  });
});

describe('a bomb', () => {
  const bomb = zstdCompressSync(Buffer.concat([segmentBytes(segment), Buffer.alloc(300 * 1024 * 1024)]));

  it('is decoded no further than a segment of its own header goes, and never to the disk', async () => {
    await using sandbox = makeSandbox('bomb');
    const archive = await stored(sandbox);
    writeFileSync(archive.path, bomb);
    expect(await archive.refusal()).toEqual({
      kind: 'invalid-file',
      message: `${archive.path} holds more than the 1048576 bytes it may`,
    });
    expect((await faultOf(() => archive.put(segmentBytes(segment)))).kind).toBe('invalid-file');
  });

  it('with the record of another file is decoded no further than that file goes', async () => {
    await using sandbox = makeSandbox('bomb');
    const archive = await stored(sandbox);
    writeFileSync(archive.path, bomb);
    const record = JSON.parse(readFileSync(archive.record, 'utf8')) as Record<string, unknown>;
    const told = { sizeBytes: bomb.length, ending: bomb.subarray(-16).toString('hex') };
    writeFileSync(archive.record, JSON.stringify({ ...record, stored: told }));
    expect(await archive.refusal()).toEqual({
      kind: 'invalid-file',
      message: `${archive.path} holds more than the 1100000 bytes it may`,
    });
  });
});

it('a compressed archive that nobody owns is adopted only by its own cluster', async () => {
  await using sandbox = makeSandbox('foreign');
  const directory = sandbox.directory('archive');
  sandbox.file(`archive/${segment}.zst`, zstdCompressSync(segmentBytes(segment)));
  chmodSync(directory, 0o700);
  const open = (systemIdentifier: string) =>
    openDestination(`file:${directory}`, makeNode(sandbox, systemIdentifier));
  expect(await faultOf(() => open('1234'))).toMatchObject({ kind: 'wrong-cluster' });
  expect(treeOf(directory)).toEqual([`${segment}.zst`]);
  const road = await open('7311222333444555666');
  expect(road.isVacant).toBe(false);
  expect(await road.list(neverStopped)).toEqual([segment]);
});
