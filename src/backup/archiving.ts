// A copy is worth what its archive holds: before it begins a real segment has to arrive where the standby will look for WAL, and
// afterwards every one that the copy needs. Seen is what counts, at the destination, not what archive_command says.
import { statSync } from 'node:fs';
import type { ThisNode } from '../postgres/this-node.ts';
import {
  archivingStatePath,
  readArchivingState,
  stateWords,
  writeArchivingState,
} from '../program/archiving-state.ts';
import { settingLine } from '../program/installation.ts';
import { ProgramError } from '../program/program-error.ts';
import { formatDuration } from '../program/settings/quantities.ts';
import { segmentName } from '../wal/filename.ts';
import { arrives, looking, type Expecting, type IsThere } from './arrivals.ts';
import type { ServerFacts } from './session.ts';

/** Refuses a server that cannot archive at all. */
export function requireArchiving(facts: ServerFacts): void {
  const line = settingLine('archive_command', 'archiveWALFile', '%p %f');
  const refuse = (message: string, hint: string): never => {
    throw new ProgramError('archiving-unproven', message, {
      detail: 'A copy that gets no WAL never becomes consistent.',
      hint,
    });
  };
  if (facts.walLevel === 'minimal')
    refuse(
      'the server writes too little WAL: wal_level is minimal',
      'Set wal_level = replica, and start the server again.',
    );
  if (facts.archiveMode === 'off')
    refuse(
      'the server does not archive: archive_mode is off',
      `Set archive_mode = on and ${line}, and start the server again.`,
    );
  if (facts.archiveLibrary === '' && ['', '(disabled)'].includes(facts.archiveCommand))
    refuse(
      'the server does not archive: archive_command is empty',
      `As a superuser: alter system set ${line}; select pg_reload_conf();`,
    );
}

/** 2warm's copyToStandby switched it on, too: a standby without WAL is none. What it was, since when, where it was not on. */
export function switchOn({ settings, identity }: ThisNode): string | undefined {
  const state = readArchivingState(settings.home);
  if (state === 'on') return undefined;
  const since = statSync(archivingStatePath(settings.home)).mtime.toISOString();
  writeArchivingState(settings.home, 'on', identity.nodeId);
  return `archiving was ${stateWords[state]} since ${since}: it is on now`;
}

/** What the server writes now cannot have been archived by it: a file of that name would prove nothing. */
async function refuseForeign(
  isThere: IsThere,
  { session, segmentSize, destination }: Expecting,
): Promise<void> {
  const current = async (): Promise<string> => {
    const { timeline, lsn } = await session.position();
    return segmentName(timeline, lsn / BigInt(segmentSize), segmentSize);
  };
  const name = await current();
  // It may have been ended, and archived, in the meantime.
  if (!(await isThere(name)) || (await current()) !== name) return;
  throw new ProgramError(
    'archiving-unproven',
    `${name} is at ${destination.url} already, and the server still writes it`,
    {
      detail:
        'The file there comes from another server, or from another life of this one: the copy would replay it.',
      hint: 'That archive is of another line of WAL. Let the copy have an archive of its own, or move away what is there from that segment on.',
    },
  );
}

/** What a dry run can see of where segments are expected: it opens, and has no other server's. */
export async function lookAtArchive(expecting: Expecting): Promise<void> {
  const { timeline, lsn } = await expecting.session.position();
  const size = expecting.segmentSize;
  const now = segmentName(timeline, lsn / BigInt(size), size);
  await looking(now, expecting, (isThere) => refuseForeign(isThere, expecting));
}

/** Ends a segment and waits until it is at the destination; its name. `archiving-unproven` where it does not come. */
export async function proveArchiving(expecting: Expecting): Promise<string> {
  const { session, segmentSize, limitMs } = expecting;
  const { timeline, lsn } = await session.position();
  const named = (before: bigint): string =>
    segmentName(timeline, (before - 1n) / BigInt(segmentSize), segmentSize);
  return looking(named(lsn), expecting, async (isThere) => {
    await refuseForeign(isThere, expecting);
    const name = named(await session.endSegment());
    if (await arrives(name, isThere, performance.now() + limitMs, expecting)) return name;
    throw await notThere(name, expecting, 'archiving-unproven');
  });
}

/** The WAL that a copy needs. */
export interface Needed {
  timeline: number;
  startLsn: bigint;
  endLsn: bigint;
}

/**
 * Waits until all segments from `startLsn` to `endLsn` are at the destination: the last one alone says nothing of those before,
 * which may be debts, or were given up. The name of the last; `wal-missing` where one does not come.
 */
export async function requireSegments(expecting: Expecting, needed: Needed): Promise<string> {
  const { segmentSize, limitMs } = expecting;
  const size = BigInt(segmentSize);
  const nameOf = (number: bigint): string => segmentName(needed.timeline, number, segmentSize);
  const last = (needed.endLsn - 1n) / size;
  const until = performance.now() + limitMs;
  return looking(nameOf(last), expecting, async (isThere) => {
    const require = async (number: bigint): Promise<void> => {
      if (await arrives(nameOf(number), isThere, until, expecting)) return;
      throw await notThere(nameOf(number), expecting, 'wal-missing');
    };
    await require(last);
    for (let number = needed.startLsn / size; number < last; number += 1n) await require(number);
    return nameOf(last);
  });
}

async function notThere(
  name: string,
  { session, destination, limitMs }: Expecting,
  kind: 'archiving-unproven' | 'wal-missing',
): Promise<ProgramError> {
  const { name: to, url, policy } = destination;
  const failed = await session.lastFailure();
  const failing = failed === undefined ? '' : ` archive_command fails with ${failed}.`;
  const counted = (await session.countsAsArchived(name))
    ? ' The server counts it as archived, for archive_command has succeeded with it.'
    : '';
  const way =
    policy === 'required'
      ? 'The log of the server says what archive_command said.'
      : `${to} is ${policy}: segments come with debts there, or by a relay.`;
  return new ProgramError(kind, `${name} did not arrive at ${url} within ${formatDuration(limitMs)}`, {
    detail: `${way}${failing}${counted}`,
    hint: 'twowarm check --full follows a segment and says where it stays; --wait gives it longer.',
  });
}
