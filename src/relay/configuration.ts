// twowarm.toml while a relay stays: a change is taken into use without a restart. One that is wrong, or half written, is
// said, and what was right before stays in force.
import { statSync } from 'node:fs';
import { openThisNode, type ThisNode } from '../postgres/this-node.ts';
import type { ProgramCall } from '../program/command.ts';
import { errnoOf } from '../program/program-error.ts';
import type { Telling } from './telling.ts';

export class Configuration {
  /** By the configuration in force. */
  node: ThisNode;
  private readonly call: ProgramCall;
  private readonly telling: Telling;
  private read: string;

  constructor(node: ThisNode, call: ProgramCall, telling: Telling) {
    this.node = node;
    this.call = call;
    this.telling = telling;
    this.read = this.identity();
  }

  /** Reads a file that has changed; true when other settings are in force now. */
  async follow(): Promise<boolean> {
    const identity = this.identity();
    if (identity === this.read) return false;
    this.read = identity;
    try {
      const node = await openThisNode(this.call);
      this.telling.over('configuration');
      if (JSON.stringify(node.settings) === JSON.stringify(this.node.settings)) return false;
      this.node = node;
      const message = `taking the changed ${node.settings.configurationFile} into use`;
      this.telling.say('configured', 'LOG', { message });
      return true;
    } catch (error) {
      const detail = 'What was configured before stays in force.';
      this.telling.fault('warning', 'ERROR', error, { topic: 'configuration' }, detail);
      return false;
    }
  }

  private identity(): string {
    try {
      const { configurationFile } = this.node.settings;
      const { ino, size, mtimeNs, ctimeNs } = statSync(configurationFile, { bigint: true });
      return [ino, size, mtimeNs, ctimeNs].join(' ');
    } catch (error) {
      return errnoOf(error) ?? 'unknown';
    }
  }
}
