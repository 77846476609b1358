// The far end of a connection, whatever it is for: frames come in, verbs run, replies go out. Several conversations run at
// once; one that fails does not end the others, but what is no frame ends the connection. Unknown verbs are refused.
import { describeError } from '../../program/print-error.ts';
import { ProgramError } from '../../program/program-error.ts';
import { unlessAborted } from '../../program/unless-aborted.ts';
import type { Connection } from '../wire/connection.ts';
import { FrameReader, preface, type Frame } from '../wire/frames.ts';
import { Message, refusalOf } from '../wire/messages.ts';
import { Talk } from './talk.ts';

/** More conversations at once than any client of ours has. */
const mostConversations = 24;

/** How long work that was told to stop may take, in ms: a disk that hangs is left behind. */
const endLimitMs = 5000;

/**
 * A client that is there sends a frame much more often than this, in ms: it pings (ssh/link.ts). Whoever calls again after a line was
 * cut waits so long at most for what the first call has left.
 */
const silenceLimitMs = 90_000;

/** A frame that waits for its reader waits for a disk, in ms. */
const standstillLimitMs = 300_000;

/** How often a client is told that this side is there while a frame waits for its reader and nobody hears the pings, in ms. */
const heartbeatMs = 1000;

export type Verb<Admitted> = (request: Message, admitted: Admitted, talk: Talk) => Promise<void>;

/** What a connection is good for. */
export interface Side<Admitted> {
  /** By the verb of the first request: who is admitted, and the reply to it; throws the refusal, which ends the connection. */
  greetings: Readonly<Record<string, (request: Message, talk: Talk) => Promise<Greeted<Admitted>>>>;
  verbs: Readonly<Record<string, Verb<Admitted>>>;
  /** The verbs whose requests are followed by data. */
  takesData: readonly string[];
  /** A refusal with what only this side knows. */
  told(fault: ProgramError): ProgramError;
  /** Whether a disk that takes its time is no reason for the client to give up: it is told that this side is there. */
  isPatient?: true;
  /** When the connection has ended, and with it every conversation. */
  end?(): Promise<void>;
}

export interface Greeted<Admitted> {
  admitted: Admitted;
  welcome: object;
}

const asProgramError = (error: unknown): ProgramError => {
  if (error instanceof ProgramError) return error;
  const { message, detail } = describeError(error).report;
  return new ProgramError('input-output', message, { detail });
};

class Session<Admitted> {
  private readonly connection: Connection;
  private readonly side: Side<Admitted>;
  private readonly running = new Map<number, { talk: Talk; work: Promise<void> }>();
  private greeted: Greeted<Admitted> | undefined;

  constructor(connection: Connection, side: Side<Admitted>) {
    this.connection = connection;
    this.side = side;
  }

  async take(frame: Frame): Promise<void> {
    const talk = this.running.get(frame.id)?.talk;
    if (frame.kind === 'data') return talk?.incoming.push(frame.bytes);
    if (frame.kind === 'end') return talk?.incoming.end();
    const request = new Message(frame.text);
    const verb = request.text('verb');
    if (verb === 'cancel') return talk?.stop(new Error('taken back'));
    if (verb === 'ping') return this.pong(frame.id);
    if (talk !== undefined) throw new ProgramError('protocol', 'a conversation was begun twice');
    if (this.running.size >= mostConversations)
      throw new ProgramError('protocol', 'too many requests at once');
    if (Object.hasOwn(this.side.greetings, verb)) return this.greet(verb, request, frame.id);
    this.begin(verb, request, frame.id);
  }

  /** Says that this side is there. */
  pong(id: number): Promise<void> {
    return new Talk(id, this.connection).reply({ reply: 'pong' });
  }

  /** Ends every conversation and waits for them: nothing half-written stays. */
  async end(reason: Error): Promise<void> {
    for (const { talk } of this.running.values()) talk.stop(reason);
    const patience = new Promise<void>((resolve) => setTimeout(resolve, endLimitMs).unref());
    const ended = Promise.all([...this.running.values()].map(({ work }) => work));
    await Promise.race([ended.then(() => this.side.end?.()), patience]);
  }

  private async greet(verb: string, request: Message, id: number): Promise<void> {
    const talk = new Talk(id, this.connection);
    if (this.greeted !== undefined) throw new ProgramError('protocol', 'there was a hello before');
    try {
      this.greeted = await this.side.greetings[verb]!(request, talk);
    } catch (error) {
      await talk.reply(this.refusal(error));
      throw error;
    }
    await talk.reply(this.greeted.welcome);
  }

  private begin(name: string, request: Message, id: number): void {
    const talk = new Talk(id, this.connection);
    const work = this.run(name, request, talk)
      .catch((error: unknown) => talk.reply(this.refusal(error)))
      // The connection is gone; whoever asked hears nothing any more.
      .catch(() => undefined)
      .finally(() => {
        talk.incoming.end();
        this.running.delete(id);
      });
    // Data that nobody reads would be waited for.
    if (!this.side.takesData.includes(name)) talk.incoming.end();
    this.running.set(id, { talk, work });
  }

  private refusal(error: unknown): object {
    return refusalOf(this.side.told(asProgramError(error)));
  }

  private async run(name: string, request: Message, talk: Talk): Promise<void> {
    if (this.greeted === undefined) throw new ProgramError('protocol', 'a hello must come first');
    const { verbs } = this.side;
    const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
    if (verb === undefined)
      throw new ProgramError('protocol', `the receiver does not know "${name.slice(0, 40)}"`);
    await verb(request, this.greeted.admitted, talk);
  }
}

/**
 * Serves one connection until the far side closes it or `stop` aborts. Throws what ended it otherwise: a `protocol`
 * fault, or the refusal of a hello, of which the far side has been told.
 */
export async function serve<Admitted>(
  connection: Connection,
  side: Side<Admitted>,
  stop: AbortSignal,
): Promise<void> {
  const session = new Session(connection, side);
  const reader = new FrameReader();
  const chunks = connection.chunks[Symbol.asyncIterator]();
  const living = side.isPatient && ((): void => void session.pong(0).catch(() => undefined));
  let reason = new Error('the connection ended');
  try {
    await connection.write([preface]);
    for (;;) {
      const next = await within(chunks.next(), silenceLimitMs, stop);
      if (next.done === true) break;
      for (const frame of reader.read(next.value))
        await within(session.take(frame), standstillLimitMs, stop, living);
    }
    if (!reader.isBetweenFrames)
      throw new ProgramError('connection-lost', 'the connection was cut within a frame');
  } catch (error) {
    reason = error as Error;
    throw error;
  } finally {
    await session.end(reason);
  }
}

/** What is waited for; `timed-out` when it takes too long, or the reason of `stop`. `living` is called meanwhile. */
async function within<T>(
  next: Promise<T>,
  limitMs: number,
  stop: AbortSignal,
  living?: () => void,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const beat = living && setInterval(living, heartbeatMs);
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new ProgramError('timed-out', 'nothing came, or went on, for too long')),
      limitMs,
    );
  });
  try {
    return await unlessAborted(Promise.race([next, late]), stop);
  } finally {
    clearTimeout(timer);
    clearInterval(beat);
  }
}
