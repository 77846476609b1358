// A client of a receiver for a data directory that sends what it likes: the receiver is a process of its own on pipes, as sshd
// starts it, and requests, records and their order are the test's.
import { spawn } from 'node:child_process';
import type { Conversation } from '../../../src/transport/ssh/conversation.ts';
import { Link } from '../../../src/transport/ssh/link.ts';
import type { Message } from '../../../src/transport/wire/messages.ts';
import { outsideToJson, sourceToJson } from '../../../src/copying/wire/places.ts';
import { PageDigests } from '../../../src/copying/sums/page-digests.ts';
import type { Outside } from '../../../src/copying/target.ts';
import { atExit } from '../../harness/cleanup.ts';
import { program } from '../../harness/installation.ts';
import { faultOf, type Fault } from '../../program/fault.ts';
import { carrierOf } from '../../transport/receiver/spawned.ts';
import { neverStopped, nothingOutside, sourceOf } from '../near/scene.ts';

/** Of every client. */
export const digests = new PageDigests();

export interface RawClient {
  link: Link;
  pid: number;
  /** Asks and sends these bytes as data; the reply after it. */
  ask(request: object, data?: Buffer): Promise<Message>;
  /** The fault of the same. */
  fault(request: object, data?: Buffer): Promise<Fault>;
  /** Begins with a file; gives the conversation once the far side is ready. */
  file(path: string, mode?: number): Promise<Conversation>;
  hello(directory: string, changes?: object): Promise<Message>;
  prepare(outside?: Outside): Promise<Message>;
  exitCode: Promise<number | null>;
  close(): void;
}

/** Starts `twowarm receive` with these options. */
export function rawClient(...options: string[]): RawClient {
  const child = spawn(program('twowarm'), ['receive', ...options], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {},
  });
  const forget = atExit(() => child.kill('SIGKILL'));
  const exitCode = new Promise<number | null>((resolve) => child.on('close', resolve));
  void exitCode.then(forget);
  const link = new Link(carrierOf(child), 20_000);
  const ask = (request: object, data?: Buffer): Promise<Message> =>
    link.converse(request, neverStopped, async (conversation) => {
      if (data !== undefined) await conversation.sendLast(data);
      return conversation.reply();
    });
  return {
    link,
    pid: child.pid!,
    ask,
    fault: (request, data) => faultOf(() => ask(request, data)),
    file: async (path, mode = 0o600) => {
      const conversation = await link.ask({ verb: 'file', path, mode });
      await conversation.reply();
      return conversation;
    },
    hello: (directory, changes = {}) =>
      ask({
        verb: 'hello-copy',
        versions: [1, 1],
        client: 'hostile',
        directory,
        url: 'ssh://x/y',
        outside: outsideToJson(nothingOutside),
        key: digests.key.toString('hex'),
        ...changes,
      }),
    prepare: (outside = nothingOutside) =>
      ask(
        { verb: 'prepare' },
        Buffer.from(JSON.stringify({ source: sourceToJson(sourceOf()), outside: outsideToJson(outside) })),
      ),
    exitCode,
    close: () => link.close(),
  };
}
