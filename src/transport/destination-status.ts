// How each destination stands, from what this node has noted of it and from its ledger: for everything that shows it.
// Nobody is asked.
import {
  readFailed,
  readFailing,
  readLacking,
  readReached,
  readStandingIn,
  readSuspension,
  type Reached,
} from '../program/destination-notes.ts';
import { lacksOfUrl } from '../program/road-promises.ts';
import { withoutSecret } from '../program/road-url.ts';
import { formatDuration } from '../program/settings/quantities.ts';
import type { Destination, Lack, Settings } from '../program/settings/settings.ts';
import { describeLag, type Lag } from './lag.ts';
import { Ledger, ledgersOf, type Debt, type LedgerPlace } from './ledger.ts';

export interface DestinationStatus {
  name: string;
  url: string | null;
  policy: Destination['policy'] | 'not configured';
  /** Of a fallback; null of any other. */
  standIn: { for: string[]; limitMs: number | null; hold: boolean } | null;
  /** Promises that the road there does not make, as far as is known, as `accept` names them. */
  lacks: Lack[];
  /** How files go there, as a sentence; null where the URL says that. */
  way: string | null;
  state: 'ok' | 'failing' | 'suspended';
  /** Since when it fails or is suspended, ISO 8601; null where it is neither. */
  since: string | null;
  /** For whom a fallback takes files; `until`: the end of its limit, which may be over. */
  standsInFor: { name: string; since: string; until: string | null }[];
  debt: { count: number; first: string | null; last: string | null; aside: number };
  /** What is still to be carried, where this node relays and that was asked for. */
  lag: Lag | { fault: string } | null;
  /** By archive_command only kept where there are several destinations. */
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

/** What was found when a file last went there, unless no file would go that way now; else what the URL says. */
function roadOf({ name, url, mayLack }: Destination, home: string): Pick<DestinationStatus, 'lacks' | 'way'> {
  const found = readLacking(home, name);
  if (found?.url === withoutSecret(url) && found.lacks.every((lack) => mayLack.includes(lack)))
    return { lacks: found.lacks, way: found.way };
  return { lacks: lacksOfUrl(url), way: null };
}

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
    ...roadOf(destination, home),
    state: suspension !== undefined ? 'suspended' : failing !== undefined ? 'failing' : 'ok',
    since: known?.since ?? null,
    standsInFor: standsInFor(home, destination),
    debt: shown(new Ledger(name, place).debt()),
    lag: null,
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
      mayLack: [],
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

/** What its road lacks, and why that is no fault: a required destination has it only by name. */
function describeLacks({ lacks, way, policy, standIn }: DestinationStatus): string {
  const isAlone = policy === 'required' || standIn?.hold === false;
  const why = isAlone ? 'accepted by name (accept)' : 'its policy allows that';
  return [`the road there is ${lacks.join(' and ')}; ${why}`, ...(way === null ? [] : [way])].join('. ');
}

/** Whether there is more to say of it than that it is well. */
export const isWorthTelling = ({ state, debt, standsInFor }: DestinationStatus): boolean =>
  state !== 'ok' || debt.count > 0 || standsInFor.length > 0;

/** 'stands in for db2 since …, until …'; of a limit that is over what that means for archive_command. */
function describeStanding(
  { standIn }: DestinationStatus,
  { name, since, until }: DestinationStatus['standsInFor'][number],
): string {
  const begun = `for ${name} since ${since}`;
  if (until === null) return `stands in ${begun}`;
  if (Date.parse(until) > Date.now()) return `stands in ${begun}, until ${until}`;
  const limit = formatDuration(standIn?.limitMs ?? 0);
  return `stood in ${begun}; its ${limit} are over since ${until}`;
}

/** 'db2 (ssh://…): required; ok; nothing is owed', and what is to be known of its last tries. */
export function describeDestination(status: DestinationStatus): string[] {
  const { name, url, state, since, debt, lacks, lag, lastSuccess, lastFailure } = status;
  const standing = status.standsInFor.map((each) => describeStanding(status, each));
  const now = [since === null ? state : `${state} since ${since}`, ...standing].join(', ');
  const where = url === null ? '' : ` (${withoutSecret(url)})`;
  const lines = [`${name}${where}: ${describePolicy(status)}; ${now}; ${describeDebt(debt)}`];
  if (lacks.length > 0) lines.push(`  ${describeLacks(status)}`);
  if (lag !== null) lines.push(`  ${describeLag(lag)}`);
  if (lastFailure !== null) lines.push(`  last failure ${lastFailure.at}: ${lastFailure.reason}`);
  if (lastSuccess !== null) lines.push(`  last success ${lastSuccess.at}: ${lastSuccess.file}`);
  return lines;
}

/** '3 files, … to …' of a debt that is one. */
export const describeOwed = ({ count, first, last }: DestinationStatus['debt']): string =>
  count === 1 ? `${first}` : `${count} files, ${first} to ${last}`;

function describeDebt(debt: DestinationStatus['debt']): string {
  const { count, aside } = debt;
  if (count === 0) return 'nothing is owed';
  const owed = `owed: ${describeOwed(debt)}`;
  return aside === 0 ? owed : `${owed}; set aside, because nobody has them or they differ: ${aside}`;
}
