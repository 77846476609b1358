// What is said of a hole in the WAL that is known of: which segments are missing, who has them, what a promotion loses.
import type { Report } from '../program/print-error.ts';
import { withoutSecret } from '../program/road-url.ts';
import { nameOn, type Hole } from './holes.ts';
import type { Ahead } from './line-ahead.ts';
import type { Wish } from './options.ts';
import type { View } from './refuse-holes.ts';

const segments = (count: number): string => (count === 1 ? '1 segment' : `${count} segments`);

/** '…13 to …16' where nothing else lies between them. */
function namesOf(ahead: Ahead, { first, last, count }: Pick<Hole, 'first' | 'last' | 'count'>): string {
  const names = `${nameOn(ahead, first)} to ${nameOn(ahead, last)}`;
  if (count === 1) return nameOn(ahead, first);
  const isWhole = Number(last - first + 1n) === count;
  return isWhole ? `${names} (${segments(count)})` : `${segments(count)} from ${names}`;
}

/** Who has some of what is missing, and who could not be asked. */
function doubtsOf({ hole, listed }: View & { hole: Hole }): string[] {
  return [
    ...hole.partly.map(({ place, count }) => `${place.words} has ${count} of them.`),
    ...listed.flatMap(({ words, fault }) =>
      fault === undefined ? [] : [`What ${words} has is not known: ${fault.message}.`],
    ),
  ];
}

const cureAt = (holder: Hole['holders'][number], configurationFile: string): string =>
  `Add '${withoutSecret(holder.url)}' to restore.sources in ${configurationFile}`;

/** The refusal of smart, or the warning of fast. */
export function wordsFor(wish: Wish, view: View & { hole: Hole }, configurationFile: string): Report {
  return wish === 'fast' ? warning(view, configurationFile) : refusal(view, configurationFile);
}

const lostBy = ({ top, firstLost }: Hole): number => Number(top - firstLost + 1n);

function warning(view: View & { hole: Hole }, configurationFile: string): Report {
  const { ahead, hole } = view;
  const { top, firstLost, holders } = hole;
  const lost = { first: firstLost, last: top, count: lostBy(hole) };
  const [holder] = holders;
  const them = hole.count === 1 ? 'it' : 'them';
  const who = holder === undefined ? '' : `; ${holder.words} has ${them}`;
  return {
    message: `what was committed in ${namesOf(ahead, lost)} will be missing`,
    detail: [`No source has ${namesOf(ahead, hole)}${who}.`, ...doubtsOf(view)].join(' '),
    hint: holder && `${cureAt(holder, configurationFile)}, and promote by "smart", to lose nothing.`,
  };
}

function refusal(view: View & { hole: Hole }, configurationFile: string): Report {
  const { ahead, hole } = view;
  const [holder] = hole.holders;
  const { later } = hole;
  const missing = namesOf(ahead, hole);
  const has = later && `${later.place.words} has ${nameOn(ahead, later.number)}`;
  const them = hole.count === 1 ? 'it' : 'them';
  const fast = `triggerStandby fast promotes without ${them}, and loses ${segments(lostBy(hole))}`;
  const end = 'Replay cannot go past what is missing. Nothing was changed.';
  if (holder === undefined)
    return {
      message: `will not promote: no source has ${missing}${has === undefined ? '' : `, but ${has}`}`,
      detail: [...doubtsOf(view), end].join(' '),
      hint: `Bring ${them} to a source: from another copy, or from pg_wal or spool/held of the old primary. Or ${fast}.`,
    };
  const stands = later?.place.kind === 'source' && has !== undefined ? [`${has}.`] : [];
  return {
    message: `will not promote: ${holder.words} has ${missing}, which no source has`,
    detail: [...stands, ...doubtsOf(view), end].join(' '),
    hint: `${cureAt(holder, configurationFile)}, and run this again. Or ${fast}.`,
  };
}
