// Waiting for a segment that is not there yet: watch, look, then sleep until something wakes us (a publication, a trigger,
// a signal) or the clock does. What ends the wait: the segment, being told to stop, another name that the server should
// ask for, a changed configuration, or the end of the server.
import { watchedServer } from '../../postgres/server-process.ts';
import type { ThisNode } from '../../postgres/this-node.ts';
import { Bell } from '../../program/bell.ts';
import { noteLongCall } from '../../program/leave.ts';
import { describeError } from '../../program/print-error.ts';
import { ProgramError } from '../../program/program-error.ts';
import type { Watch } from '../../program/watch-directory.ts';
import { watchFiles } from '../../program/watch.ts';
import type { ReadTransport } from '../../transport/transport.ts';
import { parseWalFileName } from '../../wal/filename.ts';
import { askSources, askWithin, mayPass, type Asking } from '../ask-sources.ts';
import { configurationOf, haveSameSettings, unsettledForMs } from './configuration.ts';
import { whyAskAgain, type Segment } from '../timelines/followed-line.ts';
import { withSources } from '../timelines/histories.ts';
import { waitsHere } from './may-wait.ts';
import { hear, placesToHear, type Heard } from './hear.ts';
import { LaterThere } from './later-there.ts';
import { sayToldToStop, unlessToldFast } from '../trigger.ts';

/** Also without an event a call looks from time to time; where no watch works, the clock alone has to do. In ms. */
const lookEveryMs = 60_000;
const lookEveryWithoutEventsMs = 1000;
/** How often a sleeping call looks whether its server still lives, and at the times of its sources, in ms. */
const lookAroundEveryMs = 5000;
/** The server goes on asking: a call that ends now and then also serves one whose configuration changed unseen. */
const longestWaitOfStandbyMs = 300_000;
/** A wait of more than this has had code compiled; an exit takes a little longer then, see noteLongCall(). In ms. */
const longCallMs = 1000;
/** How often it is said why nothing can be known. */
const sayEveryMs = 60_000;

/** A wait of this call; `reload` opens the node again after its configuration changed. */
export interface Wait {
  asking: Asking;
  name: Segment;
  reload: () => Promise<ThisNode>;
  /** How long a standby waits at most, in ms. */
  longestMs?: number;
}

/** Ends with the segment restored, or with the answer that it is absent; throws what cannot be known for too long. */
export async function waitForSegment(wait: Wait): Promise<'restored' | 'absent'> {
  const { asking, name } = wait;
  const bell = new Bell();
  const server = watchedServer(asking.node.settings.dataDirectory);
  const doubts = new Doubts(asking);
  const laterThere = new LaterThere(asking, name);
  const startedAt = performance.now();
  let places = watchPlaces(asking, bell);
  try {
    for (;;) {
      const { node } = asking;
      const answer = await withSources(asking, async (sources) => {
        const watches = await watchAll(sources, name, bell);
        try {
          const found = await look(wait, doubts);
          // What is watched are the sources of the configuration before.
          if (found !== undefined || asking.node !== node) return found;
          // Only here, where a look has just found nothing: what rings the bell later may be the segment, or a trigger.
          const isLong = performance.now() - startedAt >= (wait.longestMs ?? longestWaitOfStandbyMs);
          if (asking.mode === 'standby' && isLong && !doubts.isOpen) return 'absent';
          laterThere.lookIfDue();
          const areAll = watches.length === node.settings.restore.sources.length;
          const haveEvents = areAll && !doubts.isOpen && [places, ...watches].every(({ works }) => works);
          const lookAround = (): void => {
            // Not an exit code: a startup process whose postmaster is dead would take a 1 for the end of recovery, but of
            // a command that died of SIGTERM it exits (RestoreArchivedFile in xlogarchive.c).
            if (!server.isAlive()) process.kill(process.pid, 'SIGTERM');
            for (const watch of watches) watch.look();
          };
          const lookEvery = haveEvents ? Math.min(lookEveryMs, laterThere.dueInMs) : lookEveryWithoutEventsMs;
          await sleep(bell, lookEvery, lookAround, asking.stop);
          if (performance.now() - startedAt > longCallMs) noteLongCall();
          return undefined;
        } finally {
          for (const watch of watches) watch.close();
        }
      });
      if (answer !== undefined) return answer;
      if (asking.node === node) continue;
      places.close();
      places = watchPlaces(asking, bell);
    }
  } finally {
    laterThere.end();
    places.close();
  }
}

/** Watches whatever tells a wait to stop, and the configuration. */
const watchPlaces = ({ node: { settings } }: Asking, bell: Bell): Watch =>
  watchFiles([...placesToHear(settings), settings.configurationFile], () => bell.ring());

