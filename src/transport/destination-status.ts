// How each destination stands, from what this node has noted of it and from its ledger: for everything that shows it.
// Nobody is asked.
import {
  readFailed,
  readFailing,
  readReached,
  readStandingIn,
  readSuspension,
  type Reached,
} from '../program/destination-notes.ts';
import { formatDuration } from '../program/settings/quantities.ts';
import type { Destination, Settings } from '../program/settings/settings.ts';
import { Ledger, ledgersOf, type Debt, type LedgerPlace } from './ledger.ts';

export interface DestinationStatus {
  name: string;
  url: string | null;
  policy: Destination['policy'] | 'not configured';
  /** Of a fallback; null of any other. */
  standIn: { for: string[]; limitMs: number | null; hold: boolean } | null;
  state: 'ok' | 'failing' | 'suspended';
  /** Since when it fails or is suspended, ISO 8601; null where it is neither. */
  since: string | null;
  /** For whom a fallback takes files now; `until`: the end of its limit. */
  standsInFor: { name: string; since: string; until: string | null }[];
  debt: { count: number; first: string | null; last: string | null; aside: number };
  /** Only kept where there are several destinations. */
  lastSuccess: Reached | null;
  lastFailure: (Reached & { reason: string }) | null;
}

function standsInFor(home: string, { name, standIn }: Destination): DestinationStatus['standsInFor'] {
  return (standIn?.for ?? []).flatMap((required) => {
    const since = readStandingIn(home, name, required)?.since;
    if (since === undefined) return [];
    // For a suspended one there is no limit: a person has decided.
    const limit = readSuspension(home, required) === undefined ? standIn!.limitMs : undefined;
    const until = limit === undefined ? null : new Date(Date.parse(since) + limit).toISOString();
    return [{ name: required, since, until }];
  });
}

const shown = ({ count, first, last, aside }: Debt): DestinationStatus['debt'] => ({
  count,
  first: first ?? null,
  last: last ?? null,
  aside,
});

function statusOf(destination: Destination, home: string, place: LedgerPlace): DestinationStatus {
  const { name, url, policy, standIn } = destination;
  const suspension = readSuspension(home, name);
  const failing = readFailing(home, name);
  const failure = failing ?? readFailed(home, name);
  const known = suspension ?? failing;
  return {
    name,
    url,
    policy,
    standIn: standIn === undefined ? null : { ...standIn, limitMs: standIn.limitMs ?? null },
    state: suspension !== undefined ? 'suspended' : failing !== undefined ? 'failing' : 'ok',
    since: known?.since ?? null,
    standsInFor: standsInFor(home, destination),
    debt: shown(new Ledger(name, place).debt()),
    lastSuccess: readReached(home, name) ?? null,
    lastFailure:
      failure === undefined ? null : { at: failure.at, file: failure.file, reason: failure.reason },
  };
}

/** Every configured destination, then those that are not configured any more but are owed files. */
export function readDestinationStatus(settings: Settings, place: LedgerPlace): DestinationStatus[] {
  const { home, destinations } = settings;
  const configured = destinations.map((destination) => statusOf(destination, home, place));
  const others = ledgersOf(place.stateDirectory).filter(
    (each) => !configured.some(({ name }) => name === each),
  );
  const forgotten = others.flatMap((name): DestinationStatus[] => {
    const gone: Destination = {
      name,
      url: '',
      timeLimitMs: 0,
      policy: 'required',
      standIn: undefined,
      compression: 'none',
    };
    const status = statusOf(gone, home, place);
    return status.debt.count === 0 ? [] : [{ ...status, url: null, policy: 'not configured' }];
  });
  return [...configured, ...forgotten];
}

function describePolicy({ policy, standIn }: DestinationStatus): string {
  if (standIn === null) return policy;
  const limit = standIn.limitMs === null ? '' : `, for at most ${formatDuration(standIn.limitMs)}`;
  return `fallback for ${standIn.for.join(', ')}${limit}${standIn.hold ? '' : ', without a copy here'}`;
}

/** Whether there is more to say of it than that it is well. */
export const isWorthTelling = ({ state, debt, standsInFor }: DestinationStatus): boolean =>
  state !== 'ok' || debt.count > 0 || standsInFor.length > 0;

/** 'db2: required, ok; nothing is owed', and what is to be known of its last tries. */
export function describeDestination(status: DestinationStatus): string[] {
  const { name, state, since, debt, lastSuccess, lastFailure } = status;
  const standing = status.standsInFor.map((each) => describeStanding(each, status));
  const now = [since === null ? state : `${state} since ${since}`, ...standing].join(', ');
  const lines = [`${name}: ${describePolicy(status)}; ${now}; ${describeDebt(debt)}`];
  if (lastFailure !== null) lines.push(`  last failure ${lastFailure.at}: ${lastFailure.reason}`);
  if (lastSuccess !== null) lines.push(`  last success ${lastSuccess.at}: ${lastSuccess.file}`);
  return lines;
}

function describeStanding(
  { name, since, until }: DestinationStatus['standsInFor'][number],
  { standIn }: DestinationStatus,
): string {
  if (until === null) return `stands in for ${name} since ${since}`;
  if (Date.parse(until) > Date.now()) return `stands in for ${name} since ${since}, until ${until}`;
  const limit = formatDuration(standIn!.limitMs!);
  return `stood in for ${name} from ${since} to ${until}: its ${limit} are over, and archive_command fails as long as ${name} does`;
}

function describeDebt({ count, first, last, aside }: DestinationStatus['debt']): string {
  if (count === 0) return 'nothing is owed';
  const files = count === 1 ? `${first}` : `${count} files, ${first} to ${last}`;
  return aside === 0
    ? `owed: ${files}`
    : `owed: ${files}; set aside, because nobody has them or they differ: ${aside}`;
}
