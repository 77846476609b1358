// The checksums of a relation's pages, looked at as they pass. A page that is being written just now reads torn, and one that
// has changed since the backup began comes back whole with the WAL: neither is damage (basebackup.c, verify_page_checksum).
import { setTimeout as pause } from 'node:timers/promises';
import { pageBytes } from '../../copying/sums/page.ts';
import { pageChecksums } from '../../copying/sums/page-checksums.ts';
import { readInto } from '../../program/system-calls.ts';

/** What the pages of a cluster are like. */
export interface PageLayout {
  /** BLCKSZ and RELSEG_SIZE: bytes in a page, pages in a file of a relation. */
  blockSize: number;
  blocksInSegment: number;
  /** Where the backup began: what was written later is replayed. */
  startLsn: bigint;
}

/** A page whose checksum is another than its content has. */
export interface DamagedPage {
  /** Within the relation, counted over all its files. */
  block: number;
  found: number;
  calculated: number;
}

const checksumAt = 8;
const upperAt = 14;

/** Undefined: the page, which should have the checksum `calculated`, is as it should be, or its content comes with the WAL. */
function damageOf(
  bytes: Buffer,
  from: number,
  block: number,
  calculated: number,
  { startLsn }: PageLayout,
): DamagedPage | undefined {
  const found = bytes.readUInt16LE(from + checksumAt);
  // A page that was never used has no checksum.
  if (found === calculated || bytes.readUInt16LE(from + upperAt) === 0) return undefined;
  const lsn = (BigInt(bytes.readUInt32LE(from)) << 32n) | BigInt(bytes.readUInt32LE(from + 4));
  return lsn >= startLsn ? undefined : { block, found, calculated };
}

/** How often, and how long apart, a page is read again that may be half written, in ms; where many are damaged, once. */
const attempts = 5;
const pauseMs = 20;
/** How many of them are told one by one. */
const mostTold = 10;

/** The pages of one file, in order. */
export class PageCheck {
  /** The first ones. */
  readonly damaged: DamagedPage[] = [];
  damagedCount = 0;
  private readonly descriptor: number;
  private readonly firstBlock: number;
  private readonly layout: PageLayout;

  constructor(descriptor: number, segment: number, layout: PageLayout) {
    this.descriptor = descriptor;
    this.layout = layout;
    this.firstBlock = segment * layout.blocksInSegment;
  }

  /**
   * Looks at whole pages among the bytes, which stand at `offset` in the file, a multiple of a chunk. The numbers of those pages
   * of a copy (copying/sums/page.ts) that hold damage, in order: nothing should be overwritten by them.
   */
  async look(bytes: Buffer, offset: number): Promise<readonly number[]> {
    const { blockSize } = this.layout;
    const first = this.firstBlock + offset / blockSize;
    const damaged = new Set<number>();
    for (const page of this.suspectsIn(bytes, first)) {
      const at = page * blockSize;
      if (!(await this.isDamaged(offset + at, first + page))) continue;
      for (let each = at - (at % pageBytes); each < at + blockSize; each += pageBytes)
        damaged.add(each / pageBytes);
    }
    return [...damaged];
  }

  /** The numbers of pages that are not as they should be; at once, for the checksums are kept until the next call only. */
  private suspectsIn(bytes: Buffer, first: number): number[] {
    const { blockSize } = this.layout;
    const suspects: number[] = [];
    pageChecksums(bytes, blockSize, first).forEach((calculated, page) => {
      const damage = damageOf(bytes, page * blockSize, first + page, calculated, this.layout);
      if (damage !== undefined) suspects.push(page);
    });
    return suspects;
  }

  private async isDamaged(offset: number, block: number): Promise<boolean> {
    const { blockSize } = this.layout;
    const page = Buffer.from(new ArrayBuffer(blockSize));
    let damage: DamagedPage | undefined;
    const most = this.damagedCount < mostTold ? attempts : 1;
    for (let attempt = 1; attempt <= most; attempt++) {
      const read = await readInto(this.descriptor, page, 0, blockSize, offset);
      // The relation was cut off here.
      if (read.bytesRead < blockSize) return false;
      const [calculated] = pageChecksums(page, blockSize, block);
      damage = damageOf(page, 0, block, calculated!, this.layout);
      if (damage === undefined) return false;
      await pause(pauseMs);
    }
    this.damagedCount += 1;
    if (this.damaged.length < mostTold) this.damaged.push(damage!);
    return true;
  }
}
