// Waiting for a segment that is not there yet: watch, look, then sleep until something wakes us (a publication, a trigger,
// a signal) or the clock does. What ends the wait: the segment, being told to stop, another name that the server should
// ask for, a changed configuration, or the end of the server.
import { statSync } from 'node:fs';
import { watchedServer } from '../postgres/server-process.ts';
import type { ThisNode } from '../postgres/this-node.ts';
import { describeError } from '../program/print-error.ts';
import { errnoOf, ProgramError } from '../program/program-error.ts';
import { watchFiles, type Watch } from '../program/watch.ts';
import type { ReadTransport } from '../transport/transport.ts';
import { parseWalFileName } from '../wal/filename.ts';
import { askSources, askWithin, mayPass, type Asking } from './ask-sources.ts';
import { Bell } from './bell.ts';
import { whyAskAgain, type Segment } from './followed-line.ts';
import { withSources } from './histories.ts';
import { waitsHere } from './may-wait.ts';
import { toldToStop } from './trigger.ts';
import { hear, placesToHear, type Heard } from './hear.ts';

/** Also without an event a call looks from time to time; where no watch works, the clock alone has to do. In ms. */
const lookEveryMs = 30_000;
const lookEveryWithoutEventsMs = 1000;
/** How often a sleeping call looks whether its server still lives, in ms. */
const checkServerEveryMs = 5000;
/** The server goes on asking: a call that ends now and then also serves one whose configuration changed unseen. */
const longestWaitOfStandbyMs = 300_000;
/** How often it is said why nothing can be known. */
const sayEveryMs = 60_000;

/** A wait of this call; `reload` opens the node again after its configuration changed. */
export interface Wait {
  asking: Asking;
  name: Segment;
  reload: () => Promise<ThisNode>;
}

/** Ends with the segment restored, or with the answer that it is absent; throws what cannot be known for too long. */
export async function waitForSegment(wait: Wait): Promise<'restored' | 'absent'> {
  const { asking, name } = wait;
  const bell = new Bell();
  const server = watchedServer(asking.node.settings.dataDirectory);
  const doubts = new Doubts(asking);
  const startedAt = performance.now();
  const small = watchFiles(
    [...placesToHear(asking.node.settings), asking.node.settings.configurationFile],
    () => bell.ring(),
  );
  try {
    for (;;) {
      const answer = await withSources(asking, async (sources) => {
        const watches = await watchAll(sources, name, bell);
        try {
          const found = await look(wait, doubts);
          if (found !== undefined) return found;
          // A source that does not open cannot be watched either.
          const isMissing = sources.length < asking.node.settings.restore.sources.length;
          const hasEvents = !isMissing && watches.every(({ works }) => works);
          await sleepWithServer(bell, hasEvents, server, asking.stop);
          return undefined;
        } finally {
          for (const watch of watches) watch.close();
        }
      });
      if (answer !== undefined) return answer;
      const isLong = performance.now() - startedAt >= longestWaitOfStandbyMs;
      if (asking.mode === 'standby' && isLong) return 'absent';
    }
  } finally {
    small.close();
  }
}

/** Where nothing but a person may end the wait: what cannot be known is waited through. */
const isEndless = (asking: Asking, heard?: Heard): boolean =>
  asking.mode === 'recovery' || heard?.byTriggerFile === true;

/** One look: an answer, or undefined to go on waiting. */
async function look(wait: Wait, doubts: Doubts): Promise<'restored' | 'absent' | undefined> {
  const { asking } = wait;
  let heard: Heard | undefined;
  try {
    await followConfiguration(wait, doubts);
    heard = await hear(asking);
    return await lookAsTold(wait, heard);
  } catch (error) {
    if (asking.stop.aborted || !isEndless(asking, heard)) throw error;
    await doubts.say(error);
    return undefined;
  }
}

async function lookAsTold({ asking, name }: Wait, heard: Heard): Promise<'restored' | 'absent' | undefined> {
  if (heard.told === 'fast') return stopped(asking, heard);
  const waits = await waitsHere(asking);
  const answer = await ask(asking, heard);
  if (answer === 'restored') return answer;
  if (heard.told === 'smart') return stopped(asking, heard);
  if (!waits) return 'absent';
  const reason = await whyAskAgain(asking, name);
  if (reason === undefined) return undefined;
  await asking.voice.event(`${name.name} is not waited for: ${reason}`, { file: name.name });
  return 'absent';
}

async function stopped({ voice }: Asking, { told, at }: Heard): Promise<'absent'> {
  await voice.report('LOG', toldToStop(told, at!));
  return 'absent';
}

/** Asks every source; what cannot be known is asked again for a while, unless this wait looks again anyway. */
async function ask(asking: Asking, heard: Heard): Promise<'restored' | 'absent'> {
  if (isEndless(asking, heard)) return askSources(asking, []);
  // A segment that somebody is still copying into place under its own name is short for a moment.
  const isGrowing = (error: unknown): boolean =>
    error instanceof ProgramError && error.kind === 'invalid-file';
  const limitMs = asking.node.settings.restore.retryLimitMs;
  return askWithin(asking, limitMs, (error) => mayPass(error) || isGrowing(error));
}

/** What keeps an endless wait from knowing: said at once, then once a minute. */
class Doubts {
  private readonly asking: Asking;
  private saidAt = -Infinity;

  constructor(asking: Asking) {
    this.asking = asking;
  }

  async say(error: unknown): Promise<void> {
    if (performance.now() - this.saidAt < sayEveryMs) return;
    this.saidAt = performance.now();
    const { report } = describeError(error);
    const message = `still waiting for ${this.asking.name.name}: ${report.message}`;
    await this.asking.voice.report('WARNING', { ...report, message });
  }
}

/** Takes a changed twowarm.toml into use: a wrong source must be curable without stopping the server. */
async function followConfiguration({ asking, reload }: Wait, doubts: Doubts): Promise<void> {
  const identity = identityOf(asking.node.settings.configurationFile);
  asking.configuration ??= identity;
  if (asking.configuration === identity) return;
  try {
    asking.node = await reload();
    asking.configuration = identity;
  } catch (error) {
    // A fault as at the start of a call; but a wait that nothing may end goes on with what was right.
    if (asking.stop.aborted || !isEndless(asking)) throw error;
    await doubts.say(error);
  }
}

function identityOf(file: string): string {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
    return [ino, size, mtimeNs, ctimeNs].join(' ');
  } catch (error) {
    return errnoOf(error) ?? 'unknown';
  }
}

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

/** Sleeps until something happens. A dead server ends this process as its stop would have. */
async function sleepWithServer(
  bell: Bell,
  hasEvents: boolean,
  server: ReturnType<typeof watchedServer>,
  stop: AbortSignal,
): Promise<void> {
  const until = performance.now() + (hasEvents ? lookEveryMs : lookEveryWithoutEventsMs);
  for (;;) {
    const leftMs = until - performance.now();
    if (leftMs <= 0) return;
    if ((await bell.sleep(Math.min(leftMs, checkServerEveryMs), stop)) === 'rung') return;
    // Not an exit code: a startup process whose postmaster is dead would take a 1 for the end of recovery, but of a
    // command that died of SIGTERM it exits (RestoreArchivedFile in xlogarchive.c).
    if (!server.isAlive()) process.kill(process.pid, 'SIGTERM');
  }
}
