// twowarm conflicts: what an archive keeps aside, and what becomes of it. Nothing here is decided by itself: a kept file
// stays until a person puts it back or discards it.
import { openThisNode } from '../postgres/this-node.ts';
import { bounded } from '../program/bounded.ts';
import { commonOptions, type Command, type ProgramCall } from '../program/command.ts';
import { ProgramError } from '../program/program-error.ts';
import { isAbandoned } from '../transport/abandoned.ts';
import { admitRemover } from '../transport/archive-identity.ts';
import {
  acceptConflict,
  discardConflict,
  findConflict,
  listConflicts,
  type Conflict,
} from '../transport/conflicts.ts';
import { directoryOf } from '../transport/open.ts';
import { formatLsn } from '../wal/lsn.ts';
import { requireDifferent, requireNotNeeded, requireOnLine } from './conflict-line.ts';
import { requireHere } from './conflicts-elsewhere.ts';
import { showConflict, wordsOf } from './show-conflict.ts';

const actions = ['list', 'show', 'accept', 'discard'] as const;

/** How long a look into the archive may take, in ms; comparing reads two segments. */
const limitMs = 120_000;

/** What a call works on. */
interface Work {
  directory: string;
  call: ProgramCall;
  signal: AbortSignal;
}

function say({ call }: Work, text: string, json: object): void {
  call.voice.answer(call.options['json'] === true ? `${JSON.stringify(json)}\n` : text);
}

const toJson = ({ id, name, walName, sizeBytes, why }: Conflict): object => ({
  id,
  name,
  sizeBytes,
  ...(why === undefined
    ? { reason: id.startsWith('versions/') ? 'version' : 'unknown' }
    : {
        reason: isAbandoned(walName, why.timeline) ? 'abandoned-timeline' : 'past-fork',
        timeline: why.timeline,
        ancestors: why.ancestors.map(({ timeline, switchLsn }) => ({ timeline, to: formatLsn(switchLsn) })),
        epoch: why.epoch,
        node: why.nodeName,
        at: why.at,
      }),
});

async function list(work: Work): Promise<void> {
  const conflicts = await listConflicts(work.directory);
  const lines = conflicts.map((each) => `${each.id}  ${each.sizeBytes} bytes  ${wordsOf(each)}\n`);
  say(work, lines.length === 0 ? 'nothing is kept aside\n' : lines.join(''), {
    conflicts: conflicts.map(toJson),
  });
}

async function show(work: Work, wanted: string): Promise<void> {
  const conflict = findConflict(await listConflicts(work.directory), wanted);
  const shown = await showConflict(work.directory, conflict, work.signal);
  say(work, `${conflict.id}: ${wordsOf(conflict)}\n${shown.text}\n`, {
    ...toJson(conflict),
    ...shown.json,
  });
}

async function accept(work: Work, wanted: string): Promise<void> {
  const { directory, call } = work;
  const conflict = findConflict(await listConflicts(directory), wanted);
  await requireDifferent(directory, conflict, work.signal);
  if (call.options['force'] !== true) await requireOnLine(directory, conflict, work.signal);
  if (call.options['dry-run'] === true) {
    const text = `would put ${conflict.id} back as ${conflict.name}\n`;
    return say(work, text, { dryRun: true, accepted: toJson(conflict) });
  }
  await acceptConflict(directory, conflict);
  await call.voice.event(`put ${conflict.id} back`, { file: conflict.name });
  say(work, `put ${conflict.id} back as ${conflict.name}\n`, { accepted: toJson(conflict) });
}

/** The one of that id, or with --all those of a room ('00000002-1'). */
function chosen(conflicts: readonly Conflict[], wanted: string, all: boolean): Conflict[] {
  if (!all) return conflicts.filter(({ id }) => id === wanted);
  const room = wanted.replace(/^quarantine\//, '');
  return conflicts.filter(({ id }) => id.startsWith(`quarantine/${room}/`));
}

async function discard(work: Work, wanted: string): Promise<void> {
  const { directory, call } = work;
  const all = call.options['all'] === true;
  const found = chosen(await listConflicts(directory), wanted, all);
  if (found.length === 0) {
    throw new ProgramError('conflict-unknown', `nothing is kept aside as "${wanted}"`, {
      detail: all
        ? 'With --all the name is that of a directory in quarantine, such as 00000002-1.'
        : 'What is removed for good is named as it stands in the list, in full.',
      hint: 'twowarm conflicts list shows the names.',
    });
  }
  // All or nothing: what is refused is seen before anything is gone.
  if (call.options['force'] !== true)
    for (const conflict of found) await requireNotNeeded(directory, conflict, work.signal);
  if (call.options['dry-run'] === true) {
    const would = found.map(({ id }) => `would discard ${id}\n`);
    return say(work, would.join(''), { dryRun: true, discarded: found.map(toJson) });
  }
  for (const conflict of found) {
    await discardConflict(conflict);
    await call.voice.event(`discarded ${conflict.id}`, { file: conflict.name });
  }
  const lines = found.map(({ id }) => `discarded ${id}\n`);
  say(work, lines.join(''), { discarded: found.map(toJson) });
}

function nameIn({ positionals }: ProgramCall): string {
  const [, name] = positionals;
  if (name !== undefined) return name;
  throw new ProgramError('usage', 'missing argument NAME', {
    hint: 'twowarm conflicts list shows the names.',
  });
}

async function act(work: Work): Promise<void> {
  const { call } = work;
  switch (call.positionals[0] as (typeof actions)[number]) {
    case 'list':
      return list(work);
    case 'show':
      return show(work, nameIn(call));
    case 'accept':
      return accept(work, nameIn(call));
    case 'discard':
      return discard(work, nameIn(call));
  }
}

async function run(call: ProgramCall): Promise<number> {
  requireHere((call.options['archive'] as string | undefined) ?? '', call);
  const { settings, identity } = await openThisNode(call);
  const url = (call.options['archive'] as string | undefined) ?? `file:${settings.archiveDirectory}`;
  const directory = directoryOf(url);
  await bounded(`look into ${url}`, limitMs, call.stop, async (signal) => {
    // Of this cluster, or it is refused.
    await admitRemover(directory, identity);
    await act({ directory, call, signal });
  });
  return 0;
}

export const command: Command = {
  name: 'twowarm conflicts',
  summary:
    'Lists, compares, puts back or removes what an archive keeps aside: segments past a fork, other partials.',
  positionals: [
    {
      name: 'ACTION',
      summary:
        "list: what there is. show: where a kept file and the archive's file of the same name part. accept: give it its name back. discard: remove it for good.",
      required: true,
      choices: actions,
    },
    {
      name: 'NAME',
      summary: 'As it stands in the list; for show and accept also the WAL name, where only one has it.',
      required: false,
    },
  ],
  options: [
    ...commonOptions,
    {
      name: 'archive',
      argument: 'URL',
      summary:
        "An archive that is a directory of this machine; default: this node's own. What is elsewhere is worked on there.",
    },
    {
      name: 'force',
      summary:
        'accept: also a segment past a fork of the timeline that the archive is claimed for. discard: also what that line may need.',
    },
    { name: 'dry-run', summary: 'accept, discard: say what would be done, or why not; change nothing.' },
    { name: 'all', summary: 'discard: NAME is a directory in quarantine, and all in it goes.' },
    { name: 'json', summary: 'Print one JSON object.' },
  ],
  run,
};
