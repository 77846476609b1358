// A file on its way to a target behind a receiver: one conversation, in which a record goes for each chunk. What the target
// has already it tells by digests, and only pages that differ are sent; and a proof of the whole decides at the end.
import type { Conversation } from '../../transport/ssh/conversation.ts';
import type { PartCrcs } from '../sums/crc32c.ts';
import type { PageDigests } from '../sums/page-digests.ts';
import { Proving } from '../proof.ts';
import type { ArrivingFile } from '../target.ts';
import { bytesOfPages, endRecord, invalid, pagesRecord } from '../wire/records.ts';
import { gatherPages } from '../wire/runs.ts';
import { Comparison } from './comparison.ts';
import { Prospect, type Compressors } from './compressor.ts';
import { DigestsThere } from './digests-there.ts';
import { Outbox } from './outbox.ts';

/** What a file needs of the target that it goes to. */
export interface Way {
  conversation: Conversation;
  compressors: Compressors;
  digests: PageDigests;
  /** Whether nothing of that name can be there: it is not asked for. */
  isFresh: boolean;
  /** Whether it is asked for CRCs of what is there. */
  wantsCrcs: boolean;
  signal: AbortSignal;
  /** When nobody waits for the file any more. */
  release: () => void;
  /** A fault with what it kept from happening. */
  about: (what: string, error: unknown) => Error;
}

interface MadeRecord {
  header: Buffer;
  payload: Buffer;
  /** What the chunk will be over there. */
  digests: Buffer;
}

const nothing = Buffer.alloc(0);
const nothingKnown = Promise.resolve(undefined);

export class FarFile implements ArrivingFile {
  private readonly path: string;
  private readonly way: Way;
  /** Undefined where there is nothing to compare with. */
  private readonly there: Promise<DigestsThere | undefined>;
  private readonly outbox: Outbox;
  private readonly prospect = new Prospect();
  private readonly proving = new Proving();
  private before: Promise<void> = Promise.resolve();
  private chunks = 0;
  /** Of the chunk that is to be taken next, once it was begun. */
  private comparing: Promise<Comparison> | undefined;
  private readonly onAbort: () => void;
  /** Who waits: one listener for all chunks, because each costs as much as what it would end. */
  private readonly waiting = new Set<(reason: unknown) => void>();

  /** The conversation has begun with a request for the file, or begins with it. */
  constructor(path: string, way: Way) {
    this.path = path;
    this.way = way;
    this.outbox = new Outbox(way.conversation);
    this.there = way.isFresh ? Promise.resolve(undefined) : this.listen();
    this.there.catch(() => undefined);
    this.onAbort = () => {
      for (const reject of this.waiting) reject(way.signal.reason);
      way.conversation.fail(way.signal.reason as Error);
      this.letGo(false);
    };
    if (way.signal.aborted) this.onAbort();
    else way.signal.addEventListener('abort', this.onAbort);
  }

  compare(bytes: Buffer): Promise<PartCrcs | undefined> {
    if (this.way.isFresh || !this.way.wantsCrcs) return nothingKnown;
    const comparing = (this.comparing = this.compareNext(bytes));
    return this.named(async () => (await comparing).sameCrcs());
  }

  take(bytes: Buffer, spared: readonly number[] = []): Promise<void> {
    const comparing = this.comparing ?? this.compareNext(bytes);
    this.comparing = undefined;
    const { before, chunks: chunk } = this;
    this.chunks += 1;
    const record = this.make(chunk, bytes, comparing, spared);
    const sent = this.named(async () => {
      // Until both have ended the buffer is in use.
      const [earlier, made] = await Promise.allSettled([before, record]);
      if (earlier.status === 'rejected') throw earlier.reason as Error;
      if (made.status === 'rejected') throw made.reason as Error;
      this.proving.add(made.value.digests);
      await this.send(made.value);
    });
    this.before = sent;
    // Whoever waits for it hears of it.
    sent.catch(() => undefined);
    return sent;
  }

