// What a file has to say, gathered: each packet costs a cipher of its own on both sides, so small records wait a moment for
// others, or for the end of their file, which then leave as one.
import type { Conversation } from '../../transport/ssh/conversation.ts';

/** What is larger leaves at once. */
const smallBytes = 12_288;

/** So many records without a payload wait for one another; the far side's digests are further ahead than that. */
const mostEmpty = 8;

export class Outbox {
  private readonly conversation: Conversation;
  private waiting: Buffer[] = [];
  private waitingBytes = 0;
  private empty = 0;
  private flushing: NodeJS.Immediate | undefined;
  private fault: Error | undefined;

  constructor(conversation: Conversation) {
    this.conversation = conversation;
  }

  /** Takes a record; resolves when its payload may be used again, and the far side takes more. */
  async put(header: Buffer, payload: Buffer): Promise<void> {
    if (this.fault !== undefined) throw this.fault;
    this.add(header);
    if (payload.length > smallBytes) return this.conversation.sendOff(this.all(), payload);
    // A copy: what is small may be a part of the caller's memory.
    if (payload.length > 0) this.add(Buffer.from(payload));
    else this.empty += 1;
    if (this.waitingBytes > smallBytes || this.empty >= mostEmpty) return this.conversation.send(this.all());
    if (payload.length > 0) this.flushing ??= setImmediate(() => this.flush());
  }

  /** The last record, with all that waits before it. */
  async end(record: Buffer): Promise<void> {
    if (this.fault !== undefined) throw this.fault;
    this.add(record);
    await this.conversation.sendLast(this.all());
  }

  private add(bytes: Buffer): void {
    this.waiting.push(bytes);
    this.waitingBytes += bytes.length;
  }

  private all(): Buffer {
    if (this.flushing !== undefined) clearImmediate(this.flushing);
    const { waiting } = this;
    [this.waiting, this.waitingBytes, this.empty, this.flushing] = [[], 0, 0, undefined];
    return waiting.length === 1 ? waiting[0]! : Buffer.concat(waiting);
  }

  private flush(): void {
    this.conversation.send(this.all()).catch((error: unknown) => (this.fault ??= error as Error));
  }
}
