// Is this file what its name says? Judged on the bytes as they stream past, so that what is checked is what is stored
// or delivered. Structure only: size, first header, the address of every page, lines of text files. Record checksums
// are not read here.
import { parseBackupHistory } from './backup-history.ts';
import type { WalFileName } from './filename.ts';
import { parseHistory } from './history.ts';
import { formatLsn } from './lsn.ts';
import { isEndOfWal, pageIsAt, parseLongPageHeader, type LongPageHeader } from './page-header.ts';
import { isSegmentSize, segmentNumber, segmentsPerLog, segmentStart } from './segment.ts';

/** A sentence for the DETAIL of an error. `foreign`: whole, but of another cluster. */
export interface Problem {
  kind: 'invalid' | 'foreign';
  sentence: string;
}

/** Every chunk but the last must be a multiple of this many bytes, so that no page header is cut in two. */
export const chunkUnitBytes = 65_536;

/** Thousands of timelines fit; memory stays small whatever somebody names .history. */
const textLimitBytes = 4 * 1024 * 1024;

export interface ContentCheck {
  /** The next bytes of the file; a problem ends the check. */
  add(chunk: Uint8Array): Problem | undefined;
  /** After the last chunk. */
  finish(): Problem | undefined;
  /** Something worth a warning that blocks nothing: WAL of a version newer than this program. */
  warning(): string | undefined;
}

/** The cluster whose WAL it must be, from its pg_control. */
export interface Cluster {
  systemIdentifier: bigint;
  /** pg_control_version: says whether the server can be newer than the page headers we know. */
  controlVersion: number;
}

/** pg_control_version of PostgreSQL 19 (src/include/catalog/pg_control.h), the newest whose page headers we know. */
const newestControlVersion = 1902;

/** The check for one name. `sizeBytes` is the file's size. */
export function checkContent(name: WalFileName, sizeBytes: number, cluster: Cluster): ContentCheck {
  return name.kind === 'segment' || name.kind === 'partial'
    ? new SegmentCheck(name, sizeBytes, cluster)
    : new TextCheck(name);
}

const invalid = (sentence: string): Problem => ({ kind: 'invalid', sentence });

class SegmentCheck implements ContentCheck {
  private header: LongPageHeader | undefined;
  private offset = 0;
  /** Where the pages stop to continue each other; a switched segment ends in zeros or in older pages. */
  private endOfPages: number | undefined;
  private readonly name: WalFileName & { log: number; low: number };
  private readonly sizeBytes: number;
  private readonly cluster: Cluster;

  constructor(name: WalFileName & { log: number; low: number }, sizeBytes: number, cluster: Cluster) {
    this.name = name;
    this.sizeBytes = sizeBytes;
    this.cluster = cluster;
  }

  add(chunk: Uint8Array): Problem | undefined {
    if (this.header === undefined) {
      const parsed = this.checkSize() ?? parseLongPageHeader(chunk);
      if ('kind' in parsed) return parsed;
      if ('problem' in parsed) return invalid(`Its first page ${parsed.problem}.`);
      const problem = this.checkHeader(parsed);
      if (problem !== undefined) return problem;
      this.header = parsed;
    }
    const problem = this.header.newer ? undefined : this.walkPages(chunk, this.header);
    this.offset += chunk.length;
    return problem;
  }

  finish(): Problem | undefined {
    if (this.header === undefined) return this.checkSize() ?? invalid('It is empty.');
    if (this.offset === this.sizeBytes) return undefined;
    return invalid(`It ended after ${this.offset} of ${this.sizeBytes} bytes.`);
  }

  warning(): string | undefined {
    if (this.header === undefined || this.header.version !== undefined) return undefined;
    const magic = this.header.magic.toString(16).toUpperCase();
    return `${this.name.name} was written by a version of PostgreSQL that this twowarm does not know (page magic 0x${magic})`;
  }

