// One file on its way into the data directory: digests of what is there go out a few chunks ahead of the records that come in,
// which say what is to be otherwise. Writing, decoding and reading are on other threads, a few chunks at a time.
import type { Talk } from '../../transport/receiver/talk.ts';
import type { NearFile } from '../near/near-file.ts';
import { pageBytes } from '../page-digest.ts';
import { chunkBytes } from '../target.ts';
import { recordsOf, type ArrivedRecord } from '../wire/record-reader.ts';
import { bytesOfPages, invalid, readEnd, type PagesHeader } from '../wire/records.ts';
import { runsOf } from '../wire/runs.ts';
import { decompress } from './decompressor.ts';
import { DigestsAhead } from './digests-ahead.ts';
import { giveBack, type HeldChunk } from './held-chunks.ts';

/** So many chunks may be on their way to the disk. */
const mostUnderWay = 4;

class Receiving {
  private readonly file: NearFile;
  private readonly digests: DigestsAhead;
  private readonly underWay: Promise<void>[] = [];
  private chunks = 0;
  private isLast = false;

  constructor(file: NearFile, digests: DigestsAhead) {
    this.file = file;
    this.digests = digests;
  }

  /** Takes a chunk; the record's payload is free then. */
  async take(header: PagesHeader, payload: Buffer): Promise<void> {
    if (header.chunk !== this.chunks) throw invalid(`chunk ${header.chunk} in the place of ${this.chunks}`);
    if (this.isLast) throw invalid('a chunk after the last one');
    this.isLast = header.length < chunkBytes;
    if (isKeptPast(header.pages, header.length, this.file.oldBytes - this.chunks * chunkBytes))
      throw invalid('pages that are not there are to be kept');
    const bytes = bytesOfPages(header.pages, header.length);
    const isLent = header.encoding === 'none';
    const plain = isLent ? payload : decompress(payload, bytes);
    // It would be read once it is no longer what the client was told of.
    const held = await this.digests.past(this.chunks);
    this.chunks += 1;
    const taken = this.put(header, plain, bytes, held);
    // Whoever waits for it hears of it; an earlier one may fail first, and nobody waits for this one then.
    taken.catch(() => undefined);
    if (this.underWay.length >= mostUnderWay) await this.underWay.shift();
    if (isLent && bytes > 0) await taken;
    else this.underWay.push(taken);
  }

  /** All that came is with the file. */
  async settle(): Promise<void> {
    await Promise.all(this.underWay);
  }

  private async put(
    { pages, length }: PagesHeader,
    plain: Buffer,
    bytes: number,
    held: HeldChunk | undefined,
  ): Promise<void> {
    try {
      if (bytes === length && held === undefined) return await this.file.take(plain);
      if (held === undefined) return await this.file.patch(length, runsOf(pages), plain);
      await this.file.patchHeld(held.buffer.subarray(0, length), held.length, runsOf(pages), plain);
    } finally {
      if (held !== undefined) giveBack(held.buffer);
    }
  }
}

/** Whether a page that did not come lies past what is there. */
function isKeptPast(pages: bigint, length: number, thereBytes: number): boolean {
  for (let at = 0, left = pages; at < length; at += pageBytes, left >>= 1n)
    if ((left & 1n) === 0n && Math.min(at + pageBytes, length) > thereBytes) return true;
  return false;
}

async function finish(file: NearFile, { header, payload }: ArrivedRecord, talk: Talk): Promise<void> {
  if (header.kind === 'discard') {
    await file.discard();
    return talk.reply({ reply: 'discarded' });
  }
  const { sizeBytes, proof } = readEnd(payload);
  await talk.reply({ reply: await file.end(sizeBytes, proof) });
}

/** Receives the file whose place is open; it is closed in any case. `isFresh`: nothing is wanted of what is there. */
export async function receiveFile(file: NearFile, talk: Talk, isFresh: boolean): Promise<void> {
  const digests = new DigestsAhead(file, talk, isFresh);
  try {
    const receiving = new Receiving(file, digests);
    for await (const record of recordsOf(talk.incoming)) {
      if (record.header.kind === 'pages') await receiving.take(record.header, record.payload);
      else {
        await digests.stop();
        if (record.header.kind === 'end') await receiving.settle();
        return await finish(file, record, talk);
      }
    }
    throw invalid('a file without its end');
  } finally {
    await digests.stop();
    await file.close();
  }
}
