// An archive on "another machine" that has no twowarm, only OpenSSH's SFTP server, and a node that may log in there.
import { closeConnections } from '../../../src/transport/ssh/leases.ts';
import type { Identity } from '../../../src/transport/transport.ts';
import type { Sandbox } from '../../harness/sandbox.ts';
import { startSshd, type Sshd, type SshdOptions } from '../../harness/sshd.ts';
import { makeNode } from '../archives.ts';

export interface SftpScene extends AsyncDisposable {
  sshd: Sshd;
  /** 'sftp://…' of a directory of this machine; by another port through a proxy. */
  urlOf(directory: string, port?: number): string;
  /** A node of the cluster that knows the host key and has a key to log in. */
  node(changes?: Partial<NonNullable<Identity['login']>>): Identity;
}

/** sshd with OpenSSH's SFTP server inside; `words` follow its name. */
export const withSftp = (words = ''): SshdOptions => ({
  configuration: [`Subsystem sftp internal-sftp ${words}`.trim()],
});

/** No shell finds it. */
export const noReceiver = '/nowhere/bin/twowarm';

/** Starts the server; dispose of it before its sandbox. */
export async function sftpScene(sandbox: Sandbox, options: SshdOptions = withSftp()): Promise<SftpScene> {
  const sshd = await startSshd(sandbox, options);
  const node = (changes: object = {}): Identity => ({
    ...makeNode(sandbox),
    nodeName: 'db1',
    facts: () => ({ segmentSize: 1024 * 1024, controlVersion: 1300, timeline: 1 }),
    login: {
      identityFiles: [sshd.clientKey],
      knownHosts: [sshd.knownHosts],
      agent: undefined,
      receiver: noReceiver,
      connectLimitMs: 20_000,
      idleLimitMs: 20_000,
      ...changes,
    },
  });
  return {
    sshd,
    urlOf: (directory, port = sshd.port) => `sftp://${sshd.user}@127.0.0.1:${port}${directory}`,
    node,
    [Symbol.asyncDispose]: async () => {
      closeConnections();
      await sshd.stop();
    },
  };
}
