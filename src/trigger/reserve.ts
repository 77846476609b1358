// The timeline of a promotion is reserved at the arbiter before anything is changed, so that of two standbys that are
// triggered at once one is promoted. A reservation of an earlier call that did not live to promote is this node's still.
import type { ThisNode } from '../postgres/this-node.ts';
import { bounded } from '../program/bounded.ts';
import { ProgramError } from '../program/program-error.ts';
import { withoutSecret } from '../program/road-url.ts';
import { acceptedAt } from '../transport/lacks.ts';
import { openDestination, openToLook } from '../transport/open.ts';
import { reservedFault } from '../transport/reservations.ts';
import type { ReadTransport } from '../transport/transport.ts';
import type { Telling } from './telling.ts';

/** The longest talk with the arbiter, in ms. */
const limitMs = 10_000;

export interface Reserving {
  dryRun: boolean;
  /** Goes on where the arbiter cannot be reached: somebody has made sure that no other node is promoted. */
  withoutReservation: boolean;
  stop: AbortSignal;
}

async function atArbiter<Road extends ReadTransport>(
  timeline: number,
  url: string,
  open: (url: string, signal: AbortSignal) => Promise<Road>,
  stop: AbortSignal,
  verb: (road: Road, signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const what = `reserve timeline ${timeline} at ${withoutSecret(url)}`;
  await bounded(what, limitMs, stop, async (signal) => {
    const road = await open(url, signal);
    try {
      await verb(road, signal);
    } finally {
      await road.close();
    }
  });
}

/** Takes nothing: whether the timeline could be reserved. */
const look = (timeline: number, url: string, { identity }: ThisNode, stop: AbortSignal): Promise<void> =>
  atArbiter(
    timeline,
    url,
    (each, signal) => openToLook(each, identity, signal),
    stop,
    async (road, signal) => {
      const found = await road.reservationOf(timeline, signal);
      if (found !== undefined && found.node !== identity.nodeId) throw reservedFault(url, found);
    },
  );

const take = (
  timeline: number,
  url: string,
  { identity, settings }: ThisNode,
  stop: AbortSignal,
): Promise<void> =>
  atArbiter(
    timeline,
    url,
    (each, signal) => {
      const mayLack = acceptedAt(each, settings.destinations);
      return openDestination(each, identity, { mayLack }, signal);
    },
    stop,
    (road, signal) => road.reserve({ timeline, nodeName: settings.nodeName }, signal),
  );

/**
 * Reserves the timeline; the URL of the arbiter that has it now, undefined where none is configured or it was done
 * without. `timeline-reserved` where another node has it, `arbiter-unreachable` where nobody can say.
 */
export async function reserveAtArbiter(
  timeline: number,
  { dryRun, withoutReservation, stop }: Reserving,
  node: ThisNode,
  telling: Telling,
): Promise<string | undefined> {
  const url = node.settings.cluster.arbiter;
  if (url === undefined) return undefined;
  try {
    await (dryRun ? look : take)(timeline, url, node, stop);
    return url;
  } catch (error) {
    stop.throwIfAborted();
    if (!(error instanceof ProgramError) || error.kind === 'timeline-reserved') throw error;
    const message = `could not reserve timeline ${timeline} at the arbiter ${withoutSecret(url)}: ${error.message}`;
    if (!withoutReservation) throw unreachable(message, error);
    await telling.warn({ message, detail: 'Nothing keeps another standby from taking the same timeline.' });
    return undefined;
  }
}

function unreachable(message: string, cause: ProgramError): ProgramError {
  return new ProgramError('arbiter-unreachable', message, {
    detail: 'Another standby may be being promoted to it at this moment. Nothing was changed.',
    hint: 'Make it reachable. Once you are sure that no other node is or will be promoted: triggerStandby --without-reservation',
    cause,
  });
}

/** After the promotion: says so where the server took another timeline than was reserved, and reserves that one. */
export async function checkReserved(
  reserved: number,
  taken: number,
  arbiter: string | undefined,
  node: ThisNode,
  telling: Telling,
  stop: AbortSignal,
): Promise<void> {
  if (arbiter === undefined || taken === reserved) return;
  let what = `Timeline ${taken} is reserved for this node now, too.`;
  try {
    await take(taken, arbiter, node, stop);
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    what = `And timeline ${taken} could not be reserved: ${error.message}.`;
  }
  await telling.warn({
    message: `the server took timeline ${taken}, but timeline ${reserved} was reserved for it`,
    detail: `The history files that its restore_command found were not those in pg_wal and at restore.sources. ${what}`,
    hint: `See to it that no other node is on timeline ${taken}.`,
  });
}
