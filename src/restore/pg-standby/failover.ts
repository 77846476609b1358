// What has ordered the end of waiting: the trigger file, a signal, the server's promotion, the time limit. An order
// stands for the rest of the call; fast outdoes smart.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promoteFileNames } from '../../postgres/promote-files.ts';
import type { Speaker } from './speaker.ts';
import { readTriggerFile, type Failover } from './trigger-file.ts';

export interface FailoverSources {
  triggerFile: string | undefined;
  dataDirectory: string | undefined;
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

  /** Takes an order; `because` is told to the operator. */
  give(failover: Failover, because: string): void {
    if (this.isFast || this.order === failover) return;
    this.order = failover;
    this.speaker.say('LOG', { message: `${because}: ${failover} failover` });
    if (failover === 'fast') this.ended.abort(new Error('fast failover'));
  }

  private lookAtTrigger(path: string): void {
    const { failover, warning } = readTriggerFile(path);
    if (failover !== undefined) this.give(failover, `found the trigger file "${path}"`);
    // Once for each trouble: it is looked at every few seconds.
    if (warning !== undefined && warning.message !== this.warned) this.speaker.say('WARNING', warning);
    this.warned = warning?.message;
  }
}
