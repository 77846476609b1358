// A session with a server that is made up: it answers what a test says, within the call.
import { SftpSession, type SftpClient } from '../../../src/transport/sftp/session.ts';

/** What is not among the `answers` the server does not have. */
export function madeUpSession(answers: Partial<SftpClient>, idleLimitMs = 1000): SftpSession {
  const client = { _extensions: {}, on: () => undefined, ...answers } as SftpClient;
  return new SftpSession(
    { client, gather: () => undefined, explainEnd: async () => new Error(), close: () => undefined },
    idleLimitMs,
  );
}
