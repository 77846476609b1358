// A receiver as a process of its own on pipes: what sshd starts, without sshd. The near end talks to it as over a network.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { greet } from '../../../src/transport/ssh/greet.ts';
import { LinkFault, type Carrier } from '../../../src/transport/ssh/carrier.ts';
import { Link } from '../../../src/transport/ssh/link.ts';
import { ReceiverRoad } from '../../../src/transport/ssh/road.ts';
import type { Identity } from '../../../src/transport/transport.ts';
import { connectionOver } from '../../../src/transport/wire/connection.ts';
import { atExit } from '../../harness/cleanup.ts';
import { program } from '../../harness/installation.ts';

export type Receiver = ChildProcessByStdio<Writable, Readable, Readable>;

/** Starts `twowarm receive` for a directory. */
export function startReceiver(directory: string, ...options: string[]): Receiver {
  const child = spawn(program('twowarm'), ['receive', '--directory', directory, ...options], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {},
  });
  const forget = atExit(() => child.kill('SIGKILL'));
  child.on('exit', () => forget());
  return child;
}

/** Its pipes as a carrier of the near end. */
export function carrierOf(child: Receiver): Carrier {
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
  child.stdin.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  return {
    connection: connectionOver(child.stdout, child.stdin),
    explainEnd: async () => {
      await ended;
      return new LinkFault('connection-lost', `the receiver ended with exit code ${child.exitCode}`, {
        detail: said,
      });
    },
    close: () => child.stdin.end(),
  };
}

/** A road to a receiver of that directory; closing it ends the receiver. */
export async function roadTo(
  directory: string,
  identity: Identity,
  purpose: 'read' | 'write' = 'write',
  idleLimitMs = 10_000,
): Promise<ReceiverRoad> {
  return roadOver(startReceiver(directory, '--allow-read'), directory, identity, idleLimitMs, purpose);
}

/** A road to a receiver that is running. */
export async function roadOver(
  receiver: Receiver,
  directory: string,
  identity: Identity,
  idleLimitMs: number,
  purpose: 'read' | 'write' = 'write',
): Promise<ReceiverRoad> {
  const link = new Link(carrierOf(receiver), idleLimitMs);
  const url = `ssh://somewhere${directory}`;
  const welcome = await greet(link, { url, directory, purpose }, identity, new AbortController().signal);
  return new ReceiverRoad(url, { link, welcome, release: () => link.close() }, identity);
}
