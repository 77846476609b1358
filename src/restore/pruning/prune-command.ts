// twowarm prune: removes from the archives of this node what lies before a restart point; archive_cleanup_command calls
// it. It does whatever restore.prune says: to call it is to agree.
import { readRecoveryMode } from '../../postgres/recovery-mode.ts';
import { openThisNode, type ThisNode } from '../../postgres/this-node.ts';
import { bounded } from '../../program/bounded.ts';
import { commonOptions, jsonOption, type Command, type ProgramCall } from '../../program/command.ts';
import { describeError } from '../../program/print-error.ts';
import { recordOf, type Consumer } from '../../transport/consumer-record.ts';
import { directoriesAmong } from '../../transport/open.ts';
import { openForRemoval, type RemovalRoad } from '../../transport/open-for-removal.ts';
import { describeConsumer, describeNeed } from '../consumers/findings.ts';
import { needOf, registerReader, type Reading } from '../consumers/register.ts';
import { readerKind } from '../consumers/registered.ts';
import { warnOfHolders } from '../consumers/warn-of-holders.ts';
import { findPrunable } from './find-prunable.ts';
import type { RegisteredHolder } from './limits.ts';
import { prunedFields, pruneArchive, type PrunePlan, type Pruned } from './prune-archive.ts';
import { readCursor, type Cursor } from './prune-cursor.ts';
import { planBefore } from './prune-plan.ts';

const unbounded = { segments: Infinity, ms: Infinity };

interface Outcome extends Omit<Pruned, 'keptFor'> {
  url: string;
  bytes: number;
  /** Who keeps more from going, and how much of it there is: that is only counted in a dry run. */
  keptFor: { holder: RegisteredHolder; segments?: number }[];
  /** Of a dry run: what would be removed. */
  names: readonly string[];
}

/** What one call has to do at each archive. */
interface Work {
  plan: PrunePlan;
  node: ThisNode;
  call: ProgramCall;
  /** What this node says of itself; undefined: it is no reader, or the restart file is none of PostgreSQL's %r. */
  reading: Reading | undefined;
}

