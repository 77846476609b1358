// triggerStandby: look, check, prepare, promote, wait, tidy, look again. What a step does is in its own file. Up to the
// request nothing has happened that another call would not do again in the same way; after it nothing can be taken back.
import type { ThisNode } from '../postgres/this-node.ts';
import { archiveHereToo, confirmArchiving } from './archiving-goes-on.ts';
import { withoutSecret } from '../program/road-url.ts';
import { checkArchives } from './check-archives.ts';
import { checkArchiving } from './check-archiving.ts';
import { expectedTimeline } from './expected-timeline.ts';
import { forkOf } from './fork.ts';
import { warnOfLeftBehind } from './left-behind.ts';
import type { Wish } from './options.ts';
import { listPlaces } from './places.ts';
import { planPromotion, possibleTriggerFiles, type Plan } from './plan.ts';
import { warnOfFailingArchive } from './primary-archiving.ts';
import { removeRequest, requestPromotion } from './promote.ts';
import { refuseHoles } from './refuse-holes.ts';
import { isPaused, resumeReplay } from './resume-replay.ts';
import { checkReserved, reserveAtArbiter } from './reserve.ts';
import { findServer, type Server } from './server.ts';
import { TakeOver } from './take-over.ts';
import type { Answer, Telling } from './telling.ts';
import { checkTriggerFiles, removeTriggerFiles, writeTriggerFiles } from './trigger-file.ts';
import { takeTurn } from './turn.ts';
import { warnWriters } from './warn-writers.ts';
import { waitUntilOpen } from './wait-until-open.ts';

export interface Request {
  wish: Wish;
  timeoutMs: number;
  dryRun: boolean;
  withoutReservation: boolean;
  stop: AbortSignal;
}

/** Promotes the node's server unless it is a primary already. Whatever prevents that is thrown. */
export async function triggerStandby(request: Request, node: ThisNode, telling: Telling): Promise<Answer> {
  const server = await findServer(node);
  const endTurn = takeTurn(node, request.dryRun);
  try {
    if (await server.isPrimary()) return await primaryAlready(request, node, server, telling);
    const plan = planPromotion(request.wish, node);
    // While the rest is checked: it is the longest look.
    const listing = listPlaces(request, node);
    listing.catch(() => undefined);
    const told = await checkArchives(request, plan, node, telling);
    await checkArchiving(node, server, telling, request.stop);
    checkTriggerFiles(plan);
    await refuseHoles(request, listing, told, node, server, telling);
    if (request.dryRun) return await describeOnly(request, plan, node, server, telling);
    return await promote(request, plan, node, server, telling);
  } finally {
    endTurn();
    await server.close();
  }
}

/** Nothing to do, but an earlier call that did not live to see the end may have left its trigger file. */
async function primaryAlready(
  request: Request,
  node: ThisNode,
  server: Server,
  telling: Telling,
): Promise<Answer> {
  const fork = await forkOf(node.settings.dataDirectory, server);
  const fails = (await warnOfFailingArchive(node, server, telling)) ? { archiving: 'fails' as const } : {};
  if (request.dryRun) return { outcome: 'primary already', ...fork, ...fails };
  await tidy(possibleTriggerFiles(node), telling);
  // Where it was promoted by an earlier call, that one may not have lived to tell the archives of the fork.
  await new TakeOver(node, telling).resume(fork.timeline, request.stop);
  const accepts = await server.acceptsWrites();
  if (accepts !== true) await tellUntried(server, telling);
  return { outcome: 'primary already', ...fork, ...fails, accepts };
}

async function describeOnly(
  request: Request,
  plan: Plan,
  node: ThisNode,
  server: Server,
  telling: Telling,
): Promise<Answer> {
  const timeline = await expectedTimeline(node, request.stop);
  const arbiter = await reserveAtArbiter(timeline, request, node, telling);
  const claims = await new TakeOver(node, telling).steps(timeline, request.stop);
  const { triggerFiles, wish, asksServer } = plan;
  const steps = [
    stepOfReservation(timeline, arbiter, node),
    `archive into ${node.settings.archiveDirectory}, too, from then on`,
    ...claims,
    ...((await isPaused(server)) ? ['resume the replay, which is paused'] : []),
    ...triggerFiles.map((file) => `write "${wish}" into the trigger file ${file}`),
    ...(asksServer ? ['ask the server to end recovery'] : []),
    'wait until it accepts writes',
    ...triggerFiles.map((file) => `remove the trigger file ${file}`),
  ];
  return { outcome: 'would promote', steps };
}

function stepOfReservation(timeline: number, arbiter: string | undefined, { settings }: ThisNode): string {
  if (arbiter !== undefined) return `reserve timeline ${timeline} at ${withoutSecret(arbiter)}`;
  const why = settings.cluster.arbiter === undefined ? 'no arbiter is configured' : 'it cannot be reached';
  return `reserve no timeline: ${why}`;
}

async function promote(
  request: Request,
  plan: Plan,
  node: ThisNode,
  server: Server,
  telling: Telling,
): Promise<Answer> {
  const { dataDirectory } = node.settings;
  const since = new Date().toISOString();
  const expected = await expectedTimeline(node, request.stop);
  // First of all: it may be refused, and then nothing has changed.
  const arbiter = await reserveAtArbiter(expected, request, node, telling);
  // Durable before the promotion: the very first file of the new timeline belongs there, too.
  archiveHereToo(node, since, expected);
  request.stop.throwIfAborted();
  const startedAt = performance.now();
  const takeOver = new TakeOver(node, telling);
  let goesOn = true;
  try {
    await takeOver.begin(expected, request.stop);
    // Before the trigger file, which may be the server's own, too.
    goesOn = await resumeReplay(plan, server, request.stop, telling);
    writeTriggerFiles(plan, node.identity.nodeId);
    await requestPromotion(plan, server);
  } catch (error) {
    // Nobody will end the recovery: the standby goes on waiting as before.
    await tidy(plan.triggerFiles, telling);
    await takeOver.giveBack();
    throw error;
  }
  const accepts = await waitUntilOpen(request, plan, node, server, telling);
  const seconds = Math.round(performance.now() - startedAt) / 1000;
  const fork = await forkOf(dataDirectory, server);
  await telling.promoted(fork, seconds, accepts);
  if (accepts === 'untried') await tellUntried(server, telling);
  removeRequest(dataDirectory);
  await tidy(plan.triggerFiles, telling);
  archiveHereToo(node, since, fork.timeline);
  await checkReserved(expected, fork.timeline, arbiter, node, telling, request.stop);
  const quarantined = await takeOver.finish(fork.timeline, request.stop);
  await warnOfLeftBehind(fork, quarantined, goesOn, node, request.stop, telling);
  await warnWriters(server, telling);
  const archiving = await confirmArchiving(fork.timeline, node, server, request.stop, telling);
  const claims = takeOver.claimed();
  return { outcome: 'promoted', ...fork, accepts, seconds, archiving, arbiter, claims };
}

async function tellUntried(server: Server, telling: Telling): Promise<void> {
  const detail = server.lastFault === undefined ? undefined : `The last attempt ${server.lastFault}.`;
  await telling.warn({
    message: 'could not try a write',
    detail,
    hint: 'node.conninfo says how to connect.',
  });
}

/** What is left behind is told, but changes nothing about what was done. */
async function tidy(triggerFiles: readonly string[], telling: Telling): Promise<void> {
  for (const fault of removeTriggerFiles(triggerFiles)) {
    const hint = 'Remove it: it would keep the next standby here from waiting.';
    await telling.warn({ message: fault.message, hint });
  }
}
