// Debts of one destination, all of them, oldest first: what archive_command left undone while that was away. A session
// of its own for each try, over a road that is closed afterwards; when the next one is due is decided by who calls it.
import type { ThisNode } from '../postgres/this-node.ts';
import { bounded } from '../program/bounded.ts';
import { endStandingIn, readSuspension } from '../program/destination-notes.ts';
import { isHolder } from '../program/process-lock.ts';
import { ProgramError } from '../program/program-error.ts';
import type { Report } from '../program/print-error.ts';
import type { Destination } from '../program/settings/settings.ts';
import { ledgerOf, movedSince } from '../transport/backfill/debts.ts';
import { oweHeld, unowedCopies } from '../transport/backfill/held-copies.ts';
import { closeBooks, payInOrder, type Payment } from '../transport/backfill/pay.ts';
import { lockPaying } from '../transport/backfill/paying-lock.ts';
import { isInDebt, type Debt } from '../transport/ledger.ts';
import type { Transport } from '../transport/transport.ts';
import { openRoad } from './destinations.ts';
import { noteBrought, noteFault } from './noting.ts';
import { explained, onBehalfOf } from './on-behalf.ts';
import { principalOf, type Principal } from './principal.ts';
import type { Role } from '../postgres/node-role.ts';

/** None of these may throw. */
export interface PayerListener {
  paid(payer: Payer, file: string): void;
  /** Also of a destination that is elsewhere now. */
  setAside(payer: Payer, report: Report): void;
}

/**
 * How a session ended: `settled`: nothing is left that can be paid; `suspended`: by a person, meanwhile; `busy`: another
 * process pays; `hanging`: a call of an earlier session has not ended.
 */
export type Session = 'settled' | 'suspended' | 'busy' | 'hanging';

/** So many, and their debts are struck. */
const batch = 32;

export class Payer {
  readonly destination: Destination;
  private readonly node: ThisNode;
  private readonly role: Role;
  private readonly listener: PayerListener;
  private readonly stop: AbortSignal;
  /** Calls that have not ended, also those that were given up: one that hangs keeps a thread. */
  private hanging = 0;

  constructor(
    destination: Destination,
    node: ThisNode,
    role: Role,
    listener: PayerListener,
    stop: AbortSignal,
  ) {
    this.destination = destination;
    this.node = node;
    this.role = role;
    this.listener = listener;
    this.stop = stop;
  }

  /** Whether anything is owed that is not set aside, or held though it is not owed; mostly one look at a directory each. */
  get isInDebt(): boolean {
    const { destination, node } = this;
    if (isInDebt(node.identity.stateDirectory, destination.name)) return true;
    const { name } = destination;
    return unowedCopies(node.settings.home, name, ledgerOf(name, node)).length > 0;
  }

  get debt(): Debt {
    return ledgerOf(this.destination.name, this.node).debt();
  }

  /** What is owed and can be paid, oldest first. */
  owed(): string[] {
    return ledgerOf(this.destination.name, this.node).owed();
  }

  /** Since when it is suspended, ISO 8601. An `unsafe-state` error where that cannot be known. */
  suspendedSince(): string | undefined {
    return readSuspension(this.node.settings.home, this.destination.name)?.since;
  }

  /** Pays until nothing is left. Throws what is wrong with the destination, or that a copy cannot be had now. */
  async pay(): Promise<Session> {
    if (this.hanging > 0) return 'hanging';
    ledgerOf(this.destination.name, this.node).prepare();
    const lock = lockPaying(this.destination.name, this.node);
    if (isHolder(lock)) return 'busy';
    try {
      const moved = movedSince(this.destination, this.node);
      if (moved !== undefined) this.listener.setAside(this, moved);
      this.oweHeld();
      const principal = await principalOf(this.role, this.node, this.stop);
      return await this.payFor(principal).catch((error: unknown) => {
        const fault = this.role.relays ? explained(error, principal.owner, this.node) : error;
        noteFault(this.node, this.destination, this.owed()[0] ?? '', fault);
        throw fault;
      });
    } finally {
      lock.release();
    }
  }

  private async payFor(principal: Principal): Promise<Session> {
    const { url } = this.destination;
    const road = await this.bounded(`open ${url}`, async (signal) => {
      const opened = await openRoad(this.destination, onBehalfOf(principal.owner, this.node), signal);
      if (!signal.aborted) return opened;
      await opened.close();
      throw signal.reason as Error;
    });
    try {
      return await this.payAll(this.within(road), principal);
    } finally {
      // One that hangs is not waited for.
      void road.close().catch(() => undefined);
    }
  }

  private async payAll(road: Payment['road'], { refuses }: Principal): Promise<Session> {
    const { destination, node, listener, stop } = this;
    for (;;) {
      const ledger = ledgerOf(destination.name, node);
      let names = ledger.owed(batch);
      if (names.length === 0) {
        this.oweHeld();
        names = ledger.owed(batch);
      }
      const payment: Payment = {
        ledger,
        destination,
        road,
        node,
        refuses,
        spent: [],
        paid: (file) => {
          // archive_command, whose next call may be far, notes the same.
          noteBrought(node, destination, file);
          listener.paid(this, file);
        },
        setAside: (_file, report) => listener.setAside(this, report),
        signal: stop,
      };
      let isSuspended = false;
      try {
        const goesOn = (): boolean => !(isSuspended = this.suspendedSince() !== undefined);
        const obstacle = await payInOrder(names, payment, goesOn);
        if (obstacle !== undefined) throw noCopy(obstacle.name, destination, obstacle.fault);
      } finally {
        closeBooks(payment);
      }
      stop.throwIfAborted();
      if (isSuspended) return 'suspended';
      if (names.length === 0) {
        this.endStandIns();
        return 'settled';
      }
    }
  }

  /** For who has the lock. */
  private oweHeld(): void {
    const { name } = this.destination;
    oweHeld(this.node.settings.home, name, ledgerOf(name, this.node));
  }

  /** It has all: the outage is over, also for the limits of those who stood in. archive_command's next call may be far. */
  private endStandIns(): void {
    const { home, destinations } = this.node.settings;
    const { name, policy } = this.destination;
    if (policy !== 'required' || this.debt.count > 0) return;
    for (const fallback of destinations)
      if (fallback.standIn?.for.includes(name) === true) endStandingIn(home, fallback.name, name);
  }

  /** The road with each of its verbs within the destination's limit. */
  private within(road: Transport): Payment['road'] {
    const at = (what: string): string => `${what} at ${this.destination.url}`;
    return {
      put: (name, source, inspect) =>
        this.bounded(at(`store ${name}`), (signal) => road.put(name, source, inspect, signal)),
      recordGap: (gap) =>
        this.bounded(at(`record the gap ${gap.name}`), (signal) => road.recordGap(gap, signal)),
    };
  }

  private bounded<T>(what: string, verb: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return bounded(what, this.destination.timeLimitMs, this.stop, (signal) => {
      this.hanging++;
      return verb(signal).finally(() => this.hanging--);
    });
  }
}

/** What is newer has to wait for it. */
function noCopy(file: string, { name }: Destination, fault: ProgramError): ProgramError {
  const message = `could not find a copy of ${file}, which is owed to ${name}`;
  const { message: reason, detail } = fault;
  const sentence = `${reason[0]!.toUpperCase()}${reason.slice(1)}.`;
  return new ProgramError('source-unreachable', message, {
    detail: detail === undefined ? sentence : `${sentence} ${detail}`,
    hint: fault.hint,
    cause: fault,
  });
}
