// The far end of a road: frames come in, verbs run, replies go out. Several conversations run at once; one that fails
// does not end the others, but what is no frame ends the connection. Unknown verbs are refused.
import { describeError } from '../../program/print-error.ts';
import { ProgramError } from '../../program/program-error.ts';
import { unlessAborted } from '../../program/unless-aborted.ts';
import { sweepUnfinished } from '../unfinished.ts';
import type { Connection } from '../wire/connection.ts';
import { FrameReader, preface, type Frame } from '../wire/frames.ts';
import { Message, readHello, refusalOf } from '../wire/messages.ts';
import { admit, type Admitted } from './admission.ts';
import { toldFromHere } from './own-side.ts';
import { Talk } from './talk.ts';
import type { Terms } from './terms.ts';
import { verbs } from './verbs.ts';

/** More conversations at once than any client of ours has. */
const mostConversations = 24;

/** How long work that was told to stop may take, in ms: a disk that hangs is left behind. */
const endLimitMs = 5000;

/** A client that is there sends a frame more often than this, in ms: it pings. */
const idleLimitMs = 300_000;

const asProgramError = (error: unknown): ProgramError => {
  if (error instanceof ProgramError) return error;
  const { message, detail } = describeError(error).report;
  return new ProgramError('input-output', message, { detail });
};

class Session {
  private readonly connection: Connection;
  private readonly terms: Terms;
  private readonly running = new Map<number, { talk: Talk; work: Promise<void> }>();
  private admitted: Admitted | undefined;

  constructor(connection: Connection, terms: Terms) {
    this.connection = connection;
    this.terms = terms;
  }

  async take(frame: Frame): Promise<void> {
    const talk = this.running.get(frame.id)?.talk;
    if (frame.kind === 'data') return talk?.incoming.push(frame.bytes);
    if (frame.kind === 'end') return talk?.incoming.end();
    const request = new Message(frame.text);
    const verb = request.text('verb');
    if (verb === 'cancel') return talk?.stop(new Error('taken back'));
    if (verb === 'ping') return new Talk(frame.id, this.connection).reply({ reply: 'pong' });
    if (talk !== undefined) throw new ProgramError('protocol', 'a conversation was begun twice');
    if (this.running.size >= mostConversations)
      throw new ProgramError('protocol', 'too many requests at once');
    if (verb === 'hello') return this.greet(request, frame.id);
    this.begin(verb, request, frame.id);
  }

  /** Ends every conversation and waits for them: nothing half-written stays. */
  async end(reason: Error): Promise<void> {
    for (const { talk } of this.running.values()) talk.stop(reason);
    const patience = new Promise((resolve) => setTimeout(resolve, endLimitMs).unref());
    await Promise.race([Promise.all([...this.running.values()].map(({ work }) => work)), patience]);
  }

  private async greet(request: Message, id: number): Promise<void> {
    const talk = new Talk(id, this.connection);
    if (this.admitted !== undefined) throw new ProgramError('protocol', 'there was a hello before');
    try {
      this.admitted = await admit(readHello(request), this.terms);
    } catch (error) {
      await talk.reply(this.refusal(error));
      throw error;
    }
    const { by, welcome, writable } = this.admitted;
    if (writable !== undefined) await sweepUnfinished(by.stateDirectory, undefined, talk.signal);
    await talk.reply(welcome);
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
    if (name !== 'put') talk.incoming.end();
    this.running.set(id, { talk, work });
  }

  private refusal(error: unknown): object {
    return refusalOf(toldFromHere(asProgramError(error), this.terms.directory));
  }

  private async run(name: string, request: Message, talk: Talk): Promise<void> {
    if (this.admitted === undefined) throw new ProgramError('protocol', 'a hello must come first');
    const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
    if (verb === undefined)
      throw new ProgramError('protocol', `the receiver does not know "${name.slice(0, 40)}"`);
    await verb(request, this.admitted, talk);
  }
}

/**
 * Serves one connection until the far side closes it or `stop` aborts. Throws what ended it otherwise: a `protocol`
 * fault, or the refusal of a hello, of which the far side has been told.
 */
export async function serve(connection: Connection, terms: Terms, stop: AbortSignal): Promise<void> {
  const session = new Session(connection, terms);
  const reader = new FrameReader();
  const chunks = connection.chunks[Symbol.asyncIterator]();
  let reason = new Error('the connection ended');
  try {
    await connection.write([preface]);
    for (;;) {
      const next = await within(chunks.next(), stop);
      if (next.done === true) break;
      for (const frame of reader.read(next.value)) await within(session.take(frame), stop);
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

/** What is waited for; `timed-out` when it takes too long, or the reason of `stop`. */
async function within<T>(next: Promise<T>, stop: AbortSignal): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new ProgramError('timed-out', 'nothing came, or went on, for too long')),
      idleLimitMs,
    );
  });
  try {
    return await unlessAborted(Promise.race([next, late]), stop);
  } finally {
    clearTimeout(timer);
  }
}
