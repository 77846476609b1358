// Who must have a file: the configured destinations and, on a node that was triggered, its own archive, unless one of
// them is that directory.
import type { Stats } from 'node:fs';
import type { ThisNode } from '../postgres/this-node.ts';
import { bounded } from '../program/bounded.ts';
import { readOwnArchive } from '../program/own-archive.ts';
import { ProgramError } from '../program/program-error.ts';
import { readRoadUrl } from '../program/road-url.ts';
import type { Destination, Settings } from '../program/settings/settings.ts';
import { stat } from '../program/system-calls.ts';
import { reserveThreads } from '../program/threads.ts';

/** As the time_limit of a destination whose configuration names none. */
const ownTimeLimitMs = 120_000;

/** How long a destination may take to say which directory it is, in ms; a dead one is not waited for twice. */
const lookLimitMs = 2000;

/** The node's own archive as a destination. */
interface OwnDestination extends Destination {
  isOwn: true;
}

/** Whether it is the node's own archive, which no configuration names. */
export const isOwn = (destination: Destination): destination is OwnDestination => 'isOwn' in destination;

/** Everywhere that the next file has to be durable. An `unsafe-state` error when the node's marker cannot be trusted. */
export async function requiredDestinations(node: ThisNode, stop: AbortSignal): Promise<Destination[]> {
  const { home, archiveDirectory, destinations } = node.settings;
  if (readOwnArchive(home) === undefined) return destinations;
  reserveThreads(destinations.length + 1);
  if (await isConfigured(archiveDirectory, destinations, stop)) return destinations;
  const own: OwnDestination = {
    name: 'its own archive',
    url: `file:${archiveDirectory}`,
    compression: 'none',
    timeLimitMs: ownTimeLimitMs,
    mayLack: [],
    policy: 'required',
    standIn: undefined,
    isOwn: true,
  };
  return [...destinations, own];
}

/** Whether one of the destinations is that directory, under whatever name. */
async function isConfigured(
  directory: string,
  destinations: Settings['destinations'],
  stop: AbortSignal,
): Promise<boolean> {
  const roads = destinations.map(({ url }) => readRoadUrl(url));
  const others = roads.flatMap((road) => (road.kind === 'directory' ? [road.directory] : []));
  if (others.includes(directory)) return true;
  // One that cannot be looked at is taken for another: storing a file twice in one place does no harm.
  const look = (path: string): Promise<Stats | undefined> =>
    bounded(`look at ${path}`, lookLimitMs, stop, () => stat(path)).catch(() => undefined);
  const [own, ...found] = await Promise.all([directory, ...others].map(look));
  return found.some((other) => other?.dev === own?.dev && other?.ino === own?.ino && own !== undefined);
}

/** A fault of the file to archive: the same at every destination, and none of theirs. */
export const isOfTheFile = (fault: unknown): boolean =>
  fault instanceof ProgramError &&
  (fault.kind === 'source-missing' || fault.message.startsWith(refusalOf('')));

/** How the first line of a refusal begins that judges the content of the file. */
export const refusalOf = (name: string): string => `cannot archive ${name}`;

/** A fault of the own archive says whose it is: no configured destination has its URL. */
export function asFaultOf(destination: Destination, error: unknown): unknown {
  if (!isOwn(destination) || !(error instanceof ProgramError) || isOfTheFile(error)) return error;
  const { kind, message, detail, hint } = error;
  const whose = 'This is its own archive, which a node that was triggered archives into, too.';
  const both = detail === undefined ? whose : `${detail} ${whose}`;
  return new ProgramError(kind, message, { detail: both, hint, cause: error });
}

/** What is wrong with the file was found at every destination, and is said once. */
export function eachOnce(faults: readonly unknown[]): unknown[] {
  const first = faults.find(isOfTheFile);
  return faults.filter((fault) => fault === first || !isOfTheFile(fault));
}
