// Why a promotion takes its time, in one phrase: replay that moves, a source that cannot be reached, a restore_command
// that has not come back, the last checkpoint.
import { existsSync } from 'node:fs';
import { readRecoveryMode } from '../postgres/recovery-mode.ts';
import type { ThisNode } from '../postgres/this-node.ts';
import { formatLsn, parseLsn } from '../wal/lsn.ts';
import { faultOfSource } from './check-archives.ts';
import type { Plan } from './plan.ts';
import { promoteFile } from './promote.ts';
import type { Server } from './server.ts';

export class Progress {
  private readonly plan: Plan;
  private readonly node: ThisNode;
  private readonly server: Server;
  private readonly stop: AbortSignal;
  private replayed: bigint | undefined;

  constructor(plan: Plan, node: ThisNode, server: Server, stop: AbortSignal) {
    this.plan = plan;
    this.node = node;
    this.server = server;
    this.stop = stop;
  }

  /** As the end of a sentence. */
  async describe(): Promise<string> {
    const { dataDirectory } = this.node.settings;
    if (readRecoveryMode(dataDirectory) === 'none') {
      const fault = this.server.lastFault;
      return `recovery has ended, and the server ${fault === undefined ? 'is about to open' : `does not take a write yet (${fault})`}`;
    }
    const position = parseLsn((await this.server.value('select pg_last_wal_replay_lsn()')) ?? '');
    const before = this.replayed;
    this.replayed = position;
    if (position !== undefined && before !== undefined && position > before) {
      return `replay goes on, ${formatLsn(position)} is reached`;
    }
    const where = position === undefined ? 'it recovers' : `replay stands at ${formatLsn(position)}`;
    return `${where}${await this.reason(dataDirectory)}`;
  }

  private async reason(dataDirectory: string): Promise<string> {
    const { sources } = this.node.settings.restore;
    const looks = await Promise.all(
      sources.map((url) => faultOfSource(url, this.plan, this.node, this.stop, true)),
    );
    const fault = looks.find((each) => each !== undefined);
    if (fault !== undefined) return ` and waits for a source: ${fault.message}`;
    return existsSync(promoteFile(dataDirectory)) ? ' and waits for its restore_command to come back' : '';
  }
}
