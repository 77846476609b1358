// What a file has to say, gathered: each packet costs a cipher of its own on both sides, and a turn of every process on the way, so
// small records wait for others, or for the end of their file, and leave as one.
import type { Conversation } from '../../transport/ssh/conversation.ts';

/** What is larger leaves at once. */
const smallBytes = 24_576;

/** So much leaves as one at most: a packet of ssh takes 32,768 with its frame. Of records the far side is further ahead. */
const mostBytes = 32_736;
const mostRecords = 48;

export class Outbox {
  private readonly conversation: Conversation;
  private waiting: Buffer[] = [];
  private waitingBytes = 0;
  private records = 0;

  constructor(conversation: Conversation) {
    this.conversation = conversation;
  }

  /** Takes a record; resolves when its payload may be used again, and the far side takes more. */
  async put(header: Buffer, payload: Buffer): Promise<void> {
    if (payload.length > smallBytes) {
      this.add(header);
      return this.conversation.sendOff(this.all(), payload);
    }
    const isFull = this.waitingBytes + header.length + payload.length > mostBytes;
    const full = isFull || this.records >= mostRecords ? this.all() : undefined;
    this.add(header);
    // A copy: what is small may be a part of the caller's memory.
    if (payload.length > 0) this.add(Buffer.from(payload));
    this.records += 1;
    if (full !== undefined) await this.conversation.send(full);
  }

  /** The last record, with all that waits before it. */
  async end(record: Buffer): Promise<void> {
    this.add(record);
    await this.conversation.sendLast(this.all());
  }

  private add(bytes: Buffer): void {
    this.waiting.push(bytes);
    this.waitingBytes += bytes.length;
  }

  private all(): Buffer {
    const { waiting } = this;
    [this.waiting, this.waitingBytes, this.records] = [[], 0, 0];
    return waiting.length === 1 ? waiting[0]! : Buffer.concat(waiting);
  }
}
