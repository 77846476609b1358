// Whether archiving will go on after the promotion, as far as the configuration says. Nothing of this prevents it:
// a primary without an archive is better than none.
import { access, constants } from 'node:fs/promises';
import type { ThisNode } from '../postgres/this-node.ts';
import { readArchivingState } from '../program/archiving-state.ts';
import { bounded } from '../program/bounded.ts';
import { readSuspension } from '../program/destination-notes.ts';
import { fromSystemError, ProgramError } from '../program/program-error.ts';
import type { Destination } from '../program/settings/settings.ts';
import { readRoadUrl } from '../program/road-url.ts';
import { directoryOf, openDestination, openToLook } from '../transport/open.ts';
import type { Identity } from '../transport/transport.ts';
import type { Server } from './server.ts';
import type { Telling } from './telling.ts';

/** Who archives once the server is open: we, somebody else, or nobody. */
export async function whoArchives(server: Server): Promise<'we' | 'another' | 'nobody'> {
  const mode = await server.setting('archive_mode');
  if (mode !== 'on' && mode !== 'always') return isTrue(mode) ? whoseCommand(server) : 'nobody';
  return whoseCommand(server);
}

/** As a file may have it; the server itself says on. */
const isTrue = (value = ''): boolean => /^(on|always|t(r(ue?)?)?|y(es?)?|1)$/i.test(value);

async function whoseCommand(server: Server): Promise<'we' | 'another'> {
  if (await server.setting('archive_library')) return 'another';
  return (await server.setting('archive_command'))?.includes('archiveWALFile') === true ? 'we' : 'another';
}

function stateOf(home: string): string {
  try {
    return readArchivingState(home);
  } catch (error) {
    if (error instanceof ProgramError) return 'hold';
    throw error;
  }
}

/** The longest look at one destination, in ms: it may have gone down with the old primary, and somebody waits. */
const lookLimitMs = 2000;

/** On another machine: connecting alone takes several round trips. */
const farLookLimitMs = 5000;

/** Whether it could be written to; a key may allow that and not allow to read. */
async function lookInto(destination: Destination, identity: Identity): Promise<void> {
  const { url, mayLack } = destination;
  const isFar = readRoadUrl(url).kind !== 'directory';
  const road =
    isFar && identity.dryRun !== true
      ? await openDestination(url, identity, destination)
      : await openToLook(url, identity, undefined, isFar ? mayLack : undefined);
  await road.close();
  if (!isFar) await access(directoryOf(url), constants.W_OK | constants.X_OK);
}

async function faultOfDestination(
  destination: Destination,
  { identity }: ThisNode,
  stop: AbortSignal,
): Promise<ProgramError | undefined> {
  const { url } = destination;
  const isFar = readRoadUrl(url).kind !== 'directory';
  const place = isFar ? url : directoryOf(url);
  try {
    const limitMs = isFar ? farLookLimitMs : lookLimitMs;
    await bounded(`look into ${place}`, limitMs, stop, () => lookInto(destination, identity));
    return undefined;
  } catch (error) {
    stop.throwIfAborted();
    const fault = fromSystemError(error, `could not write into ${place}`);
    if (!(fault instanceof ProgramError)) throw fault;
    return fault;
  }
}

/** What a destination that cannot be reached means for the promoted server. */
function withoutIt({ name, policy }: Destination, all: readonly Destination[]): string {
  if (policy === 'best-effort') return 'archive_command succeeds without it; what it misses is owed to it.';
  const fallbacks = all.filter(({ standIn }) => standIn?.for.includes(name)).map((each) => each.name);
  return fallbacks.length === 0
    ? 'Until it is there, archive_command of the promoted server fails, and pg_wal grows.'
    : `Until it is there, ${fallbacks.join(' or ')} has to stand in for it; what it misses is owed to it.`;
}

async function checkDestinations(node: ThisNode, telling: Telling, stop: AbortSignal): Promise<void> {
  const { home } = node.settings;
  const destinations = node.settings.destinations.filter(
    // A fallback is not asked while all is well.
    ({ name, policy }) => policy !== 'fallback' && readSuspension(home, name) === undefined,
  );
  const faults = await Promise.all(destinations.map((each) => faultOfDestination(each, node, stop)));
  for (const [index, fault] of faults.entries()) {
    if (fault === undefined) continue;
    const { name } = destinations[index]!;
    await telling.warn({
      message: `could not reach the destination ${name}: ${fault.message}`,
      detail: withoutIt(destinations[index]!, node.settings.destinations),
      hint: `Make it reachable. If it is gone: twowarm destination suspend ${name}; then this node's own archive has every segment, and what ${name} misses is owed to it.`,
    });
  }
}

/** Warns of what will keep WAL from the archives, while it can still be changed. */
export async function checkArchiving(
  node: ThisNode,
  server: Server,
  telling: Telling,
  stop: AbortSignal,
): Promise<void> {
  const who = await whoArchives(server);
  if (who === 'nobody') {
    return telling.warn({
      message: 'archive_mode is off: the promoted server will archive nothing',
      hint: 'It needs a restart of the server: set archive_mode = on, and archive_command to archiveWALFile.',
    });
  }
  if (who === 'another') {
    return telling.warn({
      message:
        'archive_command does not call archiveWALFile: what the promoted server archives is not known here',
      hint: 'archiveWALFile --help shows the line for postgresql.conf.',
    });
  }
  const state = stateOf(node.settings.home);
  if (state === 'on') return checkDestinations(node, telling, stop);
  const message = `the archiving state is "${state}": the promoted server will archive nothing`;
  await telling.warn({ message, hint: 'To archive: twowarm archiving on' });
}
