// One file on its way into the data directory: digests of what is there go out a few chunks ahead of the records that come in,
// which say what is to be otherwise. A few chunks at a time are on their way to the disk, on other threads.
import type { Talk } from '../../transport/receiver/talk.ts';
import type { NearFile } from '../near/near-file.ts';
import { pageBytes } from '../sums/page.ts';
import { Proving } from '../proof.ts';
import type { PageDigests } from '../sums/page-digests.ts';
import { chunkBytes } from '../target.ts';
import { recordsOf } from '../wire/record-reader.ts';
import { bytesOfPages, invalid, readEnd, type PagesHeader } from '../wire/records.ts';
import { runsOf } from '../wire/runs.ts';
import { decompress, plainBuffers } from './decompressor.ts';
import { DigestsAhead, type Wish } from './digests-ahead.ts';
import { digestsNow } from './digests-now.ts';

/** So many chunks may be on their way to the disk. */
const mostUnderWay = 4;

/** The pages of a record, one after the other. */
interface Arrived {
  plain: Buffer;
  give: () => void;
}

const nothing: Arrived = { plain: Buffer.alloc(0), give: () => undefined };

/** In a buffer of ours, from which a disk can take them, whatever becomes of the payload. */
async function plainOf({ pages, length, encoding }: PagesHeader, payload: Buffer): Promise<Arrived> {
  if (payload.length === 0) return nothing;
  return plainBuffers.takeFor((buffer) => ({
    plain:
      encoding === 'none'
        ? buffer.subarray(0, payload.copy(buffer))
        : decompress(payload, bytesOfPages(pages, length), buffer),
    give: () => plainBuffers.give(buffer),
  }));
}

class Receiving {
  private readonly file: NearFile;
  private readonly ahead: DigestsAhead;
  private readonly digests: PageDigests;
  private readonly underWay: Promise<void>[] = [];
  private readonly proving = new Proving();
  private chunks = 0;
  private isLast = false;

  constructor(file: NearFile, ahead: DigestsAhead, digests: PageDigests) {
    this.file = file;
    this.ahead = ahead;
    this.digests = digests;
  }

  /** Takes a chunk; the record's payload is free then. */
  async take(header: PagesHeader, payload: Buffer): Promise<void> {
    if (header.chunk !== this.chunks) throw invalid(`chunk ${header.chunk} in the place of ${this.chunks}`);
    if (this.isLast) throw invalid('a chunk after the last one');
    this.isLast = header.length < chunkBytes;
    if (isKeptPast(header.pages, header.length, this.file.oldBytes - this.chunks * chunkBytes))
      throw invalid('pages that are not there are to be kept');
    const arrived = await plainOf(header, payload);
    const there = await this.prove(header, arrived);
    const taken = this.put(header, arrived, there !== undefined);
    // Whoever waits for it hears of it; an earlier one may fail first, and nobody waits for this one then.
    taken.catch(() => undefined);
    if (this.underWay.length >= mostUnderWay) await this.underWay.shift();
    this.underWay.push(taken);
  }

  /** All that came is with the file; what it comes to (proof.ts). */
  async settle(): Promise<string> {
    await Promise.all(this.underWay);
    return this.proving.result();
  }

  /** Before anything of the chunk changes: the digests of it that the client was told, if there were any. */
  private async prove(header: PagesHeader, { plain, give }: Arrived): Promise<Buffer | undefined> {
    try {
      const there = await this.ahead.past(this.chunks);
      this.chunks += 1;
      this.proving.add(digestsNow(header, plain, there, this.digests));
      return there;
    } catch (error) {
      give();
      throw error;
    }
  }

  /** `isCompared`: the client knew what was there, and all that came is something else. */
  private async put(
    { pages, length }: PagesHeader,
    { plain, give }: Arrived,
    isCompared: boolean,
  ): Promise<void> {
    try {
      if (plain.length === length && !isCompared) await this.file.take(plain);
      else await this.file.patch(length, runsOf(pages), plain);
    } finally {
      give();
    }
  }
}

/** Whether a page that did not come lies past what is there. */
function isKeptPast(pages: bigint, length: number, thereBytes: number): boolean {
  for (let at = 0, left = pages; at < length; at += pageBytes, left >>= 1n)
    if ((left & 1n) === 0n && Math.min(at + pageBytes, length) > thereBytes) return true;
  return false;
}

/** 'other': it is removed, for it is not what was sent. */
async function end(file: NearFile, receiving: Receiving, payload: Buffer): Promise<'written' | 'other'> {
  const { sizeBytes, proof } = readEnd(payload);
  if ((await receiving.settle()) === proof) return file.end(sizeBytes);
  await file.remove();
  return 'other';
}

/** Receives the file whose place is open; it is closed in any case. */
export async function receiveFile(
  file: NearFile,
  talk: Talk,
  digests: PageDigests,
  wish: Wish,
): Promise<void> {
  const ahead = new DigestsAhead(file, talk, digests, wish);
  try {
    const receiving = new Receiving(file, ahead, digests);
    for await (const record of recordsOf(talk.incoming)) {
      if (record.header.kind === 'pages') await receiving.take(record.header, record.payload);
      else {
        await ahead.stop();
        return await talk.reply({ reply: await end(file, receiving, record.payload) });
      }
    }
    throw invalid('a file without its end');
  } finally {
    await ahead.stop();
    await file.close();
  }
}
