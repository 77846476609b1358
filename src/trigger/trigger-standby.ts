// triggerStandby: look, check, prepare, promote, wait, tidy, look again. What a step does is in its own file. Up to the
// request nothing has happened that another call would not do again in the same way; after it nothing can be taken back.
import type { ThisNode } from '../postgres/this-node.ts';
import { archiveHereToo, confirmArchiving } from './archiving-goes-on.ts';
import { checkArchives } from './check-archives.ts';
import { checkArchiving } from './check-archiving.ts';
import { forkOf, newestTimeline } from './fork.ts';
import { warnOfKnownGap } from './known-gaps.ts';
import { warnOfLeftBehind } from './left-behind.ts';
import type { Wish } from './options.ts';
import { planPromotion, possibleTriggerFiles, type Plan } from './plan.ts';
import { warnOfFailingArchive } from './primary-archiving.ts';
import { removeRequest, requestPromotion } from './promote.ts';
import { findServer, type Server } from './server.ts';
import type { Answer, Telling } from './telling.ts';
import { checkTriggerFiles, removeTriggerFiles, writeTriggerFiles } from './trigger-file.ts';
import { takeTurn } from './turn.ts';
import { warnWriters } from './warn-writers.ts';
import { waitUntilOpen } from './wait-until-open.ts';

export interface Request {
  wish: Wish;
  timeoutMs: number;
  dryRun: boolean;
  stop: AbortSignal;
}

/** Promotes the node's server unless it is a primary already. Whatever prevents that is thrown. */
export async function triggerStandby(request: Request, node: ThisNode, telling: Telling): Promise<Answer> {
  const server = await findServer(node);
  const endTurn = takeTurn(node, request.dryRun);
  try {
    if (await server.isPrimary()) return await primaryAlready(request, node, server, telling);
    const plan = planPromotion(request.wish, node);
    await checkArchives(request, plan, node, telling);
    await checkArchiving(node, server, telling, request.stop);
    checkTriggerFiles(plan);
    await warnOfKnownGap(request, node, server, telling);
    if (request.dryRun) return { outcome: 'would promote', steps: stepsOf(plan, node) };
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
  const accepts = await server.acceptsWrites();
  if (accepts !== true) await tellUntried(server, telling);
  return { outcome: 'primary already', ...fork, ...fails, accepts };
}

function stepsOf({ triggerFiles, wish, asksServer }: Plan, { settings }: ThisNode): string[] {
  return [
    `archive into ${settings.archiveDirectory}, too, from then on`,
    ...triggerFiles.map((file) => `write "${wish}" into the trigger file ${file}`),
    ...(asksServer ? ['ask the server to end recovery'] : []),
    'wait until it accepts writes',
    ...triggerFiles.map((file) => `remove the trigger file ${file}`),
  ];
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
  // Durable before the promotion: the very first file of the new timeline belongs there, too.
  archiveHereToo(node, since, newestTimeline(dataDirectory) + 1);
  request.stop.throwIfAborted();
  const startedAt = performance.now();
  writeTriggerFiles(plan, node.identity.nodeId);
  try {
    await requestPromotion(plan, server, telling);
  } catch (error) {
    // Nobody will end the recovery: the standby goes on waiting as before.
    await tidy(plan.triggerFiles, telling);
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
  await warnOfLeftBehind(fork, node, request.stop, telling);
  await warnWriters(server, telling);
  const archiving = await confirmArchiving(fork.timeline, node, server, request.stop, telling);
  return { outcome: 'promoted', ...fork, accepts, seconds, archiving };
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
