// What the steps look at, filled by the first of them: the node, its server, the roads. A step that uses a part of it needs,
// or comes after, the step that fills it.
import type { ThisNode } from '../../postgres/this-node.ts';
import type { Unconfigured } from '../../postgres/unconfigured-backup.ts';
import type { ProgramCall } from '../../program/command.ts';
import type { Destination, InForce } from '../../program/settings/settings.ts';
import type { ReadTransport } from '../../transport/transport.ts';
import type { LocalServer } from './local-server.ts';
import type { Role } from './step.ts';

/** One leg of a segment's way, and how long after its end the segment was there. */
export interface Hop {
  segment: string;
  from: string;
  to: string;
  /** Null: it did not arrive while it was waited for. */
  ms: number | null;
}

/** The segment that --full follows. */
export interface Followed {
  name: string;
  /** Undefined: PostgreSQL had removed it before it could be read. */
  sha256: string | undefined;
  /** By performance.now(). */
  endedAt: number;
}

export class Scene {
  readonly call: ProgramCall;
  /** How long one step may take, in ms. */
  readonly limitMs: number;
  readonly hops: Hop[] = [];
  /** Opened to look, by the name of the destination, or by the URL of a source. */
  readonly roads = new Map<string, ReadTransport>();
  followed: Followed | undefined;
  role: Role | undefined;
  /** A base backup that configStandby was not called for: nothing of a standby's own is set yet. Undefined for any other. */
  unconfigured: Unconfigured | undefined;
  private found: { node?: ThisNode; inForce?: readonly InForce[]; server?: LocalServer } = {};

  constructor(call: ProgramCall, limitMs: number) {
    this.call = call;
    this.limitMs = limitMs;
  }

  get node(): ThisNode {
    return required(this.found.node);
  }

  /** Undefined where the configuration cannot be used. */
  get maybeNode(): ThisNode | undefined {
    return this.found.node;
  }

  get inForce(): readonly InForce[] {
    return required(this.found.inForce);
  }

  get server(): LocalServer {
    return required(this.found.server);
  }

  get maybeServer(): LocalServer | undefined {
    return this.found.server;
  }

  /** Whether the server recovers, or will: its archive_command is not called. */
  get isRecovering(): boolean {
    return this.role !== 'primary';
  }

  fill(found: Partial<Scene['found']>): void {
    Object.assign(this.found, found);
  }

  destination(name: string): Destination {
    return required(this.node.settings.destinations.find((each) => each.name === name));
  }

  road(name: string): ReadTransport {
    return required(this.roads.get(name));
  }

  async close(): Promise<void> {
    for (const road of this.roads.values()) await road.close();
    await this.maybeServer?.close();
  }
}

function required<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('a step uses what the step that it needs has not found');
  return part;
}