  async close(): Promise<void> {
    await this.before.catch(() => undefined);
    this.letGo(false);
  }

  async end(sizeBytes: number): Promise<'written' | 'other'> {
    const { conversation } = this.way;
    return this.named(async () => {
      let isOver = false;
      try {
        await this.before;
        await this.there;
        await this.refuseAnswer();
        // All chunks are on their way: only now is their proof known.
        await this.outbox.end(endRecord(sizeBytes, this.proving.result()));
        const outcome = (await conversation.reply()).oneOf('reply', ['written', 'other'] as const);
        isOver = true;
        return outcome;
      } finally {
        this.letGo(isOver);
      }
    });
  }

  private async listen(): Promise<DigestsThere | undefined> {
    const { conversation } = this.way;
    const reply = await conversation.reply();
    reply.oneOf('reply', ['ready']);
    const sizeBytes = reply.count('size');
    // Whoever was asked may know of none.
    const hasCrcs = reply.isTrue('crcs');
    return sizeBytes === 0 ? undefined : new DigestsThere(sizeBytes, conversation.incoming, hasCrcs);
  }

  /** The digests at once: whoever changes the bytes from here on is found out. */
  private async compareNext(bytes: Buffer): Promise<Comparison> {
    const digests = this.way.digests.of(bytes);
    const chunk = this.chunks;
    const there = await this.there;
    return new Comparison(digests, bytes.length, await there?.of(chunk));
  }

  private async make(
    chunk: number,
    bytes: Buffer,
    comparing: Promise<Comparison>,
    spared: readonly number[],
  ): Promise<MadeRecord> {
    const { length } = bytes;
    const comparison = await comparing;
    const pages = comparison.toSend(spared);
    const plain = bytesOfPages(pages, length) === length ? bytes : gathered(bytes, pages);
    const frame = plain.length > 0 && this.prospect.isGood() ? await this.compress(plain) : undefined;
    const encoding = frame === undefined ? 'none' : 'zstd';
    const payload = frame ?? plain;
    return {
      header: pagesRecord({ chunk, length, pages, encoding, payloadBytes: payload.length }),
      payload,
      digests: comparison.digests,
    };
  }

  private async compress(plain: Buffer): Promise<Buffer | undefined> {
    const frame = await this.way.compressors.compress(plain);
    if (frame === undefined) this.prospect.failed();
    return frame;
  }

  private async send({ header, payload }: MadeRecord): Promise<void> {
    await this.refuseAnswer();
    await this.outbox.put(header, payload);
  }

  /** Before the end there is no answer but a refusal, which is thrown. */
  private async refuseAnswer(): Promise<void> {
    const { conversation } = this.way;
    if (!conversation.hasReply) return;
    await conversation.reply();
    throw invalid('it answers before it has all of the file');
  }

  private async named<T>(work: () => Promise<T>): Promise<T> {
    const { signal, about } = this.way;
    try {
      return await this.unlessStopped(work());
    } catch (error) {
      this.letGo(false);
      signal.throwIfAborted();
      throw about(`could not write file "${this.path}"`, error);
    }
  }

  private async unlessStopped<T>(work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    if (this.way.signal.aborted) reject(this.way.signal.reason);
    this.waiting.add(reject);
    try {
      return await Promise.race([promise, work]);
    } finally {
      this.waiting.delete(reject);
    }
  }

  /** Nobody waits any more; unless it is over the far side is told so. */
  private letGo(isOver: boolean): void {
    const { signal, conversation } = this.way;
    signal.removeEventListener('abort', this.onAbort);
    conversation.close(isOver);
    this.way.release();
  }
}

function gathered(bytes: Buffer, pages: bigint): Buffer {
  if (pages === 0n) return nothing;
  const plain = Buffer.allocUnsafe(bytesOfPages(pages, bytes.length));
  gatherPages(bytes, pages, plain);
  return plain;
}
