// On whose behalf debts are paid. A primary pays as itself. Once it has become a standby, whoever holds its own archive
// is the one who writes the cluster's history: then only what belongs to that history is brought anywhere.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSegmentSize } from '../postgres/control-file.ts';
import type { ThisNode } from '../postgres/this-node.ts';
import type { Report } from '../program/print-error.ts';
import { errnoOf, fromSystemError, ProgramError } from '../program/program-error.ts';
import { requireOwnArchive } from '../transport/backfill/used-archive.ts';
import { recall } from '../transport/known-archives.ts';
import type { Claim } from '../transport/ownership.ts';
import { historyName, parseWalFileName } from '../wal/filename.ts';
import { parseHistory } from '../wal/history.ts';
import { belongsTo, type Line } from '../wal/line.ts';
import { segmentNumber } from '../wal/segment.ts';
import { lookForOwner } from './on-behalf.ts';
import type { Role } from '../postgres/node-role.ts';

export interface Principal {
  /** Undefined: this node itself. */
  owner: Claim | undefined;
  /** Says why a file is not to be brought; undefined: it is. */
  refuses: (file: string) => Report | undefined;
}

const itself: Principal = { owner: undefined, refuses: () => undefined };

/** Throws where it cannot be known. */
export async function principalOf(role: Role, node: ThisNode, stop: AbortSignal): Promise<Principal> {
  if (!role.relays) return itself;
  const owner = await lookForOwner(node, stop).catch((error: unknown) => unlessNeverUsed(error, node));
  if (owner === undefined) return itself;
  const line = lineOf(owner, node);
  const segmentSize = readSegmentSize(node.settings.dataDirectory);
  return { owner, refuses: (file) => refusal(file, line, segmentSize) };
}

/** Nobody holds what was never there; one that is away, such as an unmounted disk, does not say who holds it. */
async function unlessNeverUsed(error: unknown, node: ThisNode): Promise<undefined> {
  if (!(error instanceof ProgramError) || error.kind !== 'directory-missing') throw error;
  if (recall(node.settings.archiveDirectory, node.identity) !== undefined) throw error;
  await requireOwnArchive(node);
}

/** The line of the owner's timeline, by its history in pg_wal or in the own archive. */
function lineOf({ timeline, nodeName }: Claim, { settings }: ThisNode): Line {
  if (timeline === 1) return { timeline, ancestors: [] };
  const name = historyName(timeline);
  for (const directory of [join(settings.dataDirectory, 'pg_wal'), settings.archiveDirectory]) {
    const parsed = readIfThere(join(directory, name), timeline);
    if (parsed !== undefined && 'entries' in parsed) return { timeline, ancestors: parsed.entries };
  }
  throw new ProgramError(
    'source-unreachable',
    `could not find ${name}, the history of the timeline of ${nodeName}`,
    {
      detail:
        'Without it nobody can tell which of the files that are owed belong to the history of the cluster.',
    },
  );
}

function readIfThere(path: string, timeline: number): ReturnType<typeof parseHistory> | undefined {
  try {
    return parseHistory(readFileSync(path, 'utf8'), timeline);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fromSystemError(error, `could not read ${path}`);
  }
}

/** Of a history or anything that has no place in the WAL, the archives themselves judge. */
function refusal(file: string, line: Line, segmentSize: number): Report | undefined {
  const name = parseWalFileName(file.slice(0, 24));
  if (name?.kind !== 'segment') return undefined;
  const number = segmentNumber(name, segmentSize);
  if (number === undefined) return undefined;
  const place = belongsTo(line, name.timeline, number, segmentSize);
  if (place !== 'past' && place !== 'elsewhere') return undefined;
  const why =
    place === 'past'
      ? 'it lies past the point where that left its own'
      : 'that does not descend from its own';
  return { message: `${file} does not belong to timeline ${line.timeline}: ${why}` };
}
