// When to relay: while this node is no primary, with the configuration as it is now; what destinations are owed is paid
// in every role. Role and configuration are looked at when an event wakes us, and every few seconds; relaying.ts and
// paying.ts go on by their own events and clocks meanwhile.
import { join } from 'node:path';
import { openThisNode, type ThisNode } from '../postgres/this-node.ts';
import { Bell } from '../program/bell.ts';
import type { ProgramCall } from '../program/command.ts';
import { noteLongCall } from '../program/leave.ts';
import { reserveThreads } from '../program/threads.ts';
import type { Watch } from '../program/watch-directory.ts';
import { watchFiles } from '../program/watch.ts';
import { sweepUnfinished } from '../transport/unfinished.ts';
import { isOlderThan } from './arrivals.ts';
import { Configuration } from './configuration.ts';
import { lockToStay } from './lock.ts';
import { Paying } from './paying.ts';
import { Relaying } from './relaying.ts';
import { readRole, type Role } from '../postgres/node-role.ts';
import { Telling } from './telling.ts';

const lookEveryMs = 5000;

/** One road to relay over and one to pay over. */
const roadsEach = 2;
/** Room for destinations that are configured later: the number of threads cannot change. */
const spareRoads = 3;

/** Stays until the call is told to stop. Throws what is wrong at the start. */
export async function relayLoop(call: ProgramCall): Promise<void> {
  noteLongCall();
  const node = await openThisNode(call);
  reserveThreads(roadsEach * node.settings.destinations.length + spareRoads);
  const lock = await lockToStay(node, call.stop);
  const loop = new RelayLoop(node, call);
  try {
    await sweepUnfinished(node.identity.stateDirectory, node.identity.nodeId, call.stop);
    await loop.run();
  } finally {
    await loop.end();
    lock.release();
  }
}

class RelayLoop {
  private readonly call: ProgramCall;
  private readonly telling: Telling;
  private readonly configuration: Configuration;
  private readonly bell = new Bell();
  private watch: Watch | undefined;
  private relaying: Relaying | undefined;
  /** What `relaying` was begun for. */
  private phase: string | undefined;
  private paying: Paying | undefined;
  /** What `paying` was begun for. */
  private payingPhase: string | undefined;

  constructor(node: ThisNode, call: ProgramCall) {
    this.call = call;
    this.telling = new Telling(call.voice, call.options['json'] === true);
    this.configuration = new Configuration(node, call, this.telling);
  }

  async run(): Promise<void> {
    this.listen();
    for (;;) {
      if (await this.configuration.follow()) {
        this.phase = undefined;
        this.payingPhase = undefined;
        this.listen();
      }
      await this.followRole();
      await this.relaying?.tick();
      await this.bell.sleep(lookEveryMs, this.call.stop);
    }
  }

  async end(): Promise<void> {
    this.watch?.close();
    await Promise.all([this.relaying?.end(), this.paying?.end()]);
    this.relaying = undefined;
    this.paying = undefined;
  }

  private listen(): void {
    this.watch?.close();
    const { dataDirectory, configurationFile } = this.configuration.node.settings;
    const signals = ['standby.signal', 'recovery.signal', 'recovery.conf', 'postmaster.pid'];
    const paths = [configurationFile, ...signals.map((name) => join(dataDirectory, name))];
    this.watch = watchFiles(paths, () => this.bell.ring());
  }

  /** Begins and ends relaying as the role says. An unknown role ends it, too: nothing is carried by a guess. */
  private async followRole(): Promise<void> {
    const { node } = this.configuration;
    let role: Role | undefined;
    try {
      role = readRole(node.settings);
      this.telling.over('role');
    } catch (error) {
      this.telling.over('phase');
      this.telling.fault(
        'unknown',
        'ERROR',
        error,
        { topic: 'role' },
        'Nothing is relayed until it is known.',
      );
    }
    const phase = role === undefined ? 'unknown' : role.relays ? 'relay' : `primary ${role.timeline}`;
    if (phase !== this.phase) {
      const before = this.phase;
      this.phase = phase;
      await this.relaying?.end();
      this.relaying = undefined;
      if (role !== undefined) await this.begin(role, node, before);
    }
    await this.followDebts(phase, role, node);
  }

  /** Debts are paid whatever the role is, but not by a guess on whose behalf. */
  private async followDebts(phase: string, role: Role | undefined, node: ThisNode): Promise<void> {
    if (phase === this.payingPhase) return;
    this.payingPhase = phase;
    await this.paying?.end();
    this.paying = role === undefined ? undefined : new Paying(node, role, this.telling, this.call.stop);
    this.paying?.begin();
  }

  private async begin(role: Role, node: ThisNode, before: string | undefined): Promise<void> {
    const wanted = role.relays ? () => true : (key: string) => isOlderThan(role.timeline, key);
    this.tell(role, node, before);
    // On the first timeline nothing has ever arrived from elsewhere.
    if (!role.relays && role.timeline <= 1) return;
    const relaying = new Relaying(node, wanted, this.telling, () => this.bell.ring(), this.call.stop);
    try {
      await relaying.begin(role.relays);
      this.relaying = relaying;
      this.telling.over('destinations');
    } catch (error) {
      await relaying.end();
      if (role.relays) this.telling.fault('failed', 'ERROR', error, { topic: 'destinations' });
      this.phase = undefined;
    }
  }

  private tell(role: Role, { settings }: ThisNode, before: string | undefined): void {
    const { archiveDirectory, destinations } = settings;
    if (role.relays) {
      const names = destinations.map(({ name }) => name).join(', ');
      const message = `relaying what arrives in ${archiveDirectory} to ${names}`;
      return this.telling.say('relaying', 'LOG', { message }, { topic: 'phase' });
    }
    const what = role.isRunning ? 'this server is a primary' : 'this server is a primary that is stopped';
    const message = `${what}: it archives by itself, and only what destinations are owed is brought to them`;
    const detail =
      before === 'relay' ? 'What arrived here from older timelines is still carried.' : undefined;
    this.telling.say('quiet', 'LOG', { message, detail }, { topic: 'phase' });
  }
}
