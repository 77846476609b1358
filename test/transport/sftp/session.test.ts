// One SFTP session, with a server that is made up.
import { expect, it } from 'vitest';
import { WrittenFar } from '../../../src/transport/sftp/far-file.ts';
import { SftpSession, type Done, type SftpClient } from '../../../src/transport/sftp/session.ts';

it('a sync that is never answered ends the session, too, only later', async () => {
  const client = {
    _extensions: {},
    on: () => undefined,
    ext_openssh_fsync: () => undefined,
  } as unknown as SftpClient;
  const carrier = {
    client,
    gather: () => undefined,
    explainEnd: async () => new Error(),
    close: () => undefined,
  };
  const session = new SftpSession(carrier, 50);
  const begin = performance.now();
  const sync = session.ask<void>(
    (asked, done: Done) => asked.ext_openssh_fsync(Buffer.from('h'), done),
    true,
  );
  await expect(sync).rejects.toThrow('the far side has not answered for 0.5 s');
  expect(performance.now() - begin).toBeGreaterThan(400);
  expect(session.isOpen).toBe(false);
});

it('no write is longer than the server says: the library would read the rest when the buffer is another one', async () => {
  const lengths: number[] = [];
  const client = {
    _extensions: { 'limits@openssh.com': '1' },
    _maxWriteLen: 32_768,
    on: () => undefined,
    write: (_: Buffer, __: Buffer, ___: number, length: number, ____: number, done: Done) => {
      lengths.push(length);
      done(null);
    },
  } as unknown as SftpClient;
  const carrier = {
    client,
    gather: () => undefined,
    explainEnd: async () => new Error(),
    close: () => undefined,
  };
  const session = new SftpSession(carrier, 1000);
  const file = new WrittenFar({ session, path: '/file', handle: Buffer.from('h') });
  await file.write(Buffer.alloc(100_000), 0, 100_000);
  expect(lengths).toEqual([32_768, 32_768, 32_768, 1696]);
  session.close();
});
