// twowarm prune: removes from the archives of this node what lies before a restart point; archive_cleanup_command calls
// it. It does whatever restore.prune says: to call it is to agree.
import { openThisNode, type ThisNode } from '../../postgres/this-node.ts';
import { bounded } from '../../program/bounded.ts';
import { commonOptions, jsonOption, type Command, type ProgramCall } from '../../program/command.ts';
import { describeError } from '../../program/print-error.ts';
import { openForRemoval, type RemovalRoad } from '../../transport/open-for-removal.ts';
import { findPrunable, prunedFields, pruneArchive, type PrunePlan, type Pruned } from './prune-archive.ts';
import { readCursor, type Cursor } from './prune-cursor.ts';
import { planBefore } from './prune-plan.ts';

const unbounded = { segments: Infinity, ms: Infinity };

interface Outcome extends Pruned {
  url: string;
  bytes: number;
  /** Of a dry run: what would be removed. */
  names: readonly string[];
}

/** The same road, with every single verb within the time limit of a source. */
function limited(road: RemovalRoad, limitMs: number): RemovalRoad {
  return {
    ...road,
    list: (stop) => bounded(`list ${road.url}`, limitMs, stop, (signal) => road.list(signal)),
    remove: (name, stop) =>
      bounded(`remove ${name} at ${road.url}`, limitMs, stop, (signal) => road.remove(name, signal)),
  };
}

async function pruneSource(
  url: string,
  plan: PrunePlan,
  node: ThisNode,
  { options, stop }: ProgramCall,
): Promise<Outcome> {
  const { timeLimitMs } = node.settings.restore;
  const opened = await bounded(`open ${url}`, timeLimitMs, stop, () => openForRemoval(url, node.identity));
  const road = limited(opened, timeLimitMs);
  try {
    const cursor: Cursor =
      options['rescan'] === true
        ? new Map<number, bigint>()
        : readCursor(road, plan.segmentSize, node.identity);
    if (options['dry-run'] !== true) {
      const pruned = await pruneArchive(road, plan, node, unbounded, stop, cursor);
      return { url, ...pruned, bytes: pruned.segments * plan.segmentSize, names: [] };
    }
    const names = await findPrunable(road, plan, cursor, stop);
    const ends = { first: names[0] ?? null, last: names.at(-1) ?? null };
    return { url, segments: names.length, ...ends, bytes: names.length * plan.segmentSize, names };
  } finally {
    await road.close();
  }
}

/** Every source, one after the other; the first fault once all have had their turn. */
async function pruneAll(plan: PrunePlan, node: ThisNode, call: ProgramCall): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const faults: unknown[] = [];
  for (const url of node.settings.restore.sources) {
    try {
      outcomes.push(await pruneSource(url, plan, node, call));
    } catch (error) {
      call.stop.throwIfAborted();
      faults.push(error);
    }
  }
  for (const fault of faults.slice(1)) await call.voice.report('ERROR', describeError(fault).report);
  if (faults.length > 0) throw faults[0];
  return outcomes;
}

function describe({ url, segments, bytes, names }: Outcome): string {
  const lines = names.map((name) => `${name} would be removed from ${url}\n`);
  const count = `${segments} ${segments === 1 ? 'segment' : 'segments'}, ${bytes} bytes`;
  return `${lines.join('')}${count}, would be removed from ${url}\n`;
}

async function run(call: ProgramCall): Promise<number> {
  const dryRun = call.options['dry-run'] === true;
  const node = await openThisNode(call, !dryRun);
  const [restart] = call.positionals as [string];
  const plan = planBefore(restart, node.settings.dataDirectory);
  const outcomes = plan === 'none' ? [] : await pruneAll(plan, node, call);
  if (call.options['json'] === true) {
    const sources = outcomes.map(({ names, ...outcome }) => (dryRun ? { ...outcome, names } : outcome));
    call.voice.answer(`${JSON.stringify({ restart, dryRun, sources })}\n`);
  } else if (dryRun) call.voice.answer(outcomes.map(describe).join(''));
  for (const outcome of outcomes) {
    if (!dryRun && outcome.segments > 0)
      await call.voice.event(`pruned ${outcome.url}`, prunedFields(outcome));
  }
  return 0;
}

export const command: Command = {
  name: 'twowarm prune',
  summary:
    'Removes the segments before a restart point from restore.sources, on its timeline and the ancestors of that; called by archive_cleanup_command.',
  positionals: [
    {
      name: '%r',
      summary:
        'The oldest file that must stay: a segment, or a .backup or .partial name of one. History files, .backup and .partial files stay in any case. Other readers of the same archives are not known yet: what another standby, or a recovery from an older base backup, still needs is removed, too.',
      required: true,
    },
  ],
  options: [
    ...commonOptions,
    { name: 'dry-run', summary: 'Say what would be removed, how many and how many bytes; change nothing.' },
    jsonOption('Print what was removed, or would be, as JSON.'),
    {
      name: 'rescan',
      summary: 'List the archives instead of going on where the last call ended: finds what arrived late.',
    },
  ],
  postgresqlConf: { setting: 'archive_cleanup_command', arguments: '%r' },
  run,
};
