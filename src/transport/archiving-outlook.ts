// Whether archive_command can succeed with the next file, as far as is noted of the destinations: what keeps it from
// that, in words. Nobody is asked; the call itself decides by what it meets (archive/policies/).
import type { DestinationStatus } from './destination-status.ts';

/** 'db2', 'db2 and dr', 'db2, db3 and dr' */
export const enumerate = (names: readonly string[]): string =>
  names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)!}`;

/** Whether a fallback has stood in for the destination for as long as it may. */
export function isLimitOver(fallback: DestinationStatus, required: string, nowMs: number): boolean {
  const until = fallback.standsInFor.find(({ name }) => name === required)?.until;
  return until !== undefined && until !== null && Date.parse(until) <= nowMs;
}

const fallbacksOf = ({ name }: DestinationStatus, all: readonly DestinationStatus[]): DestinationStatus[] =>
  all.filter(({ standIn, state }) => standIn?.for.includes(name) === true && state !== 'suspended');

/** The first of its fallbacks that works and may stand in for it. */
export function standInOf(
  required: DestinationStatus,
  all: readonly DestinationStatus[],
  nowMs: number,
): DestinationStatus | undefined {
  return fallbacksOf(required, all).find(
    (each) =>
      each.state === 'ok' && (required.state === 'suspended' || !isLimitOver(each, required.name, nowMs)),
  );
}

/** Why nobody stands in for one that fails, of each of its fallbacks. */
function reasons(required: DestinationStatus, all: readonly DestinationStatus[], nowMs: number): string[] {
  return all.flatMap((each) => {
    if (each.standIn?.for.includes(required.name) !== true) return [];
    if (each.state !== 'ok') return [`its fallback ${each.name} ${condition(each)}`];
    const until = each.standsInFor.find(({ name }) => name === required.name)?.until ?? '';
    return isLimitOver(each, required.name, nowMs)
      ? [`its fallback ${each.name} has stood in for as long as it may, until ${until}`]
      : [];
  });
}

const condition = ({ state, since }: DestinationStatus): string =>
  `${state === 'failing' ? 'fails' : 'is suspended'} since ${since ?? ''}`;

/** Why archive_command fails; empty where nothing is known that keeps it from success. */
export function obstaclesOf(
  all: readonly DestinationStatus[],
  hasOwnArchive: boolean,
  nowMs: number,
): string[] {
  const required = all.filter(({ policy }) => policy === 'required');
  const failing = required.filter((each) => each.state === 'failing' && !standInOf(each, all, nowMs));
  if (failing.length > 0)
    return failing.map((each) =>
      [`${each.name} ${condition(each)}`, ...reasons(each, all, nowMs)].join(', and '),
    );
  const suspended = required.filter(({ state }) => state === 'suspended');
  const isServed = hasOwnArchive || suspended.length < required.length || required.length === 0;
  if (isServed || suspended.some((each) => standInOf(each, all, nowMs))) return [];
  const fallbacks = [...new Set(suspended.flatMap((each) => fallbacksOf(each, all)))];
  const gone = all.filter(({ policy, state }) => policy !== 'best-effort' && state === 'suspended');
  const names = enumerate(gone.map(({ name }) => name));
  const why = `nobody${fallbacks.length > 0 ? ' else' : ''} is left to have the files while ${names} ${gone.length === 1 ? 'is' : 'are'} suspended`;
  return [[...fallbacks.map((each) => `${each.name} ${condition(each)}`), why].join(', and ')];
}