  private checkSize(): Problem | undefined {
    if (isSegmentSize(this.sizeBytes)) return undefined;
    return invalid(`It is ${this.sizeBytes} bytes long, which is no segment size.`);
  }

  private checkHeader(header: LongPageHeader): Problem | undefined {
    if (header.newer) return this.checkNewer(header);
    if (header.systemIdentifier !== this.cluster.systemIdentifier) {
      const sentence = `It belongs to system identifier ${header.systemIdentifier}; this cluster is ${this.cluster.systemIdentifier}.`;
      return { kind: 'foreign', sentence };
    }
    if (header.segmentSize !== this.sizeBytes) {
      return invalid(`It is ${this.sizeBytes} bytes long; its segments have ${header.segmentSize} bytes.`);
    }
    const number = segmentNumber(this.name, header.segmentSize);
    if (number === undefined) {
      const last = (segmentsPerLog(header.segmentSize) - 1).toString(16).toUpperCase().padStart(8, '0');
      return invalid(
        `No segment of ${header.segmentSize} bytes has this name: the last eight digits end at ${last}.`,
      );
    }
    const start = segmentStart(number, header.segmentSize);
    if (header.pageAddress !== start) {
      return invalid(
        `It holds WAL from ${formatLsn(header.pageAddress)}; its name says ${formatLsn(start)}.`,
      );
    }
    if (header.timeline === 0 || header.timeline > this.name.timeline) {
      return invalid(
        `Its first page is of timeline ${header.timeline}; its name says ${this.name.timeline}.`,
      );
    }
    return undefined;
  }

  /** Pages continue each other up to the end of what was written; after that none may claim to continue. */
  private walkPages(chunk: Uint8Array, header: LongPageHeader): Problem | undefined {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const high = Number(header.pageAddress >> 32n);
    const low = Number(header.pageAddress & 0xffff_ffffn);
    for (let at = 0; at < chunk.length; at += header.blockSize) {
      const here = this.offset + at;
      // A segment never crosses a 4 GB boundary, so the upper half of the address stays.
      if (pageIsAt(view, at, header, high, low + here)) {
        if (this.endOfPages === undefined) continue;
        return invalid(`Its pages from offset ${this.endOfPages} to ${here} are missing or damaged.`);
      }
      if (!isEndOfWal(view, at, header, here)) return invalid(`Its page at offset ${here} is damaged.`);
      this.endOfPages ??= here;
    }
    return undefined;
  }

  /** Only a server that is newer itself writes pages that are; anything else with such a number is damaged. */
  private checkNewer({ magic }: LongPageHeader): Problem | undefined {
    if (this.cluster.controlVersion > newestControlVersion) return undefined;
    return invalid(`Its first page has no known magic number (0x${magic.toString(16).toUpperCase()}).`);
  }
}

class TextCheck implements ContentCheck {
  private text = '';
  private readonly name: WalFileName;

  constructor(name: WalFileName) {
    this.name = name;
  }

  add(chunk: Uint8Array): Problem | undefined {
    // Reasons and labels may be in any encoding; only their ASCII frame is judged.
    if (this.text.length + chunk.length > textLimitBytes)
      return invalid('It is larger than any text file of WAL.');
    this.text += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
    return undefined;
  }

  finish(): Problem | undefined {
    if (this.name.kind === 'history') {
      const history = parseHistory(this.text, this.name.timeline);
      return 'problem' in history ? invalid(`The history file is not whole: ${history.problem}.`) : undefined;
    }
    const backup = parseBackupHistory(this.text);
    if ('problem' in backup) return invalid(`The backup history file is not whole: ${backup.problem}.`);
    const named = this.name.kind === 'backup' ? this.name.segment : undefined;
    if (backup.startSegment === named) return undefined;
    return invalid(`It describes a backup that began in ${backup.startSegment}; its name says ${named}.`);
  }

  warning(): undefined {
    return undefined;
  }
}
