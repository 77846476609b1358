// twowarm consumers remove: takes one consumer off the registries of this node's archives, by its exact name, and says what
// no registered reader needs any more. The segments themselves go with the next pruning.
import { readSegmentSize } from '../../postgres/control-file.ts';
import type { ThisNode } from '../../postgres/this-node.ts';
import type { ProgramCall } from '../../program/command.ts';
import { printable } from '../../program/print-error.ts';
import { didYouMean } from '../../program/settings/did-you-mean.ts';
import { ProgramError } from '../../program/program-error.ts';
import type { Consumer } from '../../transport/consumer-record.ts';
import { isReadable, listConsumers, removeConsumer, type Unreadable } from '../../transport/consumers.ts';
import type { RemovalRoad } from '../../transport/open-for-removal.ts';
import { parseWalFileName } from '../../wal/filename.ts';
import { segmentNumber } from '../../wal/segment.ts';
import { holderOf, readLines, type RegisteredHolder } from '../pruning/limits.ts';
import { firstNeeded } from '../pruning/needs.ts';
import { describeConsumer, describeNeed } from './findings.ts';
import { openArchives } from './own-archives.ts';

interface Removed {
  url: string;
  consumer: Consumer | Unreadable;
  others: readonly (Consumer | Unreadable)[];
  /** What only this consumer needed; undefined where the others' needs, or its own, are not known. */
  released: string[] | undefined;
  segmentSize: number;
}

/** The segments of the archive that one consumer may ask for and none of the others. */
async function releasedBy(
  consumer: RegisteredHolder,
  others: readonly RegisteredHolder[],
  road: RemovalRoad,
  segmentSize: number,
  stop: AbortSignal,
): Promise<string[]> {
  const segments = (await road.list(stop)).flatMap((name) => {
    const file = parseWalFileName(name);
    if (file?.kind !== 'segment') return [];
    const number = segmentNumber(file, segmentSize);
    return number === undefined ? [] : [{ name, number, timeline: file.timeline }];
  });
  const held = [consumer, ...others].flatMap(({ position }) => (position ? [position.timeline] : []));
  const timelines = [...held, ...segments.map(({ timeline }) => timeline)];
  const plan = { lines: new Map([[1, []]]), segmentSize };
  const lines = await readLines(road, plan, timelines, stop);
  const needs = ({ position }: RegisteredHolder, timeline: number, number: bigint): boolean =>
    (firstNeeded(position, timeline, lines) ?? number + 1n) <= number;
  return segments
    .filter(({ timeline, number }) => needs(consumer, timeline, number))
    .filter(({ timeline, number }) => !others.some((other) => needs(other, timeline, number)))
    .map(({ name }) => name);
}

async function removeFrom(
  road: RemovalRoad,
  id: string,
  node: ThisNode,
  call: ProgramCall,
  seen: (Consumer | Unreadable)[],
): Promise<Removed | undefined> {
  const all = await listConsumers(road.directory, node.identity.nodeId);
  seen.push(...all);
  const consumer = all.find((each) => each.id === id);
  if (consumer === undefined) return undefined;
  const others = all.filter((each) => each !== consumer);
  const segmentSize = readSegmentSize(node.settings.dataDirectory);
  const known = others.filter(isReadable);
  const isKnown = known.length === others.length && isReadable(consumer);
  const holders = isKnown ? [consumer, ...known].map((each) => holderOf(each, segmentSize)) : [];
  const released = isKnown
    ? await releasedBy(holders[0]!, holders.slice(1), road, segmentSize, call.stop)
    : undefined;
  if (call.options['dry-run'] !== true) await removeConsumer(road.directory, id);
  return { url: road.url, consumer, others, released, segmentSize };
}

const named = (consumer: Consumer | Unreadable): string =>
  'fault' in consumer ? consumer.id : describeConsumer(consumer);

function describe({ url, consumer, others, released, segmentSize }: Removed, dryRun: boolean): string {
  const need =
    'fault' in consumer
      ? 'what it needed is not known'
      : `it needed ${describeNeed(consumer)}, and was seen ${consumer.seen}`;
  const first = `${named(consumer)} ${dryRun ? 'would be' : 'was'} removed from the consumers of ${url}: ${need}\n`;
  if (others.length === 0)
    return `${first}Nobody else is registered: the next pruning removes whatever lies before its restart point.\n`;
  if (released === undefined)
    return `${first}What may be pruned then cannot be said: a record cannot be read.\n`;
  const [from, to] = [released[0], released.at(-1)];
  if (from === undefined || to === undefined)
    return `${first}Nothing becomes prunable: ${others.length === 1 ? named(others[0]!) : 'the others'} may need all of it.\n`;
  const count = `${released.length} ${released.length === 1 ? 'segment' : 'segments'}, ${released.length * segmentSize} bytes,`;
  return `${first}${count} from ${from} to ${to} are needed by no registered consumer then: pruning may remove them.\n`;
}

function toJson({ url, consumer, others, released, segmentSize }: Removed): object {
  const segments = released?.length ?? null;
  return {
    ...{ url, consumer: consumer.id, others: others.map(({ id }) => id) },
    released: {
      ...{ segments, bytes: segments === null ? null : segments * segmentSize },
      ...{ first: released?.[0] ?? null, last: released?.at(-1) ?? null },
    },
  };
}

/** '; did you mean 0123… (standby db2)?' for one that is called by its node's name, or mistyped. */
function suggestionFor(id: string, seen: readonly (Consumer | Unreadable)[]): string {
  const meant = didYouMean(
    id,
    seen.map((each) => each.id),
  );
  const found = seen.filter((each) => each.id === meant || (isReadable(each) && each.name === id));
  const words = new Set(
    found.map((each) => printable(isReadable(each) ? `${each.id} (${each.kind} ${each.name})` : each.id)),
  );
  return words.size === 0 ? '' : `; did you mean ${[...words].join(' or ')}?`;
}

/** Removes the consumer wherever it is registered; an `invalid-name` error where it is nowhere. */
export async function removeEverywhere(id: string, node: ThisNode, call: ProgramCall): Promise<number> {
  const { options, voice } = call;
  const archives = await openArchives(node, call);
  const removed: Removed[] = [];
  const seen: (Consumer | Unreadable)[] = [];
  for (const opened of archives) {
    if ('fault' in opened) throw opened.fault;
    const from = await removeFrom(opened.road, id, node, call, seen);
    if (from !== undefined) removed.push(from);
    await opened.road.close();
  }
  if (removed.length === 0) {
    throw new ProgramError(
      'invalid-name',
      `no archive of this node has a consumer "${id}"${suggestionFor(id, seen)}`,
      {
        hint: 'twowarm consumers list shows the names: the first word of each line.',
      },
    );
  }
  const dryRun = options['dry-run'] === true;
  const json = `${JSON.stringify({ dryRun, removed: removed.map(toJson) })}\n`;
  voice.answer(options['json'] === true ? json : removed.map((each) => describe(each, dryRun)).join(''));
  return 0;
}
