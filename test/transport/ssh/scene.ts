// An archive on "another machine": a real OpenSSH server on loopback, and a node that may log in there.
import { readFileSync } from 'node:fs';
import { openDestination, openSource } from '../../../src/transport/open.ts';
import { closeConnections } from '../../../src/transport/ssh/leases.ts';
import type { Identity, ReadTransport, Transport } from '../../../src/transport/transport.ts';
import { loginOf } from '../../harness/login.ts';
import type { Sandbox } from '../../harness/sandbox.ts';
import { startSshd, type Sshd, type SshdOptions } from '../../harness/sshd.ts';
import { makeNode } from '../archives.ts';

export interface SshScene extends AsyncDisposable {
  sshd: Sshd;
  directory: string;
  url: string;
  /** A node of the cluster that knows the host key and has a key to log in. */
  node(changes?: Partial<NonNullable<Identity['login']>>): Identity;
  write(node?: Identity): Promise<Transport>;
  read(node?: Identity): Promise<ReadTransport>;
}

/** Starts the server; dispose of it before its sandbox. */
export async function sshScene(sandbox: Sandbox, options: SshdOptions = {}): Promise<SshScene> {
  const sshd = await startSshd(sandbox, options);
  const directory = sandbox.directory('far/archive');
  const url = `ssh://${sshd.user}@127.0.0.1:${sshd.port}${directory}`;
  const node = (changes: object = {}): Identity => ({
    ...makeNode(sandbox),
    nodeName: 'db1',
    facts: () => ({ segmentSize: 1024 * 1024, controlVersion: 1300, timeline: 1 }),
    login: loginOf(sshd, changes),
  });
  return {
    sshd,
    directory,
    url,
    node,
    write: (by = node()) => openDestination(url, by),
    read: (by = node()) => openSource(url, by),
    [Symbol.asyncDispose]: async () => {
      closeConnections();
      await sshd.stop();
    },
  };
}

/** The public half of a key file. */
export const publicLine = (keyFile: string): string => readFileSync(`${keyFile}.pub`, 'utf8').trim();
