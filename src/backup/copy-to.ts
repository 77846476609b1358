// copyToStandby and copyToDR: the verb, as a table of contents. A base backup of the running primary goes into a data directory
// of this machine or of the other node, and is worth something because its WAL arrives, too.
import type { Found, Target } from '../copying/target.ts';
import type { ThisNode } from '../postgres/this-node.ts';
import type { Report } from '../program/print-error.ts';
import { lookAtArchive, proveArchiving, requireArchiving, requireSegments, switchOn } from './archiving.ts';
import type { Needed } from './archiving.ts';
import type { Expecting } from './arrivals.ts';
import { copyByTool } from './by-tool.ts';
import { copyOurselves } from './by-ourselves.ts';
import type { Chosen } from './choose.ts';
import type { Copied } from './copy-files.ts';
import type { EarlyProof } from './early-proof.ts';
import { warnOfRoom } from './fill-target.ts';
import { lookAtSource, type LookedAt, type SourceFacts } from './look-at-source.ts';
import type { BackupSession } from './session.ts';
import type { ChecksumName } from './source/checksum-names.ts';
import type { Telling } from './telling.ts';
import { nextSteps, stepsOf, withoutWal } from './words.ts';

/** How the copy is wanted. */
export interface Wanted {
  program: string;
  /** Who reads the cluster. */
  method: 'twowarm' | 'pg_basebackup';
  /** Files at once. */
  jobs: number;
  /** Whether the first checkpoint is made at once. */
  fast: boolean;
  verifyPages: boolean;
  /** Of files, in the manifest. */
  checksums: ChecksumName;
  dryRun: boolean;
  /** How long a segment may take to arrive. */
  waitMs: number;
  /** OLDDIR=NEWDIR. */
  mapping: readonly string[];
  walDirectory: string | undefined;
}

export interface Work {
  node: ThisNode;
  chosen: Chosen;
  wanted: Wanted;
  session: BackupSession;
  /** The cluster that is copied. */
  asked: SourceFacts;
  target: Target;
  /** What is to be said of archive_command; it throws for one that cannot be run (archive-call.ts). */
  judged: Promise<Report | undefined>;
  /** That archiving works, where it could be begun before the target was looked at. */
  proof: EarlyProof | undefined;
  telling: Telling;
  environment: Readonly<Record<string, string | undefined>>;
  stop: AbortSignal;
}

/** A copy that is complete, and the WAL that it needs. */
export interface CompleteCopy extends Needed {
  copied: Copied;
}

/** What a call that succeeded has come to. */
export interface Outcome {
  outcome: 'copied' | 'would copy';
  found: Found;
  copied?: Copied;
  /** The last one that the copy needs; it has arrived. */
  lastSegment?: string;
}

/** Everything that can be found out before anything changes; then the copy. */
export async function copyTo(work: Work): Promise<Outcome> {
  const { wanted, telling, target } = work;
  const looked = await lookAtSource(work);
  const { found } = looked;
  requireArchiving(work.asked.facts);
  const warning = await work.judged;
  if (warning !== undefined) await work.telling.warn(warning);
  await warnOfRoom(work, looked);
  if (wanted.dryRun) {
    await lookAtArchive(expectingOf(work, looked));
    for (const step of stepsOf(work, looked)) telling.step('would', step);
    return { outcome: 'would copy', found };
  }
  await prove(work, looked);
  const complete = await (wanted.method === 'pg_basebackup' ? copyByTool : copyOurselves)(work, looked);
  const lastSegment = await waitForWal(work, looked, complete);
  telling.step('next', nextSteps(target.url));
  return { outcome: 'copied', found, copied: complete.copied, lastSegment };
}

const expectingOf = (work: Work, { cluster: { segmentSize } }: LookedAt): Expecting => ({
  ...work,
  destination: work.chosen.destination,
  segmentSize,
  limitMs: work.wanted.waitMs,
});

async function prove(work: Work, looked: LookedAt): Promise<void> {
  const { node, chosen, telling } = work;
  const { destination } = chosen;
  const before = switchOn(node);
  if (before !== undefined) telling.step('archiving-on', before);
  const early = before === undefined ? work.proof?.name : undefined;
  const name = (await early) ?? (await proveArchiving(expectingOf(work, looked)));
  telling.step('archiving-proved', `archiving works: ${name} has arrived at ${destination.url}`, {
    segment: name,
  });
}

async function waitForWal(work: Work, looked: LookedAt, complete: CompleteCopy): Promise<string> {
  const { chosen, telling } = work;
  const { destination } = chosen;
  let name: string;
  try {
    name = await requireSegments(expectingOf(work, looked), complete);
  } catch (error) {
    await telling.warn(withoutWal(work, complete));
    throw error;
  }
  telling.step('last-segment', `${name}, the last segment that it needs, has arrived at ${destination.url}`, {
    segment: name,
  });
  return name;
}
