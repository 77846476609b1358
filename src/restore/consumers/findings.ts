// What is to be said of an archive's consumers: who has not come back, whose need is not known, and whether room runs out
// meanwhile. Pure; the same words for twowarm consumers list and for pruning that is held up.
import { printable } from '../../program/print-error.ts';
import type { Settings } from '../../program/settings/settings.ts';
import type { Consumer } from '../../transport/consumer-record.ts';
import { isReadable, type Unreadable } from '../../transport/consumers.ts';
import { freePercent, isRoomLow, type Room } from '../../transport/room.ts';

export interface Finding {
  level: 'WARNING' | 'CRITICAL';
  /** Stays the same for as long as the matter does: ages and percentages are not in it. */
  topic: string;
  words: string;
}

export interface ArchiveState {
  url: string;
  consumers: readonly (Consumer | Unreadable)[];
  room: Room;
}

/** A restart knows its restart point after one or two segments, in ms. */
const startingForMs = 10 * 60_000;

/** "db2 (standby 0123456789abcdef)" */
export const describeConsumer = ({ id, name, kind }: Pick<Consumer, 'id' | 'name' | 'kind'>): string =>
  printable(`${name} (${kind} ${id})`);

/** "000…42 and later", or what stands for it. */
export const describeNeed = ({ oldest }: Pick<Consumer, 'oldest'>): string =>
  oldest === undefined ? 'everything: its restart point is not known' : `${oldest} and later`;

const isOverdue = ({ seen }: Consumer, { warnAfterMs }: Settings['consumers'], now: number): boolean =>
  now - Date.parse(seen) > warnAfterMs;

function ofConsumer(
  consumer: Consumer,
  url: string,
  settings: Settings['consumers'],
  now: number,
): Finding[] {
  const who = describeConsumer(consumer);
  if (isOverdue(consumer, settings, now)) {
    const words = `${who} has not come back to ${url} since ${consumer.seen}; it keeps ${describeNeed(consumer)}`;
    return [{ level: 'WARNING', topic: words, words }];
  }
  const isNew = now - Date.parse(consumer.since) <= startingForMs;
  if (consumer.oldest !== undefined || isNew) return [];
  const words = `${who} keeps everything at ${url}: its restart point is not known since ${consumer.since}`;
  return [{ level: 'WARNING', topic: words, words }];
}

function ofRoom(
  { url, room, consumers }: ArchiveState,
  settings: Settings['consumers'],
  now: number,
): Finding[] {
  if (!isRoomLow(room, settings)) return [];
  const overdue = consumers.filter(isReadable).filter((each) => isOverdue(each, settings, now)).length;
  const free = `only ${freePercent(room)} % of the disk of ${url} is free`;
  if (overdue === 0) return [{ level: 'WARNING', topic: `room ${url}`, words: free }];
  const who = overdue === 1 ? 'a consumer that has' : `${overdue} consumers that have`;
  const words = `${free}, and ${who} not come back`;
  return [{ level: 'CRITICAL', topic: `room ${url} ${overdue}`, words }];
}

/** Everything worth a warning, the worst first. */
export function findingsOf(state: ArchiveState, settings: Settings['consumers'], now: number): Finding[] {
  const { url, consumers } = state;
  const damaged = consumers.flatMap((consumer): Finding[] => {
    if (isReadable(consumer)) return [];
    const words = `the consumer ${printable(consumer.id)} of ${url} cannot be read: nothing is pruned there`;
    return [{ level: 'CRITICAL', topic: words, words }];
  });
  const readable = consumers.filter(isReadable);
  const others = readable.flatMap((consumer) => ofConsumer(consumer, url, settings, now));
  const all = [...damaged, ...ofRoom(state, settings, now), ...others];
  return all.sort((a, b) => Number(b.level === 'CRITICAL') - Number(a.level === 'CRITICAL'));
}
