// A copy is worth what its archive holds: before it begins a real segment has to arrive where the standby will look for WAL, and
// afterwards the last one that the copy needs. Seen is what counts, at the destination, not what archive_command says.
import { setTimeout as pause } from 'node:timers/promises';
import type { ThisNode } from '../postgres/this-node.ts';
import { bounded } from '../program/bounded.ts';
import { readArchivingState, writeArchivingState } from '../program/archiving-state.ts';
import { settingLine } from '../program/installation.ts';
import { ProgramError } from '../program/program-error.ts';
import { formatDuration } from '../program/settings/quantities.ts';
import type { Destination } from '../program/settings/settings.ts';
import { openToLook } from '../transport/open.ts';
import { segmentName } from '../wal/filename.ts';
import type { BackupSession, ServerFacts } from './session.ts';

/** How often it is looked for, in ms: often at first, for mostly it comes at once. */
const soonEveryMs = 20;
const soonMs = 2000;
const laterEveryMs = 200;

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

/** 2warm's copyToStandby switched it on, too: a standby without WAL is none. True where it was not on. */
export function switchOn({ settings, identity }: ThisNode): boolean {
  if (readArchivingState(settings.home) === 'on') return false;
  writeArchivingState(settings.home, 'on', identity.nodeId);
  return true;
}

/** Where segments are expected, and for how long. */
export interface Expecting {
  session: BackupSession;
  node: ThisNode;
  destination: Destination;
  segmentSize: number;
  limitMs: number;
  stop: AbortSignal;
}

/** True once the file is at the destination; false past the limit. Throws what keeps it from being looked for. */
async function arrives(name: string, expecting: Expecting): Promise<boolean> {
  const { session, node, destination, limitMs, stop } = expecting;
  const look = <T>(verb: (signal: AbortSignal) => Promise<T>): Promise<T> =>
    bounded(`look for ${name} at ${destination.url}`, destination.timeLimitMs, stop, verb);
  const road = await look((signal) => openToLook(destination.url, node.identity, signal));
  const begun = performance.now();
  try {
    do {
      if ((await look((signal) => road.stat(name, signal))) !== 'missing') return true;
      if (!session.isOpen()) throw new ProgramError('server-died', 'the connection to the server was lost');
      const isSoon = performance.now() - begun < soonMs;
      await pause(isSoon ? soonEveryMs : laterEveryMs, undefined, { signal: stop });
    } while (performance.now() - begun < limitMs);
    return false;
  } finally {
    await road.close();
  }
}

/** The segment in which all before this LSN ends. */
const segmentBefore = (lsn: bigint, timeline: number, segmentSize: number): string =>
  segmentName(timeline, (lsn - 1n) / BigInt(segmentSize), segmentSize);

/** Ends a segment and waits until it is at the destination; its name. `archiving-unproven` where it does not come. */
export async function proveArchiving(expecting: Expecting): Promise<string> {
  const { session, segmentSize } = expecting;
  const { timeline } = await session.position();
  const name = segmentBefore(await session.endSegment(), timeline, segmentSize);
  if (await arrives(name, expecting)) return name;
  throw await notThere(name, expecting, 'archiving-unproven');
}

/** Waits for the segment that all before `lsn` ends in; its name. `wal-missing` where it does not come. */
export async function requireLastSegment(
  expecting: Expecting,
  lsn: bigint,
  timeline: number,
): Promise<string> {
  const name = segmentBefore(lsn, timeline, expecting.segmentSize);
  if (await arrives(name, expecting)) return name;
  throw await notThere(name, expecting, 'wal-missing');
}

async function notThere(
  name: string,
  { session, destination, limitMs }: Expecting,
  kind: 'archiving-unproven' | 'wal-missing',
): Promise<ProgramError> {
  const { name: to, url, policy } = destination;
  const failed = await session.lastFailure();
  const failing = failed === undefined ? '' : ` archive_command fails with ${failed}.`;
  const way =
    policy === 'required'
      ? 'The log of the server says what archive_command said.'
      : `${to} is ${policy}: segments come with debts there, or by a relay.`;
  return new ProgramError(kind, `${name} did not arrive at ${url} within ${formatDuration(limitMs)}`, {
    detail: `${way}${failing}`,
    hint: 'twowarm check --full follows a segment and says where it stays; --wait gives it longer.',
  });
}
