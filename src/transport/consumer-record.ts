// One consumer of an archive: who reads from it and the oldest segment that it still needs, as one small JSON text. Pure:
// the files are in consumers.ts, and what must stay because of them is decided by the one who prunes.
import { ProgramError } from '../program/program-error.ts';
import { parseWalFileName } from '../wal/filename.ts';

export type ConsumerKind = 'standby' | 'relay' | 'backup' | 'restore';

/** What a consumer says of itself. */
export interface Need {
  /** Its name in the registry (consumerId). Nobody else writes under it. */
  id: string;
  /** The node's id, and its name for people. */
  node: string;
  name: string;
  /** `restore` is a recovery that may be repeated: it holds everything from where it began. */
  kind: ConsumerKind;
  /** The name of the oldest segment that is still needed; undefined: not known, so everything has to stay. */
  oldest: string | undefined;
  /** The oldest byte that is needed, as formatLsn writes it, where it is known. */
  lsn?: string | undefined;
  /** The segment that is asked for while `oldest` is not known: one that is no older than the need on record keeps it. */
  asked?: string | undefined;
}

/** A consumer on record. */
export interface Consumer extends Omit<Need, 'asked'> {
  /** Since when it is registered, and when it was heard of last: ISO 8601, UTC. */
  since: string;
  seen: string;
}

const idPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

/** Whether a name from outside can be a consumer's: it becomes a part of a path. */
export const isConsumerId = (id: string): boolean => idPattern.test(id);

/**
 * The id of a node as a consumer. What reads by restore_command has no `role`, because a data directory recovers in one
 * way at a time; a relay says 'relay', or 'relay-<destination>' where each destination has a cursor of its own.
 */
export const consumerId = (nodeId: string, role?: string): string =>
  role === undefined ? nodeId : `${nodeId}.${role}`;

/** How old a record may grow before the same need is written again, in ms. */
export const refreshAfterMs = 5 * 60_000;

/** Whether a segment lies before another one, on whatever timelines: the digits after the timeline count. */
const isBefore = (name: string, other: string): boolean => name.slice(8) < other.slice(8);

/** The oldest segment that is needed now, where `before` is on record. */
function oldestOf(before: Consumer | undefined, { kind, oldest, asked }: Need): string | undefined {
  if (before?.oldest === undefined) return oldest;
  // A restart that knows no restart point yet: it reads on where it was, unless it asks for something older.
  if (oldest === undefined)
    return asked === undefined || isBefore(asked, before.oldest) ? undefined : before.oldest;
  const holds = kind === 'restore' && before.kind === 'restore';
  return holds && !isBefore(oldest, before.oldest) ? before.oldest : oldest;
}

/** The record of a need, with what was on record before. */
export function recordOf(before: Consumer | undefined, need: Need, now: Date): Consumer {
  const { id, node, name, kind } = need;
  const oldest = oldestOf(before, need);
  const lsn = oldest === need.oldest ? need.lsn : oldest === before?.oldest ? before?.lsn : undefined;
  const at = now.toISOString();
  return { id, node, name, kind, oldest, lsn, since: before?.kind === kind ? before.since : at, seen: at };
}

/** Whether a record says the same as the one before, which is still young. */
export function isFresh(before: Consumer, { seen, ...record }: Consumer): boolean {
  const ageMs = Date.parse(seen) - Date.parse(before.seen);
  const same = (Object.keys(record) as (keyof typeof record)[]).every((key) => before[key] === record[key]);
  return same && ageMs >= 0 && ageMs < refreshAfterMs;
}

/** The text of a consumer's file; its id is the name of the file. */
export function consumerText({
  node,
  name,
  kind,
  oldest = null,
  lsn = null,
  since,
  seen,
}: ConsumerFields): string {
  return `${JSON.stringify({ version: 1, node, name, kind, oldest, lsn, since, seen })}\n`;
}

interface ConsumerFields extends Omit<Consumer, 'id' | 'oldest' | 'lsn'> {
  oldest?: string | null | undefined;
  lsn?: string | null | undefined;
}

function isRecord(value: unknown): value is ConsumerFields & { version: number } {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Partial<Record<string, unknown>>;
  const texts = ['node', 'name', 'kind', 'since', 'seen'].every((key) => typeof fields[key] === 'string');
  const { oldest, lsn, since, seen } = fields as Record<string, string | null>;
  const times = [since, seen].every((time) => !Number.isNaN(Date.parse(time ?? '')));
  const isSegment = oldest === null || parseWalFileName(oldest ?? '')?.kind === 'segment';
  return texts && times && isSegment && (lsn === null || typeof lsn === 'string');
}

/** A consumer from its file; an `unsafe-state` error for one that cannot be understood: what it needs is not known. */
export function parseConsumer(id: string, path: string, text: string): Consumer {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Refused below.
  }
  if (isRecord(value) && value.version === 1) {
    const { node, name, kind, since, seen, oldest, lsn } = value;
    return { id, node, name, kind, oldest: oldest ?? undefined, lsn: lsn ?? undefined, since, seen };
  }
  throw new ProgramError(
    'unsafe-state',
    `the record ${path} of a consumer is damaged or of a newer version`,
    {
      detail: 'What that consumer needs is not known; nothing is pruned there.',
      hint: `A consumer that lives writes it again. One that is gone for good: twowarm consumers remove ${id}`,
    },
  );
}
