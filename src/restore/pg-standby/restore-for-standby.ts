// pg_standby: one requested file, waited for if it is a segment, until failover is ordered. What is only unknown (an archive
// that cannot be read, a damaged file) is waited through like absence, but never answered as absence.
import { bounded } from '../../program/bounded.ts';
import { noteLongCall } from '../../program/leave.ts';
import type { Report } from '../../program/print-error.ts';
import { oldestToKeep, removeOlder } from './cleanup.ts';
import { removeLeftovers } from './copy-to-target.ts';
import { exitCodes, exitCodeUnder } from './exit-codes.ts';
import type { FailoverOrders } from './failover.ts';
import { Intervals, rest } from './intervals.ts';
import { faultOf, lookAt, type Request, type Seen } from './look.ts';
import type { Order } from './order.ts';
import { dieWithServer } from './server-death.ts';
import { takeEarlySignal } from './signals.ts';
import type { Speaker } from './speaker.ts';
import type { Surroundings } from './surroundings.ts';

/** All that a call works with. */
export interface Work {
  order: Order;
  request: Request;
  surroundings: Surroundings;
  orders: FailoverOrders;
  speaker: Speaker;
  /** Aborts when the call is told to stop: the process then dies of the signal. */
  stop: AbortSignal;
  /** Until the call listens by itself: see hearMeanwhile. */
  hearing?: NodeJS.Timeout;
}

/** Restores the file, or says why not; the exit code. */
export async function restoreForStandby(work: Work): Promise<number> {
  const { request, surroundings, speaker, orders, stop } = work;
  const isSegment = request.name.kind === 'segment';
  work.hearing = setTimeout(() => hearMeanwhile(work), patienceMs);
  try {
    const end = isSegment ? AbortSignal.any([stop, orders.fast]) : stop;
    const fault = await bounded('look into the archive', Infinity, end, () => faultOf(request.archive));
    // Where every code would end recovery, an archive that is not there yet is waited for.
    if (fault !== undefined && surroundings.mode !== 'recovery') {
      speaker.say('ERROR', fault);
      return exitCodes.fault;
    }
    removeLeftovers(request.target);
    return isSegment ? await waitForSegment(work) : await takeOnce(work);
  } catch (error) {
    // A look or a copy that was under way when a fast failover was ordered.
    if (stop.aborted || !orders.isFast) throw error;
    return exitCodes.notRestored;
  } finally {
    clearTimeout(work.hearing);
  }
}

/** How long a first look may take before the call listens to anything but signals, in ms. */
const patienceMs = 1000;

/** In an archive that hangs the first look does not end: orders, and the death of the server, must end it. */
function hearMeanwhile({ order, request, orders, surroundings: { dataDirectory } }: Work): void {
  if (dataDirectory !== undefined) dieWithServer(dataDirectory);
  // A request for a history file takes no orders: a fast one is emptied by who reads it.
  if (request.name.kind === 'segment') setInterval(() => orders.look(), order.intervalS * 1000).unref();
}

/** History, backup and partial files: there or not, and no waiting. */
async function takeOnce(work: Work): Promise<number> {
  const { request, speaker, surroundings } = work;
  const seen = await retrying(work, work.stop, ({ kind }) => kind === 'unknown' || kind === 'copy failed');
  if (seen.kind === 'restored') return finish(work, seen);
  if (!('report' in seen)) {
    speaker.detail(`${request.name.name} is not in the archive`);
    return exitCodes.notRestored;
  }
  speaker.say('ERROR', seen.report);
  return exitCodeUnder(surroundings.mode, exitCodes.notRestored);
}

