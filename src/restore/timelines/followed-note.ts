// What the server itself has found of timelines, noted while it asks: <home>/state/followed-timeline. It looks for new
// ones by asking for one history after the other until one is missing; the file says what came of it, for one life of
// the startup process. When it is written is note-probe.ts.
import { readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { StartupProcess } from '../../postgres/startup-process.ts';
import { errnoOf, ProgramError } from '../../program/program-error.ts';
import { replaceSmallFile } from '../../program/small-file.ts';
import type { Asking } from '../ask-sources.ts';

export interface Followed {
  /** The timeline that the server follows: recoveryTargetTLI of xlogrecovery.c. */
  tip: number;
  /** The newest timeline that it has found; newer than `tip` where it has refused to follow it. */
  found: number;
}

const noteOf = ({ node }: Asking): string => join(node.identity.stateDirectory, 'followed-timeline');

/** The note of this life; undefined where there is none, or none that can be read. */
export function readFollowed(asking: Asking, life: StartupProcess): Followed | undefined {
  try {
    const note = JSON.parse(readFileSync(noteOf(asking), 'utf8')) as Partial<Followed> & { server?: string };
    const { tip, found, server } = note;
    if (server !== life.identity || !isTimeline(tip) || !isTimeline(found)) return undefined;
    return { tip, found };
  } catch (error) {
    if (error instanceof SyntaxError || errnoOf(error) !== undefined) return undefined;
    throw error;
  }
}

const isTimeline = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 1;

/** Replaces the note; where that fails there is better none than one that no longer holds. */
export function writeFollowed(asking: Asking, life: StartupProcess, { tip, found }: Followed): void {
  try {
    const content = `${JSON.stringify({ server: life.identity, tip, found })}\n`;
    replaceSmallFile(noteOf(asking), content, asking.node.identity.nodeId);
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    forgetFollowed(asking);
  }
}

/** Removes the note: what the server follows is not known any more. */
export function forgetFollowed(asking: Asking): void {
  try {
    unlinkSync(noteOf(asking));
  } catch (error) {
    // One that cannot be removed either is recognised by what the server keeps: see followed-line.ts.
    if (errnoOf(error) === undefined) throw error;
  }
}
