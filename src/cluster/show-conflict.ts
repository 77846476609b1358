// Where a kept file and the archive's file of the same name part, as byte and as LSN, and whether what they share is WAL.
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { compareConflict, type Comparison, type Conflict } from '../transport/conflicts.ts';
import { parseWalFileName } from '../wal/filename.ts';
import { formatLsn } from '../wal/lsn.ts';
import { pageIsAt, parseLongPageHeader, type LongPageHeader } from '../wal/page-header.ts';
import { segmentNumber, segmentStart } from '../wal/segment.ts';

/** Why a file is kept, in one phrase. */
export function wordsOf({ id, why, name }: Conflict): string {
  if (id.startsWith('versions/')) return `another content of ${name}`;
  if (why === undefined) return 'in quarantine; the note of why is missing or damaged';
  const timeline = parseWalFileName(name.replace(/\.zst$/, ''))?.timeline;
  const fork = why.ancestors.find((each) => each.timeline === timeline);
  const past = fork === undefined ? '' : `past ${formatLsn(fork.switchLsn)}, where `;
  return `${past}timeline ${why.timeline} left timeline ${timeline}; since ${why.at}, claimed by ${why.nodeName}`;
}

function readPart(path: string, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const descriptor = openSync(path, 'r');
  try {
    return bytes.subarray(0, readSync(descriptor, bytes, 0, length, position));
  } finally {
    closeSync(descriptor);
  }
}

function headerOf({ path }: Conflict): LongPageHeader | undefined {
  const header = parseLongPageHeader(readPart(path, 0, 40));
  return 'problem' in header || header.newer ? undefined : header;
}

/** The segment size by the file's own first page; undefined where it does not say. */
export const segmentSizeOf = (conflict: Conflict): number | undefined => headerOf(conflict)?.segmentSize;

/** The pages before a byte, whole or begun, that are where they claim to be; from the first other one on none counts. */
function validPages({ path }: Conflict, header: LongPageHeader, upTo: number): number {
  const { blockSize, pageAddress } = header;
  let page = 0;
  for (; page * blockSize < upTo; page++) {
    const bytes = readPart(path, page * blockSize, 16);
    const address = pageAddress + BigInt(page * blockSize);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (!pageIsAt(view, 0, header, Number(address >> 32n), Number(address & 0xffff_ffffn))) break;
  }
  return page;
}

const equalWal = (conflict: Conflict, header: LongPageHeader, upTo: number): [string, boolean] => {
  const pages = Math.ceil(upTo / header.blockSize);
  const valid = validPages(conflict, header, upTo);
  if (valid >= pages) return ['Up to there both are the same WAL.', true];
  const at = formatLsn(header.pageAddress + BigInt(valid * header.blockSize));
  return [`Up to there both are the same, but WAL only up to ${at}.`, false];
};

/** For people, and as fields of a JSON object. */
export interface Shown {
  text: string;
  json: object;
}

function parted(conflict: Conflict, comparison: Extract<Comparison, { counterpart: 'different' }>): Shown {
  const { differsAt, sizeBytes } = comparison;
  const header = headerOf(conflict);
  const file = parseWalFileName(conflict.name);
  const number =
    header === undefined || file === undefined || file.kind === 'history'
      ? undefined
      : segmentNumber(file, header.segmentSize);
  const lsn =
    header === undefined || number === undefined
      ? undefined
      : formatLsn(segmentStart(number, header.segmentSize) + BigInt(differsAt));
  const [words, isWal] =
    header === undefined
      ? (['The kept one does not begin as WAL.', false] as const)
      : equalWal(conflict, header, differsAt);
  const where = lsn === undefined ? `byte ${differsAt}` : `byte ${differsAt}, LSN ${lsn}`;
  return {
    text: `It and the archive's ${conflict.name} (${sizeBytes} bytes) part at ${where}. ${words}`,
    json: { counterpart: 'different', differsAt, lsn: lsn ?? null, equalIsWal: isWal },
  };
}

/** Compares a kept file with the archive's one. */
export async function showConflict(
  directory: string,
  conflict: Conflict,
  signal: AbortSignal,
): Promise<Shown> {
  const comparison = await compareConflict(directory, conflict, signal);
  const { counterpart } = comparison;
  if (counterpart === 'different') return parted(conflict, comparison);
  const path = join(directory, conflict.name);
  const text =
    counterpart === 'none'
      ? `The archive has no counterpart of it: there is no ${path}.`
      : `It is identical with the archive's ${conflict.name}.`;
  return { text, json: { counterpart } };
}
