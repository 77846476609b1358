// A receiver for a data directory under a client that means harm: whatever comes, nothing outside of the directory changes, no
// file holds what its proof does not say, memory stays bounded, and a good request is served afterwards.
import { existsSync, lstatSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { constants, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { proofOf } from '../../../src/copying/proof.ts';
import { chunkBytes } from '../../../src/copying/target.ts';
import { endRecord, pagesRecord } from '../../../src/copying/wire/records.ts';
import { smallFilesToBytes } from '../../../src/copying/wire/small-files.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { program } from '../../harness/installation.ts';
import { runsAsRoot, serverUser } from '../../harness/server-user.ts';
import { faultOf } from '../../program/fault.ts';
import { dense, page, shrinking } from '../far/bytes.ts';
import { digests, rawClient, type RawClient } from './raw-client.ts';

let sandbox: Sandbox;
let directory: string;
let client: RawClient;

beforeAll(async () => {
  sandbox = makeSandbox('hostile-copy');
  directory = join(sandbox.directory('node'), 'data');
  client = rawClient('--data-directory', directory);
  await client.hello(directory);
  await client.prepare();
  await client.ask({ verb: 'directory', path: 'base', mode: 0o700 });
});

afterAll(async () => {
  client.close();
  expect(await client.exitCode).toBe(0);
  await sandbox.dispose();
});

const wrong = (what: string) => ({
  kind: 'protocol',
  message: `the far side does not keep to the protocol: ${what}`,
});

/** What becomes of a file whose records are these bytes. */
const faultOfRecords = (path: string, ...records: Buffer[]) =>
  faultOf(async () => {
    const conversation = await client.file(path);
    await conversation.sendLast(Buffer.concat(records));
    await conversation.reply();
  });

interface Changes {
  chunk?: number;
  length?: number;
  pages?: bigint;
  payloadBytes?: number;
  encoding?: 'none' | 'zstd';
}

/** A record of one page, or what is made of it. */
const record = (payload: Buffer, changes: Changes = {}): Buffer =>
  Buffer.concat([
    pagesRecord({
      chunk: 0,
      length: page,
      pages: 1n,
      encoding: 'none',
      payloadBytes: payload.length,
      ...changes,
    }),
    payload,
  ]);

const bytes = dense(page, 1);
const full = dense(chunkBytes, 2);

describe('paths that lead elsewhere', () => {
  it.each([
    '../evil',
    '/evil',
    'base/../../evil',
    'base/./evil',
    'base//evil',
    'base/evil\0',
    '',
    '.',
    '..',
    'global/pg_control',
    '.twowarm-copying',
  ])('are refused: %j', async (path) => {
    for (const verb of ['file', 'directory'] as const) {
      if (verb === 'directory' && (path === '' || path === 'global/pg_control')) continue;
      const fault = await client.fault({ verb, path, mode: 0o700 });
      expect(fault).toMatchObject({ kind: 'target-path' });
      expect(fault.message).toContain(JSON.stringify(path).slice(1, -1).replace('\\u0000', '\0'));
    }
    expect(readdirSync(sandbox.path)).toEqual(['node']);
    expect(readdirSync(sandbox.directory('node'))).toEqual(['data']);
    expect(existsSync('/evil')).toBe(false);
  });

  it('are refused where a symbolic link takes them', async () => {
    const outside = sandbox.directory('outside');
    const victim = sandbox.file('outside/victim', 'precious');
    symlinkSync(outside, join(directory, 'base/link'));
    symlinkSync(victim, join(directory, 'base/file-link'));
    expect(await client.fault({ verb: 'file', path: 'base/link/x', mode: 0o600 })).toEqual({
      kind: 'target-path',
      message: `cannot write into "${directory}/base/link": it is a symbolic link`,
      detail: 'A base backup has a directory there.',
      hint: 'Move it away, and start the copy again.',
    });
    expect(await client.fault({ verb: 'sweep', path: 'base/link' }, Buffer.alloc(0))).toMatchObject({
      kind: 'target-path',
    });
    // A file takes the place of a link, and does not follow it.
    const conversation = await client.file('base/file-link');
    await conversation.sendLast(Buffer.concat([record(bytes), endRecord(page, proofOf(bytes, digests))]));
    expect((await conversation.reply()).text('reply')).toBe('written');
    expect(lstatSync(join(directory, 'base/file-link')).isFile()).toBe(true);
    expect(readFileSync(victim, 'utf8')).toBe('precious');
    expect(readdirSync(outside)).toEqual(['victim']);
  });

  it('are refused for tablespaces and pg_wal that the key does not allow, also by a prepare that says otherwise', async () => {
    const other = join(sandbox.directory('elsewhere'), 'space');
    const fault = await faultOf(() =>
      client.prepare({ tablespaces: [{ oid: '16385', location: other }], walDirectory: undefined }),
    );
    expect(fault).toEqual({
      kind: 'not-allowed',
      message: `the receiver may not write into ${other}`,
      detail: 'It may write into the data directory only.',
      hint: `Make a line for authorized_keys: ${program('twowarm')} receive --data-directory ${directory} --allow ${other} --authorized-keys-line KEY.pub, and put it in the place of the line that this key has there.`,
    });
    expect(existsSync(other)).toBe(false);
    await client.prepare();
    await client.ask({ verb: 'directory', path: 'base', mode: 0o700 });
  });
});

describe('records that are none', () => {
  const whole = { length: chunkBytes, pages: 2n ** 64n - 1n };
  const kind = (number: number): Buffer => {
    const header = record(bytes);
    header.writeUInt8(number, 0);
    return header;
  };

  it.each<[string, Buffer[], string]>([
    ['of no kind', [kind(9)], 'a record of kind 9'],
    ['with another encoding', [Buffer.from(record(bytes)).fill(7, 1, 2)], 'an encoding of number 7'],
    ['of an empty chunk', [record(Buffer.alloc(0), { length: 0, pages: 0n })], 'a chunk of 0 bytes'],
    [
      'of a chunk that is too long',
      [record(bytes, { length: chunkBytes + 1 })],
      `a chunk of ${chunkBytes + 1} bytes`,
    ],
    ['of pages past the end', [record(bytes, { pages: 2n })], 'pages past the end of their chunk'],
    ['whose payload is too long', [record(Buffer.alloc(page + 1))], `${page + 1} bytes for pages of ${page}`],
    [
      'whose payload claims gigabytes',
      [record(bytes, { payloadBytes: 2 ** 32 - 1 })],
      `${2 ** 32 - 1} bytes for pages of ${page}`,
    ],
    [
      'whose compressed payload is longer than its pages',
      [record(bytes, { encoding: 'zstd' })],
      `${page} bytes for pages of ${page}`,
    ],
    ['out of order', [record(bytes, { chunk: 1 })], 'chunk 1 in the place of 0'],
    ['twice the same', [record(full, whole), record(full, whole)], 'chunk 0 in the place of 1'],
    ['after the last one', [record(bytes), record(bytes, { chunk: 1 })], 'a chunk after the last one'],
    [
      'that keep what is not there',
      [record(Buffer.alloc(0), { pages: 0n })],
      'pages that are not there are to be kept',
    ],
    ['cut within a header', [record(bytes).subarray(0, 10)], 'it ends within a record'],
    ['cut within a payload', [record(bytes).subarray(0, 1000)], 'it ends within a record'],
    ['without an end', [record(bytes)], 'a file without its end'],
  ])('are refused: %s', async (name, records, what) => {
    expect(await faultOfRecords(`base/${name.replaceAll(' ', '-')}`, ...records)).toEqual(wrong(what));
    await expectGood();
  });

  it('are refused where what is compressed holds more, less, or something else', async () => {
    const zeros = Buffer.alloc(400 * 1024 * 1024);
    const params = { [constants.ZSTD_c_windowLog]: 19, [constants.ZSTD_c_contentSizeFlag]: 0 };
    const bomb = zstdCompressSync(zeros, { params });
    const zstd = { ...whole, encoding: 'zstd' as const };
    expect(bomb.length).toBeLessThan(chunkBytes);
    expect(await faultOfRecords('base/bad', record(bomb, zstd))).toEqual(
      wrong(
        `what came is no zstd frame of ${chunkBytes} bytes: Cannot create a Buffer larger than ${chunkBytes} bytes`,
      ),
    );
    const less = zstdCompressSync(shrinking(page, 1));
    expect(await faultOfRecords('base/bad', record(less, zstd))).toEqual(
      wrong(`a frame of ${page} bytes for ${chunkBytes}`),
    );
    expect((await faultOfRecords('base/bad', record(dense(900, 4), zstd))).message).toContain(
      'no zstd frame',
    );
    // All of it at once, as its header says.
    expect((await faultOfRecords('base/bad', record(zstdCompressSync(zeros), zstd))).message).toContain(
      'Frame requires too much memory for decoding',
    );
    await expectGood();
    // Its memory never held what the bomb promised.
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${client.pid}/status`, 'utf8'))![1];
    expect(Number(peak)).toBeLessThan(200_000);
  });

  it('of a file whose pages only seem to be the same are found out by its proof: the file is gone', async () => {
    sandbox.file('node/data/base/seems', bytes);
    const conversation = await client.file('base/seems');
    const same = record(Buffer.alloc(0), { pages: 0n });
    await conversation.sendLast(Buffer.concat([same, endRecord(page, proofOf(dense(page, 9), digests))]));
    expect((await conversation.reply()).text('reply')).toBe('other');
    expect(existsSync(join(directory, 'base/seems'))).toBe(false);
  });

  /** A good file is taken after whatever came before. */
  async function expectGood(): Promise<void> {
    const good = shrinking(chunkBytes, 5);
    const conversation = await client.file('base/good');
    const packed = zstdCompressSync(good);
    await conversation.sendLast(
      Buffer.concat([
        record(packed, { ...whole, encoding: 'zstd' }),
        endRecord(chunkBytes, proofOf(good, digests)),
      ]),
    );
    expect((await conversation.reply()).text('reply')).toBe('written');
    conversation.close(true);
    expect(readFileSync(join(directory, 'base/good')).equals(good)).toBe(true);
  }
});

describe('small files that are none', () => {
  const file = { name: 'small', mode: 0o600, sizeBytes: page, proof: proofOf(bytes, digests) };
  const of = (changes: object): { name: string; mode: number; sizeBytes: number; proof: string }[] => [
    { ...file, ...changes },
  ];
  const many = Array.from({ length: 129 }, (_, at) => ({ ...file, name: `${at}`, sizeBytes: 0 }));

  it.each<[string, Buffer, string]>([
    ['without a list', Buffer.alloc(3), 'a list of files without its end'],
    ['with half a list', smallFilesToBytes(of({})).subarray(0, 40), 'a list of files without its end'],
    ['whose list claims gigabytes', Buffer.alloc(400, 0xff), 'a list of files without its end'],
    ['that are none', smallFilesToBytes([]), '0 small files at once'],
    ['that are too many', smallFilesToBytes(many), '129 small files at once'],
    ['that are too large', smallFilesToBytes(of({ sizeBytes: 2 ** 40 })), `small files of ${2 ** 40} bytes`],
    ['with another mode', smallFilesToBytes(of({ mode: 0o100_600 })), `a mode of ${0o100_600}`],
    ['with half a proof', smallFilesToBytes(of({ proof: '12' })), '"proof" is none'],
    [
      'that are fewer bytes',
      smallFilesToBytes(of({}), 'none', bytes.subarray(1)),
      `${page - 1} bytes for files of ${page}`,
    ],
    [
      'that are more bytes',
      smallFilesToBytes(of({}), 'none', full),
      `${chunkBytes} bytes for files of ${page}`,
    ],
    [
      'that hold more',
      smallFilesToBytes(of({}), 'zstd', zstdCompressSync(full)),
      `what came is no zstd frame of ${page} bytes: Cannot create a Buffer larger than ${page} bytes`,
    ],
    [
      'that hold less',
      smallFilesToBytes(of({}), 'zstd', zstdCompressSync(bytes.subarray(1))),
      `a frame of ${page - 1} bytes for ${page}`,
    ],
    ['that are longer than all may be', Buffer.alloc(900_000), 'more than 786440 bytes'],
  ])('are refused: %s', async (_, data, what) => {
    expect(await client.fault({ verb: 'files', path: 'base' }, data)).toEqual(wrong(what));
    expect(existsSync(join(directory, 'base/small'))).toBe(false);
  });

  it('are not written where one is not what was proved, and neither are those that came with it', async () => {
    const [right, other] = [dense(page, 3), dense(page, 4)];
    const files = [{ ...file, name: 'right', proof: proofOf(right, digests) }, file];
    const data = smallFilesToBytes(files, 'none', Buffer.concat([right, other]));
    expect((await client.ask({ verb: 'files', path: 'base' }, data)).text('reply')).toBe('other');
    for (const name of ['right', 'small'])
      expect(existsSync(join(directory, 'base', name)), name).toBe(false);
  });

  it('are not kept for what is elsewhere, and change nothing where they are only offered', async () => {
    const kept = async (name: string, path = 'base'): Promise<string> =>
      (
        await client.ask(
          { verb: 'offer', path },
          smallFilesToBytes([{ ...file, name, proof: proofOf(bytes, digests) }]),
        )
      ).text('kept');
    sandbox.file('node/data/base/offered', bytes);
    expect(await kept('offered')).toBe('1');
    expect(await kept('missing')).toBe('0');
    expect(existsSync(join(directory, 'base/missing'))).toBe(false);
    symlinkSync(join(directory, 'base/offered'), join(directory, 'base/offered-link'));
    expect(await kept('offered-link')).toBe('0');
    for (const name of ['../postgresql.conf', '..', 'sub/x'])
      expect(
        await client.fault({ verb: 'offer', path: 'base' }, smallFilesToBytes(of({ name }))),
      ).toMatchObject({
        kind: 'target-path',
      });
  });
});

describe('what root receives', () => {
  it.runIf(runsAsRoot())('belongs to the owner of the directory above', () => {
    const { uid, gid } = serverUser();
    for (const path of ['', 'base', 'base/good', 'pg_wal', '.twowarm-copying'])
      expect(statSync(join(directory, path)), path).toMatchObject({ uid, gid });
    expect(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${client.pid}/status`, 'utf8'))![1]).toBe(String(uid));
  });
});

