// Segments on their way to where a standby will look for them: looked for at the destination until they are there, and what a person
// who waits is told meanwhile.
import { setTimeout as pause } from 'node:timers/promises';
import type { ThisNode } from '../postgres/this-node.ts';
import { readArchivingState, stateWords, type ArchivingState } from '../program/archiving-state.ts';
import { bounded } from '../program/bounded.ts';
import { ProgramError } from '../program/program-error.ts';
import type { Destination } from '../program/settings/settings.ts';
import { openToLook } from '../transport/open.ts';
import type { BackupSession } from './session.ts';
import type { Telling } from './telling.ts';

/** How often it is looked for, in ms: often at first, for mostly it comes at once, as fast as a program starts. */
const lookEveryMs = [
  { untilMs: 200, everyMs: 5 },
  { untilMs: 2000, everyMs: 20 },
  { untilMs: Infinity, everyMs: 200 },
];

/** What takes longer is said, in ms. */
const silentMs = 1000;

/** After so long the server is asked whether it is archive_command that fails, in ms: its three attempts are over. */
const failingMs = 3000;

/** Where segments are expected, and for how long. */
export interface Expecting {
  session: BackupSession;
  node: ThisNode;
  destination: Destination;
  segmentSize: number;
  limitMs: number;
  telling: Telling;
  stop: AbortSignal;
}

/** Whether a file is at the destination. Throws what keeps it from being looked for. */
export type IsThere = (name: string) => Promise<boolean>;

/** One connection for everything that is looked for. */
export async function looking<T>(
  first: string,
  { node, destination: { url, timeLimitMs }, stop }: Expecting,
  work: (isThere: IsThere) => Promise<T>,
): Promise<T> {
  const look = <R>(name: string, verb: (signal: AbortSignal) => Promise<R>): Promise<R> =>
    bounded(`look for ${name} at ${url}`, timeLimitMs, stop, verb);
  const road = await look(first, (signal) => openToLook(url, node.identity, signal));
  try {
    return await work(async (name) => (await look(name, (signal) => road.stat(name, signal))) !== 'missing');
  } finally {
    await road.close();
  }
}

/** A state that cannot be read counts as hold. */
function stateIn(home: string): ArchivingState {
  try {
    return readArchivingState(home);
  } catch {
    return 'hold';
  }
}

/** What a person who waits is told: that it is waited for, and that archive_command fails; each once. */
class Patience {
  private readonly begun = performance.now();
  private isTold = false;
  private isFailing = false;
  private readonly name: string;
  private readonly expecting: Expecting;

  constructor(name: string, expecting: Expecting) {
    this.name = name;
    this.expecting = expecting;
  }

  get waitedMs(): number {
    return performance.now() - this.begun;
  }

  async tell(): Promise<void> {
    const { destination, telling } = this.expecting;
    if (this.waitedMs > silentMs && !this.isTold) {
      telling.step('waiting', `waiting for ${this.name} to arrive at ${destination.url}`, {
        segment: this.name,
      });
      this.isTold = true;
    }
    if (this.waitedMs > failingMs && !this.isFailing) await this.tellFailing();
  }

  /** It may succeed the next time: PostgreSQL tries three times, and again after a minute (pgarch.c). */
  private async tellFailing(): Promise<void> {
    const { session, telling, node } = this.expecting;
    const failed = await session.lastFailure().catch(() => undefined);
    if (failed === undefined) return;
    this.isFailing = true;
    const state = stateIn(node.settings.home);
    if (state !== 'on')
      return telling.step(
        'archiving-fails',
        `archive_command fails with ${failed}, for archiving is ${stateWords[state]}: twowarm archiving on`,
        { segment: failed },
      );
    telling.step(
      'archiving-fails',
      `archive_command fails with ${failed}; the log of the server says why, and the server tries again within a minute`,
      { segment: failed },
    );
  }
}

/** True once the file is at the destination; false where it is not by `until`. It is looked for once in any case. */
export async function arrives(
  name: string,
  isThere: IsThere,
  until: number,
  expecting: Expecting,
): Promise<boolean> {
  const { session, stop } = expecting;
  const patience = new Patience(name, expecting);
  do {
    if (await isThere(name)) return true;
    if (!session.isOpen()) throw new ProgramError('server-died', 'the connection to the server was lost');
    await patience.tell();
    const { waitedMs } = patience;
    const { everyMs } = lookEveryMs.find(({ untilMs }) => waitedMs < untilMs)!;
    await pause(everyMs, undefined, { signal: stop });
  } while (performance.now() < until);
  return false;
}