async function waitForSegment(work: Work): Promise<number> {
  const { order, orders, request, speaker } = work;
  const end = AbortSignal.any([work.stop, orders.fast]);
  const intervals = new Intervals(order.intervalS * 1000, end);
  try {
    let doubtfulFrom: number | undefined;
    for (let looks = 1; ; looks += 1) {
      orders.look();
      if (orders.isFast) return exitCodes.notRestored;
      const startedAt = performance.now();
      const seen = await retrying(work, end, ({ kind }) => kind === 'copy failed');
      doubtfulFrom = seen.kind === 'unknown' ? (doubtfulFrom ?? intervals.count) : undefined;
      // Not at the first sight of it: somebody may be writing it.
      const lasts = doubtfulFrom !== undefined && intervals.count > doubtfulFrom;
      const answer = await answerTo(seen, work, lasts);
      if (answer !== undefined) return answer;
      speaker.debug(`${request.name.name} is not there yet, after ${intervals.count} intervals`);
      // A file that is there is delivered before anything else is loaded or watched.
      if (looks === 1) await beginToWait(work, intervals);
      else await intervals.next(performance.now() - startedAt);
      if (looks > 1) noteLongCall();
      // One interval late, as ever: the first one counts for nothing.
      if (order.waitS > 0 && intervals.count > Math.floor(order.waitS / order.intervalS)) {
        orders.give('fast', `waited more than ${order.waitS} seconds for ${request.name.name}`);
      }
    }
  } finally {
    intervals.close();
  }
}

async function beginToWait(work: Work, intervals: Intervals): Promise<void> {
  const { order, request, orders, surroundings } = work;
  clearTimeout(work.hearing);
  await takeEarlySignal(orders);
  const { name } = request.name;
  const { dataDirectory } = surroundings;
  if (dataDirectory !== undefined) dieWithServer(dataDirectory);
  intervals.watch(request.archive, [name, `${name}.zst`]);
  intervals.watchOrders(orders, order.triggerFile, dataDirectory);
}

/** The exit code that ends the waiting, or undefined while there is reason to wait. */
async function answerTo(seen: Seen, work: Work, lasts: boolean): Promise<number | undefined> {
  const { orders, speaker, surroundings } = work;
  // pg_rewind, or a server that has ended its recovery: neither can wait.
  const cannotWait = surroundings.mode === 'none';
  switch (seen.kind) {
    case 'restored':
      return finish(work, seen);
    case 'too large':
      speaker.say('ERROR', seen.report);
      return exitCodeUnder(surroundings.mode, exitCodes.tooLarge);
    case 'absent':
    case 'growing':
      return orders.isSmart || cannotWait ? exitCodes.notRestored : undefined;
    case 'copy failed':
      if (surroundings.mode === 'recovery') return void speaker.complain(seen.report);
      speaker.say('ERROR', seen.report);
      return exitCodes.notRestored;
    case 'unknown':
      if (cannotWait) {
        speaker.say('ERROR', seen.report);
        return exitCodes.notRestored;
      }
      if (lasts) speaker.complain(orders.isSmart ? withWayOut(seen.report) : seen.report);
      return undefined;
  }
}

/** Smart failover ends where the WAL does, and nobody knows that this is where. */
function withWayOut({ message, detail }: Report): Report {
  const hint =
    'Smart failover waits for it. To open the database without it, write "fast" to the trigger file.';
  return { message, detail, hint };
}

/** The file is at its path; whatever else goes wrong does not change that. */
async function finish(work: Work, seen: Seen & { kind: 'restored' }): Promise<number> {
  const { order, request, orders, speaker, stop } = work;
  // Ordered in the last moment: the trigger file has been emptied already, so this is the call that must obey.
  if (orders.isFast) return exitCodes.notRestored;
  speaker.detail(`restored ${request.name.name} from "${request.archive}"`);
  if (seen.warning !== undefined) {
    speaker.say('WARNING', { message: seen.warning, hint: 'Is there a newer twowarm?' });
  }
  const oldest = oldestToKeep(order, seen.sizeBytes);
  if (oldest !== undefined) await removeOlder(request.archive, oldest, speaker, stop);
  return exitCodes.restored;
}

/** A look, and -r more while it ends in a failure; the pause grows by an interval each time, from none. */
async function retrying(
  { order, request, speaker }: Work,
  end: AbortSignal,
  isFailure: (seen: Seen) => boolean,
): Promise<Seen> {
  for (let failures = 0; ; failures += 1) {
    const look = (signal: AbortSignal): Promise<Seen> => lookAt(request, signal);
    // Without a limit of its own, but a look that hangs in a dead file system can still be stopped.
    const seen = await bounded(`look for ${request.name.name}`, Infinity, end, look);
    if (!isFailure(seen)) return seen;
    if ('report' in seen)
      speaker.detail(`${seen.report.message} (attempt ${failures + 1} of ${order.retries + 1})`);
    await rest(failures * order.intervalS * 1000, end);
    if (failures === order.retries) return seen;
  }
}