/** The same road, with every single verb within the time limit of a source. */
function limited(road: RemovalRoad, limitMs: number): RemovalRoad {
  const within = <T>(
    what: string,
    stop: AbortSignal,
    verb: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> => bounded(`${what} ${road.url}`, limitMs, stop, verb);
  return {
    ...road,
    list: (stop) => within('list', stop, (signal) => road.list(signal)),
    remove: (name, stop) => within(`remove ${name} at`, stop, (signal) => road.remove(name, signal)),
    consumers: (stop) => within('read the consumers of', stop, (signal) => road.consumers(signal)),
    history: (timeline, stop) =>
      within(`read the history of timeline ${timeline} at`, stop, (signal) => road.history(timeline, signal)),
    recordPruned: (range, size, stop) =>
      within('record what is pruned from', stop, (signal) => road.recordPruned(range, size, signal)),
  };
}

/** The consumers as they would be once this call had put its own need on record. */
function withOwn(consumers: Consumer[], { reading, node }: Work): Consumer[] {
  const need = reading === undefined ? undefined : needOf(reading, node);
  if (need === undefined) return consumers;
  const own = consumers.find(({ id }) => id === need.id);
  return [...consumers.filter((each) => each !== own), recordOf(own, need, new Date())];
}

async function pruneSource(url: string, work: Work): Promise<Outcome> {
  const { node, plan, call } = work;
  const { options, stop } = call;
  const { timeLimitMs } = node.settings.restore;
  const opened = await bounded(`open ${url}`, timeLimitMs, stop, () => openForRemoval(url, node.identity));
  const road = limited(opened, timeLimitMs);
  try {
    const cursor: Cursor =
      options['rescan'] === true
        ? new Map<number, bigint>()
        : readCursor(road, plan.segmentSize, node.identity);
    if (options['dry-run'] !== true) {
      const { keptFor, ...pruned } = await pruneArchive(road, plan, node, unbounded, stop, cursor);
      await warnOfHolders(road, keptFor, node, call.voice);
      const holders = keptFor.map((holder) => ({ holder }));
      return { url, ...pruned, bytes: pruned.segments * plan.segmentSize, keptFor: holders, names: [] };
    }
    const { names, kept } = await findPrunable(road, plan, cursor, (all) => withOwn(all, work), stop);
    const found = { segments: names.length, first: names[0] ?? null, last: names.at(-1) ?? null };
    return { url, ...found, bytes: names.length * plan.segmentSize, keptFor: kept, names };
  } finally {
    await road.close();
  }
}

/** Every source, one after the other; the first fault once all have had their turn. */
async function pruneAll(work: Work): Promise<Outcome[]> {
  const { node, call } = work;
  const outcomes: Outcome[] = [];
  const faults: unknown[] = [];
  for (const url of directoriesAmong(node.settings.restore.sources)) {
    try {
      outcomes.push(await pruneSource(url, work));
    } catch (error) {
      call.stop.throwIfAborted();
      faults.push(error);
    }
  }
  for (const fault of faults.slice(1)) await call.voice.report('ERROR', describeError(fault).report);
  if (faults.length > 0) throw faults[0];
  return outcomes;
}

const counted = (segments: number, bytes: number): string =>
  `${segments} ${segments === 1 ? 'segment' : 'segments'}, ${bytes} bytes,`;

function describe({ url, segments, bytes, keptFor, names }: Outcome, segmentSize: number): string {
  const lines = names.map((name) => `${name} would be removed from ${url}\n`);
  const stays = keptFor.map(
    ({ holder, segments: kept = 0 }) =>
      `${counted(kept, kept * segmentSize)} would stay at ${url} for ${describeConsumer(holder)}, which needs ${describeNeed(holder)}\n`,
  );
  return `${lines.join('')}${counted(segments, bytes)} would be removed from ${url}\n${stays.join('')}`;
}

/** An outcome as --json shows it. */
function toJson({ names, keptFor, ...outcome }: Outcome, dryRun: boolean): object {
  const kept = keptFor.map(({ holder: { id, name, kind, oldest = null }, segments }) => ({
    ...{ consumer: id, name, kind, oldest },
    ...(segments === undefined ? {} : { segments }),
  }));
  return { ...outcome, keptFor: kept, ...(dryRun ? { names } : {}) };
}

/** A %r of PostgreSQL is the place where this node stands; a .backup or .partial name is a person's wish. */
function readingOf(restartFile: string, { settings }: ThisNode): Reading | undefined {
  const kind = readerKind(readRecoveryMode(settings.dataDirectory), settings);
  return kind === undefined || restartFile.length !== 24 ? undefined : { kind, restartFile };
}

async function run(call: ProgramCall): Promise<number> {
  const dryRun = call.options['dry-run'] === true;
  const node = await openThisNode(call, !dryRun);
  const [restart] = call.positionals as [string];
  const plan = planBefore(restart, node.settings.dataDirectory);
  const reading = readingOf(restart, node);
  if (reading !== undefined && plan !== 'none' && !dryRun)
    await registerReader(reading, node, call.voice, call.stop);
  const outcomes = plan === 'none' ? [] : await pruneAll({ plan, node, call, reading });
  if (call.options['json'] === true) {
    const sources = outcomes.map((outcome) => toJson(outcome, dryRun));
    call.voice.answer(`${JSON.stringify({ restart, dryRun, sources })}\n`);
  } else if (dryRun && plan !== 'none')
    call.voice.answer(outcomes.map((outcome) => describe(outcome, plan.segmentSize)).join(''));
  for (const outcome of outcomes) {
    if (!dryRun && outcome.segments > 0)
      await call.voice.event(`pruned ${outcome.url}`, prunedFields(outcome));
  }
  return 0;
}

export const command: Command = {
  name: 'twowarm prune',
  summary:
    'Removes the segments before a restart point that no registered reader needs from the directories among restore.sources, on its timeline and the ancestors of that; called by archive_cleanup_command.',
  positionals: [
    {
      name: '%r',
      summary:
        'The oldest file that must stay: a segment, or a .backup or .partial name of one. A standby is registered at its sources as one that needs everything from there on. What another registered reader of an archive needs stays, and nothing is removed where that cannot be known; so do history files, .backup and .partial files in any case.',
      required: true,
    },
  ],
  options: [
    ...commonOptions,
    {
      name: 'dry-run',
      summary:
        'Say what would be removed, how many and how many bytes, and what would stay for which reader; change nothing.',
    },
    jsonOption('Print what was removed, or would be, as JSON.'),
    {
      name: 'rescan',
      summary: 'List the archives instead of going on where the last call ended: finds what arrived late.',
    },
  ],
  postgresqlConf: { setting: 'archive_cleanup_command', arguments: '%r' },
  run,
};
