// Before anything is changed: smart refuses where WAL is missing in what the sources hold, fast says what will be lost, and
// both name who has it. A hole that was made on purpose is known-gaps.ts.
import { setTimeout as pause } from 'node:timers/promises';
import type { ThisNode } from '../postgres/this-node.ts';
import { readSuspension } from '../program/destination-notes.ts';
import { ProgramError } from '../program/program-error.ts';
import { tellUnreachable } from './check-archives.ts';
import { wordsFor } from './hole-words.ts';
import { findHole, type Hole } from './holes.ts';
import { warnOfKnownGap } from './known-gaps.ts';
import { hadTarget } from './left-behind.ts';
import { lookAhead, type Ahead } from './line-ahead.ts';
import type { Wish } from './options.ts';
import { listPlaces, type Listed } from './places.ts';
import type { Server } from './server.ts';
import type { Telling } from './telling.ts';

/** What is missing may be on its way: as long as something arrives it is looked again, so often and so long, in ms. */
const lookAgainAfterMs = 300;
const arrivingLimitMs = 10_000;

interface Request {
  wish: Wish;
  stop: AbortSignal;
}

export interface View {
  listed: Listed[];
  ahead: Ahead;
  first: bigint;
  hole: Hole | undefined;
}

/** `told`: the sources that were told of already. */
export async function refuseHoles(
  request: Request,
  listing: Promise<Listed[]>,
  told: readonly string[],
  node: ThisNode,
  server: Server,
  telling: Telling,
): Promise<void> {
  const { dataDirectory, configurationFile } = node.settings;
  const view = async (listed: Listed[]): Promise<View> => {
    const ahead = await lookAhead(listed, node, server, request.stop);
    return { listed, ahead, ...findHole(listed, ahead, dataDirectory) };
  };
  let now = await view(await listing);
  await tellUnlisted(now.listed, told, request.wish, node, telling);
  const isOnPurpose = await warnOfKnownGap(request, now, node, telling);
  if (hadTarget(dataDirectory) || (isOnPurpose && (now.hole?.holders ?? []).length === 0)) return;
  const until = performance.now() + arrivingLimitMs;
  while (now.hole !== undefined) {
    await pause(lookAgainAfterMs, undefined, { signal: request.stop }).catch(() =>
      request.stop.throwIfAborted(),
    );
    const before = now.first;
    now = await view(await listPlaces(request, node));
    if (now.first === before || performance.now() > until) break;
  }
  if (now.hole === undefined) return;
  const report = wordsFor(request.wish, { ...now, hole: now.hole }, configurationFile);
  if (request.wish === 'fast') return telling.warn(report);
  throw new ProgramError('segments-missing', report.message, report);
}

/** What a place holds that could not be listed is not known: said, where it has not been. */
async function tellUnlisted(
  listed: readonly Listed[],
  told: readonly string[],
  wish: Wish,
  { settings }: ThisNode,
  telling: Telling,
): Promise<void> {
  for (const { url, words, kind, fault } of listed) {
    if (fault === undefined || told.includes(url)) continue;
    if (kind === 'source') await tellUnreachable(url, fault, wish, telling);
    const destination = settings.destinations.find((each) => each.url === url);
    if (destination === undefined) continue;
    // One that has to be written to was looked at for that.
    const isLookedAt =
      destination.policy !== 'fallback' && readSuspension(settings.home, words) === undefined;
    if (isLookedAt && fault.kind !== 'not-allowed') continue;
    await telling.note({
      message: `could not look whether ${words} has WAL that no source has: ${fault.message}`,
    });
  }
}