describe('requests that are none', () => {
  it('are refused, and the connection goes on', async () => {
    expect(await client.fault({ verb: 'explode' })).toEqual({
      kind: 'protocol',
      message: 'the receiver does not know "explode"',
    });
    for (const verb of ['put', 'list', 'get', 'claim'])
      expect((await client.fault({ verb, name: 'x' })).message).toBe(`the receiver does not know "${verb}"`);
    expect(await client.fault({ verb: 'file', path: 'base/x', mode: 0o170_600 })).toEqual(
      wrong(`a mode of ${0o170_600}`),
    );
    expect(await client.fault({ verb: 'finish' }, Buffer.alloc(70_000))).toEqual(
      wrong('more than 65536 bytes'),
    );
    expect((await client.fault({ verb: 'prepare' }, Buffer.from('{"source":1}'))).kind).toBe('protocol');
    expect(existsSync(join(directory, 'global/pg_control'))).toBe(false);
  });

  it('get nothing before a hello, and nothing with a hello for another directory', async () => {
    const other = rawClient('--data-directory', join(sandbox.path, 'second'));
    expect((await other.fault({ verb: 'directory', path: 'base', mode: 0o700 })).message).toBe(
      'a hello must come first',
    );
    expect(await faultOf(() => other.hello(directory))).toEqual({
      kind: 'not-allowed',
      message: 'the receiver serves another data directory than the copy is for',
      detail: `It serves ${join(sandbox.path, 'second')}; the copy is for ${directory}.`,
      hint: 'In authorized_keys over there, the command of this key has that --data-directory: change the one or the other.',
    });
    // Whoever is refused is not heard any more.
    expect(await other.exitCode).toBe(64);
    expect(existsSync(join(sandbox.path, 'second'))).toBe(false);
  });

  it('of a version that this receiver does not speak are told so', async () => {
    const other = rawClient('--data-directory', join(sandbox.path, 'third'));
    const fault = await faultOf(() =>
      other.hello(join(sandbox.path, 'third'), { versions: [7, 9], client: '9.9' }),
    );
    expect(fault).toMatchObject({
      kind: 'protocol-version',
      message: 'the receiver speaks version 1 to 1 of the protocol of copies, not 7 to 9',
      hint: 'Update twowarm on the far side.',
    });
    expect(await other.exitCode).toBe(63);
  });
});
