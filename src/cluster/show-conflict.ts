// Where a kept file and the archive's file of the same name part, as byte and as LSN, and whether what they share is WAL.
import { join } from 'node:path';
import { compareConflict, headerOfKept, validPages, type Comparison } from '../transport/compare-conflict.ts';
import { isAbandoned } from '../transport/abandoned.ts';
import type { Conflict } from '../transport/conflicts.ts';
import { parseWalFileName } from '../wal/filename.ts';
import { formatLsn } from '../wal/lsn.ts';
import type { LongPageHeader } from '../wal/page-header.ts';
import { segmentNumber, segmentStart } from '../wal/segment.ts';

/** Why a file is kept, in one phrase. */
export function wordsOf({ id, why, name, walName }: Conflict): string {
  if (id.startsWith('versions/')) return `another content of ${name}`;
  if (why === undefined) return 'in quarantine; the note of why is missing or damaged';
  const timeline = parseWalFileName(walName)?.timeline;
  if (isAbandoned(walName, why.timeline))
    return `of timeline ${timeline}, which a claim for timeline ${why.timeline} abandoned; since ${why.at}, claimed by ${why.nodeName}`;
  const fork = why.ancestors.find((each) => each.timeline === timeline);
  const past = fork === undefined ? '' : `past ${formatLsn(fork.switchLsn)}, where `;
  return `${past}timeline ${why.timeline} left timeline ${timeline}; since ${why.at}, claimed by ${why.nodeName}`;
}

async function equalWal(
  conflict: Conflict,
  header: LongPageHeader,
  upTo: number,
  signal: AbortSignal,
): Promise<[string, boolean]> {
  const pages = Math.ceil(upTo / header.blockSize);
  const valid = await validPages(conflict, header, upTo, signal);
  if (valid >= pages) return ['Up to there both are the same WAL.', true];
  const at = formatLsn(header.pageAddress + BigInt(valid * header.blockSize));
  return [`Up to there both are the same, but WAL only up to ${at}.`, false];
}

/** For people, and as fields of a JSON object. */
export interface Shown {
  text: string;
  json: object;
}

async function parted(
  conflict: Conflict,
  comparison: Extract<Comparison, { counterpart: 'different' }>,
  signal: AbortSignal,
): Promise<Shown> {
  const { differsAt, sizeBytes, name } = comparison;
  const header = await headerOfKept(conflict, signal);
  const file = parseWalFileName(conflict.walName);
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
      : await equalWal(conflict, header, differsAt, signal);
  const where = lsn === undefined ? `byte ${differsAt}` : `byte ${differsAt}, LSN ${lsn}`;
  return {
    text: `It and the archive's ${name} (${sizeBytes} bytes) part at ${where}. ${words}`,
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
  if (comparison.counterpart === 'different') return parted(conflict, comparison, signal);
  const { counterpart } = comparison;
  const path = join(directory, conflict.walName);
  const text =
    comparison.counterpart === 'none'
      ? `The archive has no counterpart of it: there is no ${path}.`
      : `It is identical with the archive's ${comparison.name}.`;
  return { text, json: { counterpart } };
}