/** One look: an answer, or undefined to go on waiting. */
async function look(wait: Wait, doubts: Doubts): Promise<'restored' | 'absent' | undefined> {
  const { asking, name } = wait;
  doubts.isOpen = false;
  await followConfiguration(wait, doubts);
  const heard = await hear(asking);
  if (heard.told === 'fast') return stopped(asking, heard);
  const waits = await waitsHere(asking);
  const answer = await unlessToldFast(asking, (until) => askThrough(until, heard, doubts)).catch(
    async (error: unknown) => {
      // Told during the look: from then on only what is known may end recovery.
      if (asking.stop.aborted || !(await hear(asking)).byTriggerFile) throw error;
      await doubts.say(error);
      return undefined;
    },
  );
  if (answer === 'told fast') return stopped(asking, { ...heard, told: 'fast' });
  if (answer !== 'absent') return answer;
  if (heard.told === 'smart') return stopped(asking, heard);
  if (!waits) {
    if (asking.mode !== 'recovery' || isSettled(asking)) return 'absent';
    // Perhaps half of a file that is being written, and taken at its word it would open the database.
    doubts.isOpen = true;
    return undefined;
  }
  const reason = await whyAskAgain(asking, name).catch((error: unknown) => {
    // A history that is still being copied must not end a recovery that nobody starts again.
    if (asking.mode === 'standby' || asking.stop.aborted) throw error;
    return doubts.say(error);
  });
  if (reason === undefined) return undefined;
  await asking.voice.event(`${name.name} is not waited for: ${reason}`, { file: name.name });
  return 'absent';
}

async function stopped(asking: Asking, { told, at }: Heard): Promise<'absent'> {
  await sayToldToStop(asking, told, at);
  return 'absent';
}

/** Asks every source. What cannot be known ends the call as ever, unless nothing but a person may end this wait. */
async function askThrough(
  asking: Asking,
  heard: Heard,
  doubts: Doubts,
): Promise<'restored' | 'absent' | undefined> {
  // A segment that somebody is still copying into place under its own name is short for a moment.
  const isGrowing = (error: unknown): boolean =>
    error instanceof ProgramError && error.kind === 'invalid-file';
  const endless = asking.mode === 'recovery' || heard.byTriggerFile;
  if (!endless) {
    return askWithin(
      asking,
      asking.node.settings.restore.retryLimitMs,
      (error) => mayPass(error) || isGrowing(error),
    );
  }
  try {
    return await askSources(asking, []);
  } catch (error) {
    if (asking.stop.aborted) throw error;
    await doubts.say(error);
    return undefined;
  }
}

/** What keeps an endless wait from knowing: each reason is said at once, then once a minute. */
class Doubts {
  private readonly asking: Asking;
  /** When each reason was said last: another one is news, also within the minute. */
  private readonly saidAt = new Map<string, number>();
  /** Since the last look began: what is in the way (a full disk) may go away without an event. */
  isOpen = false;

  constructor(asking: Asking) {
    this.asking = asking;
  }

  async say(error: unknown): Promise<void> {
    this.isOpen = true;
    const { report } = describeError(error);
    const now = performance.now();
    if (now - (this.saidAt.get(report.message) ?? -Infinity) < sayEveryMs) return;
    this.saidAt.set(report.message, now);
    const { name } = this.asking.name;
    // This line names the file already.
    const reason = report.message.replace(`could not restore ${name}: `, '');
    const message = `still waiting for ${name}: ${reason}`;
    await this.asking.voice.report('WARNING', { ...report, message });
  }
}

/**
 * Takes a changed twowarm.toml into use: a wrong source must be curable without stopping the server. The first look
 * reads it again, too: it may have changed since this call began.
 */
async function followConfiguration(wait: Wait, doubts: Doubts): Promise<void> {
  const { asking } = wait;
  const identity = configurationOf(asking.node);
  if (asking.configuration === identity) return;
  asking.configuration = identity;
  try {
    const node = await wait.reload();
    if (!haveSameSettings(node, asking.node)) asking.node = node;
  } catch (error) {
    // A server that goes on asking hears of it at once; one that would end its recovery keeps what was right.
    if (asking.mode === 'standby') throw error;
    await doubts.say(error);
  }
}

/** Whether the settings of this wait are those of the file, which nobody is writing any more. */
const isSettled = ({ node, configuration }: Asking): boolean =>
  configurationOf(node) === configuration && unsettledForMs(node) === 0;

async function watchAll(sources: readonly ReadTransport[], name: Segment, bell: Bell): Promise<Watch[]> {
  const wake = (changed: string | undefined): void => {
    if (concerns(changed, name)) bell.ring();
  };
  return Promise.all(sources.map((source) => source.watch(wake)));
}

/** Whether a changed name can end the wait: this segment on any timeline, or a history file. */
function concerns(changed: string | undefined, { log, low }: Segment): boolean {
  if (changed === undefined) return true;
  const file = parseWalFileName(changed);
  if (file === undefined) return false;
  return file.kind === 'history' || (file.log === log && file.low === low);
}

/** Sleeps until something happens, looking around now and then. */
async function sleep(bell: Bell, forMs: number, lookAround: () => void, stop: AbortSignal): Promise<void> {
  const until = performance.now() + forMs;
  for (;;) {
    const leftMs = until - performance.now();
    if (leftMs <= 0) return;
    if ((await bell.sleep(Math.min(leftMs, lookAroundEveryMs), stop)) === 'rung') return;
    lookAround();
  }
}
