// What has ordered the end of waiting: the trigger file, a signal, the server's promotion, the time limit. An order
// stands for the rest of the call; fast outdoes smart.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promoteFileNames } from '../../postgres/promote-files.ts';
import { homeBeside } from '../../program/home.ts';
import { stateDirectory } from '../../program/node-record.ts';
import { errnoOf, ProgramError } from '../../program/program-error.ts';
import { triggerLockOf } from '../../program/trigger-lock.ts';
import type { Speaker } from './speaker.ts';
import { readTriggerFile, type Failover } from './trigger-file.ts';

export interface FailoverSources {
  triggerFile: string | undefined;
  dataDirectory: string | undefined;
  /** Under a standby's signal file, where the end of waiting promotes nobody. */
  isStandby: boolean;
}

/** What an order of the trigger file is told with where the server goes on asking whatever is answered. */
const endsNoRecovery =
  'This file alone does not promote a standby: pg_ctl promote does, or triggerStandby. If it is left over, remove it.';

/** The state directory in the home beside the data directory: pg_standby needs none, and where there is none it is undefined. */
function stateBeside(dataDirectory: string): string | undefined {
  try {
    const state = stateDirectory(process.env['TWOWARM_HOME'] || homeBeside(dataDirectory));
    return existsSync(state) ? state : undefined;
  } catch (error) {
    // One that cannot be looked for keeps it from nothing.
    if (error instanceof ProgramError) return undefined;
    throw error;
  }
}

/** Tells one state of a file from the next. */
function stateOf(path: string): string {
  try {
    const { ino, mtimeMs } = statSync(path);
    return `${ino} ${mtimeMs}`;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return 'gone';
  }
}

export class FailoverOrders {
  private readonly sources: FailoverSources;
  private readonly speaker: Speaker;
  private readonly ended = new AbortController();
  private order: Failover | undefined;
  private warned: string | undefined;

  constructor(sources: FailoverSources, speaker: Speaker) {
    this.sources = sources;
    this.speaker = speaker;
  }

  get isFast(): boolean {
    return this.order === 'fast';
  }

  get isSmart(): boolean {
    return this.order === 'smart';
  }

  /** Aborts with a fast failover: also a copy that is under way ends. */
  get fast(): AbortSignal {
    return this.ended.signal;
  }

  /** Looks for what can be seen on disk. */
  look(): void {
    const { triggerFile, dataDirectory } = this.sources;
    // A fast one that was read is emptied, and must not be read as smart.
    if (this.isFast) return;
    if (triggerFile !== undefined) this.lookAtTrigger(triggerFile);
    if (dataDirectory === undefined || this.order !== undefined) return;
    const promotion = promoteFileNames(dataDirectory).find((name) => existsSync(join(dataDirectory, name)));
    if (promotion !== undefined) this.give('smart', `the server is being promoted (./${promotion})`);
  }

  /** Takes an order; `because` is told to the operator, once a call. */
  give(failover: Failover, because: string): void {
    this.take(failover, () => this.speaker.say('LOG', { message: `${because}: ${failover} failover` }));
  }

  private take(failover: Failover, tell: () => void): void {
    if (this.isFast || this.order === failover) return;
    this.order = failover;
    tell();
    if (failover === 'fast') this.ended.abort(new Error('fast failover'));
  }

  private lookAtTrigger(path: string): void {
    const { failover, warning } = readTriggerFile(path);
    if (failover !== undefined) this.take(failover, () => this.tellOfTrigger(failover, path));
    // Once for each trouble: it is looked at every few seconds.
    if (warning !== undefined && warning.message !== this.warned) this.speaker.say('WARNING', warning);
    this.warned = warning?.message;
  }

  /** A standby asks again every few seconds for as long as the file is there: where there is a home, it is told once. */
  private tellOfTrigger(failover: Failover, path: string): void {
    const { isStandby, dataDirectory } = this.sources;
    const message = `found the trigger file "${path}": ${failover} failover`;
    if (!isStandby || dataDirectory === undefined) return this.speaker.say('LOG', { message });
    const state = stateBeside(dataDirectory);
    // triggerStandby, which knows what else to do, has written the file.
    const isTriggered = state !== undefined && existsSync(triggerLockOf(state));
    const report = { message, hint: isTriggered ? undefined : endsNoRecovery };
    if (state === undefined) return this.speaker.say('LOG', report);
    this.speaker.sayOnce('LOG', report, { stateDirectory: state, change: stateOf(path) });
  }
}
