// Calls on far files, with a server that is made up.
import { expect, it } from 'vitest';
import { mountFar, unmountFar } from '../../../src/program/far-files.ts';
import { SftpFiles } from '../../../src/transport/sftp/files.ts';
import { SftpSession, type Done, type SftpClient } from '../../../src/transport/sftp/session.ts';

it('a record that is replaced by a longer one while it is read is read whole', async () => {
  const [short, long] = ['{"change":9}\n', '{"change":10,"node":"db2"}\n'].map((text) =>
    Buffer.from(text),
  ) as [Buffer, Buffer];
  let now = short;
  const client = {
    _extensions: {},
    on: () => undefined,
    stat: (_: string, done: Done<object>) => {
      done(null, { size: now.length, isFile: () => true, isDirectory: () => false });
      now = long;
    },
    open: (_: string, __: string, ___: object, done: Done<Buffer>) => done(null, Buffer.from('handle')),
    read: (_: Buffer, into: Buffer, at: number, length: number, from: number, done: Done<number>) =>
      done(null, now.copy(into, at, from, Math.min(now.length, from + length))),
    close: (_: Buffer, done: Done) => done(null),
  } as unknown as SftpClient;
  const carrier = {
    client,
    gather: () => undefined,
    explainEnd: async () => new Error(),
    close: () => undefined,
  };
  const session = new SftpSession(carrier, 1000);
  const prefix = mountFar((at) => new SftpFiles(session, at), 'sftp://db2');
  expect(await new SftpFiles(session, prefix).readText(`${prefix}/owner`, 'utf8')).toBe(String(long));
  unmountFar(prefix);
  session.close();
});
