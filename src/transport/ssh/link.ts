// The near end of a connection to a receiver: many conversations over one connection. A far side that falls silent ends
// all of them: while somebody waits it is asked now and then whether it is there.
import { ProgramError } from '../../program/program-error.ts';
import { FrameReader, messageFrame, preface, type Frame } from '../wire/frames.ts';
import { Message } from '../wire/messages.ts';
import { isWithoutReceiver, LinkFault, type Carrier, type Traffic } from './carrier.ts';
import { Conversation } from './conversation.ts';

/** How much a login shell may print before the receiver speaks, in bytes. */
const mostNoise = 16_384;

/** How often the far side is told that we are there, in ms: long before either side gives the other up (receiver/session.ts). */
const pingEveryMs = (idleLimitMs: number): number => Math.max(50, Math.min(idleLimitMs / 3, 20_000));

export class Link {
  private readonly conversations = new Map<number, Conversation>();
  private readonly reader = new FrameReader();
  private readonly carrier: Carrier;
  private readonly idleLimitMs: number;
  private noise: Buffer | undefined = Buffer.alloc(0);
  private lastId = 0;
  private heardAt = performance.now();
  private fault: Error | undefined;
  private readonly pinging: NodeJS.Timeout;

  constructor(carrier: Carrier, idleLimitMs: number) {
    this.carrier = carrier;
    this.idleLimitMs = idleLimitMs;
    this.pinging = setInterval(() => this.ping(), pingEveryMs(idleLimitMs));
    this.pinging.unref();
    void this.listen();
  }

  /** False once nothing can be asked any more. */
  get isOpen(): boolean {
    return this.fault === undefined;
  }

  /** Asks; whoever asks closes the conversation. */
  async ask(request: object): Promise<Conversation> {
    const conversation = this.begin(request);
    await conversation.send(Buffer.alloc(0));
    return conversation;
  }

  /** A conversation whose request leaves with the first data; whoever begins it closes it. */
  begin(request: object): Conversation {
    if (this.fault !== undefined) throw this.fault;
    this.lastId += 1;
    const conversation = new Conversation(this.lastId, this, messageFrame(this.lastId, request));
    this.conversations.set(this.lastId, conversation);
    return conversation;
  }

  /** Asks what has one reply, and returns that. */
  async askOnce(request: object, signal: AbortSignal): Promise<Message> {
    return this.converse(request, signal, (conversation) => conversation.reply());
  }

  /** Runs a conversation to its end; when `signal` aborts it is taken back. */
  async converse<T>(
    request: object,
    signal: AbortSignal,
    talk: (conversation: Conversation) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted();
    const conversation = await this.ask(request);
    const onAbort = (): void => conversation.fail(signal.reason as Error);
    signal.addEventListener('abort', onAbort);
    let isOver = false;
    try {
      const result = await talk(conversation);
      isOver = true;
      return result;
    } catch (error) {
      // A stream that was stopped has words of its own for it.
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
      conversation.close(isOver);
    }
  }

  /** Who logged in where, and with which key, as a sentence. */
  get login(): (() => string) | undefined {
    return this.carrier.login;
  }

  get traffic(): Traffic {
    return this.carrier.traffic?.() ?? { sentBytes: 0, receivedBytes: 0 };
  }

  async write(buffers: readonly Buffer[], isAwaited = false): Promise<void> {
    try {
      await this.carrier.connection.write(buffers, isAwaited);
    } catch (error) {
      // Why it ended is found out by the one who listens.
      throw this.fault ?? (await this.ending(error as Error));
    }
  }

  forget(id: number, isOver: boolean): void {
    if (!this.conversations.delete(id) || isOver || !this.isOpen) return;
    void this.write([messageFrame(id, { verb: 'cancel' })]).catch(() => undefined);
  }

  close(): void {
    this.fail(new Error('the connection was closed'));
    this.carrier.close();
  }

  private async listen(): Promise<void> {
    try {
      for await (const chunk of this.carrier.connection.chunks) {
        this.heardAt = performance.now();
        for (const frame of this.reader.read(this.afterPreface(chunk))) await this.take(frame);
      }
      this.fail(await this.ending());
    } catch (error) {
      this.fail(error instanceof ProgramError ? error : await this.ending(error as Error));
    }
    // Whoever hears of it may go on with the login, or closes this link.
    if (!isWithoutReceiver(this.fault)) this.carrier.close();
  }

  private async ending(cause?: Error): Promise<Error> {
    const explained = await this.carrier.explainEnd(this.noise?.toString('utf8'));
    return explained.cause === undefined && cause !== undefined
      ? Object.assign(explained, { cause })
      : explained;
  }

  /** What of a chunk belongs to the receiver. */
  private afterPreface(chunk: Buffer): Buffer {
    if (this.noise === undefined) return chunk;
    this.noise = Buffer.concat([this.noise, chunk]);
    const at = this.noise.indexOf(preface);
    if (at === -1) {
      if (this.noise.length > mostNoise)
        throw new LinkFault('protocol', 'what answers on the far side is no receiver of twowarm');
      return Buffer.alloc(0);
    }
    const rest = this.noise.subarray(at + preface.length);
    this.noise = undefined;
    return rest;
  }

  private async take(frame: Frame): Promise<void> {
    const conversation = this.conversations.get(frame.id);
    if (frame.kind === 'message') conversation?.hear(new Message(frame.text));
    else if (frame.kind === 'end') conversation?.incoming.end();
    else await conversation?.incoming.push(frame.bytes);
  }

  private ping(): void {
    if (this.conversations.size > 0 && performance.now() - this.heardAt > this.idleLimitMs) {
      const limit = `${Math.round(this.idleLimitMs / 100) / 10} s`;
      this.fail(new LinkFault('timed-out', `the far side has not answered for ${limit}`));
      this.carrier.close(true);
      return;
    }
    void this.write([messageFrame(0, { verb: 'ping' })]).catch(() => undefined);
  }

  private fail(fault: Error): void {
    if (this.fault !== undefined) return;
    this.fault = fault;
    clearInterval(this.pinging);
    for (const conversation of this.conversations.values()) conversation.fail(fault);
  }
}
