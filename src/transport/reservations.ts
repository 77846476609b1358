// Reservations of timelines, at the one archive that is the arbiter: .twowarm/timeline/<timeline>, created exclusively,
// so that of two nodes that are triggered at once one gets the timeline. Never under the name of a history file, which
// PostgreSQL would believe.
import { join } from 'node:path';
import { ProgramError } from '../program/program-error.ts';
import { readText, syncPath, unlessMissing } from '../program/system-calls.ts';
import { createRecord, recordNames } from './record-file.ts';
import type { Identity } from './transport.ts';

export interface Reservation {
  timeline: number;
  node: string;
  nodeName: string;
  systemIdentifier: string;
  /** ISO 8601, UTC. */
  at: string;
  /** The arbiter's own epoch at that time, 0 where nobody had claimed it. */
  epoch: number;
}

export interface ReservationRequest {
  timeline: number;
  nodeName: string;
}

const reservationsIn = (directory: string): string => join(directory, '.twowarm', 'timeline');

/** Where the reservation of a timeline is. */
export const reservationPath = (directory: string, timeline: number): string =>
  join(reservationsIn(directory), timeline.toString(16).toUpperCase().padStart(8, '0'));

const textKeys = ['node', 'node_name', 'system_identifier', 'at'] as const;

function parse(path: string, timeline: number, text: string): Reservation {
  let value: Partial<Record<string, unknown>> | null = null;
  try {
    value = JSON.parse(text) as typeof value;
  } catch {
    // Refused below: a damaged reservation is not a missing one.
  }
  const found: Partial<Record<string, unknown>> = value ?? {};
  const texts = textKeys.flatMap((key) => (typeof found[key] === 'string' ? [found[key]] : []));
  const [node, nodeName, systemIdentifier, at] = texts;
  const { epoch } = found;
  if (at === undefined || typeof epoch !== 'number' || found['timeline'] !== timeline) {
    throw new ProgramError('format-unknown', `${path} is damaged or of an unknown version`);
  }
  return { timeline, node: node!, nodeName: nodeName!, systemIdentifier: systemIdentifier!, at, epoch };
}

/** Who has reserved the timeline there, if anybody has. */
export async function readReservation(directory: string, timeline: number): Promise<Reservation | undefined> {
  const path = reservationPath(directory, timeline);
  const text = await unlessMissing(readText(path, 'utf8'));
  return text === undefined ? undefined : parse(path, timeline, text);
}

/** The `timeline-reserved` error for whoever comes second. */
export function reservedFault(url: string, { timeline, node, nodeName, at }: Reservation): ProgramError {
  const path = reservationPath('', timeline);
  return new ProgramError(
    'timeline-reserved',
    `timeline ${timeline} is reserved by another node, ${nodeName}, at ${url}`,
    {
      detail: `Node ${nodeName} (${node}) reserved it at ${at}: it is being promoted, or was. Nothing was changed.`,
      hint: `Two primaries would share the timeline. Only if ${nodeName} was never promoted and never will be, remove ${path} at ${url}.`,
    },
  );
}

/** Reserves a timeline, durably; again by the same node is success. `timeline-reserved` where another node has it. */
export async function reserveTimeline(
  directory: string,
  url: string,
  { timeline, nodeName }: ReservationRequest,
  identity: Identity,
  epoch: number,
): Promise<'reserved' | 'already-reserved'> {
  const { nodeId, systemIdentifier } = identity;
  const at = new Date().toISOString();
  const content = {
    timeline,
    node: nodeId,
    node_name: nodeName,
    system_identifier: systemIdentifier,
    at,
    epoch,
  };
  const there = await readReservation(directory, timeline);
  if (there === undefined) {
    // For what a call left unfinished that was killed here.
    await recordNames(reservationsIn(directory), nodeId);
    const text = `${JSON.stringify(content)}\n`;
    if (await createRecord(reservationPath(directory, timeline), text, nodeId)) return 'reserved';
  }
  const found = there ?? (await readReservation(directory, timeline));
  if (found === undefined)
    throw new ProgramError('busy', `the reservation of timeline ${timeline} at ${url} was removed meanwhile`);
  if (found.node !== nodeId) throw reservedFault(url, found);
  // An earlier call may not have lived to make it durable.
  await syncPath(reservationsIn(directory));
  return 'already-reserved';
}
