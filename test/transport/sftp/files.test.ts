// Calls on far files, with a server that is made up.
import { describe, expect, it } from 'vitest';
import { mountFar, unmountFar } from '../../../src/program/far-files.ts';
import { WrittenFar } from '../../../src/transport/sftp/far-file.ts';
import type { FarStats } from '../../../src/transport/sftp/far-stats.ts';
import { SftpFiles } from '../../../src/transport/sftp/files.ts';
import { status, type Done, type SftpClient } from '../../../src/transport/sftp/session.ts';
import { faultOf } from '../../program/fault.ts';
import { patterned } from '../archives.ts';
import { madeUpSession } from './made-up-server.ts';

const statsOf = ({ length }: Buffer): FarStats => ({
  size: length,
  isFile: () => true,
  isDirectory: () => false,
  isSymbolicLink: () => false,
});

const readFrom = (bytes: Buffer, into: Buffer, at: number, length: number, from: number): number =>
  bytes.copy(into, at, from, Math.min(bytes.length, from + length));

it('a record that is replaced by a longer one while it is read is read whole', async () => {
  const [short, long] = ['{"change":9}\n', '{"change":10,"node":"db2"}\n'].map((text) =>
    Buffer.from(text),
  ) as [Buffer, Buffer];
  let now = short;
  const session = madeUpSession({
    stat: (_, done) => {
      done(null, statsOf(now));
      now = long;
    },
    open: (_, __, ___, done) => done(null, Buffer.from('handle')),
    read: (_, into, at, length, from, done) => done(null, readFrom(now, into, at, length, from)),
    close: (_, done) => done(null),
  });
  const prefix = mountFar((at) => new SftpFiles(session, at), 'sftp://db2');
  expect(await new SftpFiles(session, prefix).readText(`${prefix}/owner`, 'utf8')).toBe(String(long));
  unmountFar(prefix);
  session.close();
});

it('an open file that the server does not know any more is not missing', async () => {
  const session = madeUpSession({
    stat: (_, done) => done(null, statsOf(Buffer.alloc(10))),
    open: (_, __, ___, done) => done(null, Buffer.from('handle')),
    read: (_, __, ___, ____, _____, done) =>
      done(Object.assign(new Error('No such file'), { code: status.noSuchFile }), 0),
    close: (_, done) => done(null),
  });
  const reading = new SftpFiles(session, '').readText('/owner', 'utf8');
  await expect(reading).rejects.toMatchObject({ code: 'EBADF' });
  session.close();
});

it('a list of names that breaks off is no list', async () => {
  const answers = ['names', 'failure'];
  const session = madeUpSession({
    opendir: (_, done) => done(null, Buffer.from('handle')),
    readdir: (_, done) =>
      answers.shift() === 'names'
        ? done(null, [{ filename: 'one', attrs: { mode: 0o100600, ...statsOf(Buffer.alloc(1)) } }])
        : done(Object.assign(new Error('Failure'), { code: status.failure }), []),
    close: (_, done) => done(null),
  });
  await expect(new SftpFiles(session, '').readDirectory('/archive')).rejects.toThrow(
    'the SFTP server could not read /archive and gives no reason',
  );
  session.close();
});

describe('a file that is written', () => {
  const written = (answers: Partial<SftpClient>) => {
    const session = madeUpSession(answers);
    return {
      file: new WrittenFar({ session, path: '/file', handle: Buffer.from('h') }),
      [Symbol.dispose]: () => session.close(),
    };
  };

  it('is sent in pieces no longer than the server says: the library would read the rest when the buffer is another one', async () => {
    const lengths: number[] = [];
    using it = written({
      _extensions: { 'limits@openssh.com': '1' },
      _maxWriteLen: 32_768,
      write: (_, __, ___, length, ____, done) => {
        lengths.push(length);
        done(null);
      },
    });
    await it.file.write(Buffer.alloc(100_000), 0, 100_000);
    expect(lengths).toEqual([32_768, 32_768, 32_768, 1696]);
  });

  /** A disk that makes of what is written to it something else. */
  function disk(kept: (bytes: Buffer) => Buffer): Partial<SftpClient> {
    let bytes = Buffer.alloc(0);
    return {
      write: (_, buffer, at, length, __, done) => {
        bytes = Buffer.concat([bytes, buffer.subarray(at, at + length)]);
        done(null);
      },
      ext_openssh_fsync: (_, done) => done(null),
      fstat: (_, done) => done(null, statsOf(kept(bytes))),
      read: (_, into, at, length, from, done) => done(null, readFrom(kept(bytes), into, at, length, from)),
    };
  }

  const whole = patterned(200_000, 1);

  it('is synced once it reads back as it was written', async () => {
    using it = written(disk((bytes) => bytes));
    await it.file.write(whole, 0, whole.length);
    await it.file.sync();
  });

  it.each([
    ['another byte in the middle', (bytes: Buffer) => Buffer.from(bytes).fill(0xee, 70_000, 70_001), 200_000],
    ['no end', (bytes: Buffer) => bytes.subarray(0, 199_999), 199_999],
    ['nothing in it', () => Buffer.alloc(0), 0],
    ['more than was written', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(1)]), 200_001],
  ])('is not believed to be there when it has %s', async (_, kept, there) => {
    using it = written(disk(kept));
    await it.file.write(whole, 0, whole.length);
    const fault = await faultOf(() => it.file.sync());
    expect(fault).toMatchObject({
      kind: 'input-output',
      message: '/file reads back as something else than was written',
    });
    expect(fault.detail).toMatch(
      new RegExp(`^200000 bytes were written with SHA-256 [0-9a-f]{64}; the file there has ${there}\\.$`),
    );
  });

  it('is not synced when a write of it failed that was answered late', async () => {
    let answer: Done = () => undefined;
    let syncs = 0;
    using it = written({
      ...disk((bytes) => bytes),
      write: (_, __, ___, ____, _____, done) => (answer = done),
      ext_openssh_statvfs: (_, done) =>
        done(null, { f_frsize: 1, f_bavail: 1, f_favail: 1, f_files: 1, f_flag: 0 }),
      ext_openssh_fsync: (_, done) => {
        syncs += 1;
        done(null);
      },
    });
    await it.file.write(whole, 0, 1000);
    const sync = faultOf(() => it.file.sync());
    answer(Object.assign(new Error('Failure'), { code: status.failure }));
    expect(await sync).toMatchObject({ kind: 'no-space', message: 'No space left on device' });
    expect(syncs).toBe(0);
  });
});
