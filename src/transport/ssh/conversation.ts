// One of the conversations of a link: a request, the replies to it, the data both ways.
import { dataFrameOf, dataFrames, endFrame } from '../wire/frames.ts';
import { Incoming } from '../wire/incoming.ts';
import { faultOf, type Message } from '../wire/messages.ts';
import { LinkFault } from './carrier.ts';

/** Nobody leaves so many replies unread: arrivals that are watched for are read as they come. */
const mostUnread = 1000;

const refused = ['duplicate', 'fenced', 'wrong-cluster', 'full', 'version', 'error'];

/** What a conversation needs of its connection. */
export interface Line {
  write(buffers: readonly Buffer[], isAwaited?: boolean): Promise<void>;
  forget(id: number, isOver: boolean): void;
}

/** One conversation: a request, the replies to it, the data that comes with them. */
export class Conversation {
  readonly incoming = new Incoming();
  private readonly replies: Message[] = [];
  private fault: Error | undefined;
  private wake: (() => void) | undefined;
  private readonly id: number;
  private readonly link: Line;

  /** What goes before the first data: the request. */
  private first: Buffer[];

  constructor(id: number, link: Line, request: Buffer) {
    this.id = id;
    this.link = link;
    this.first = [request];
  }

  /** The next reply; one that refuses is thrown as the fault that it tells of. */
  async reply(): Promise<Message> {
    for (;;) {
      const message = this.replies.shift();
      if (message !== undefined)
        return refused.includes(message.text('reply')) ? Promise.reject(faultOf(message)) : message;
      if (this.fault !== undefined) throw this.fault;
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  /** True when a reply is there: a sender need not go on with a file that was refused. */
  get hasReply(): boolean {
    return this.replies.length > 0 || this.fault !== undefined;
  }

  send(bytes: Buffer): Promise<void> {
    return this.link.write([...this.request(), ...dataFrames(this.id, bytes)]);
  }

  /** Sends both as one piece, and waits until they have left: the caller may use the buffers again then. */
  sendOff(header: Buffer, payload: Buffer): Promise<void> {
    return this.link.write([...this.request(), dataFrameOf(this.id, header, payload), payload], true);
  }

  /** The last data, which fits into one frame, and the end of it. */
  sendLast(bytes: Buffer): Promise<void> {
    return this.link.write([...this.request(), ...dataFrames(this.id, bytes), endFrame(this.id)]);
  }

  sent(): Promise<void> {
    return this.link.write([...this.request(), endFrame(this.id)]);
  }

  private request(): Buffer[] {
    const { first } = this;
    this.first = [];
    return first;
  }

  /** Nobody waits for this conversation any more. */
  close(isOver: boolean): void {
    // What was never asked need not be taken back.
    this.link.forget(this.id, isOver || this.first.length > 0);
  }

  hear(message: Message): void {
    if (this.replies.length >= mostUnread)
      return this.fail(new LinkFault('protocol', 'the far side replies more than it is asked'));
    this.replies.push(message);
    // Whoever still reads what was to come would wait in vain: no end follows a refusal.
    if (refused.includes(message.text('reply'))) this.incoming.fail(faultOf(message));
    this.wake?.();
  }

  fail(fault: Error): void {
    this.fault ??= fault;
    this.incoming.fail(fault);
    this.wake?.();
  }
}
