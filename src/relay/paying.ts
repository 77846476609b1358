// Debts while a relay stays: looked for every few seconds, paid at once, those of each destination for themselves. A
// destination that fails is tried again with growing pauses, and holds up no other.
import { setTimeout as pause } from 'node:timers/promises';
import type { ThisNode } from '../postgres/this-node.ts';
import { ProgramError } from '../program/program-error.ts';
import { Payer, type PayerListener } from './payer.ts';
import type { Role } from '../postgres/node-role.ts';
import type { Telling } from './telling.ts';

/** How often a ledger, and the note of a suspension, is looked at, in ms. */
const lookEveryMs = 2000;
/** How soon it is looked whether another process has finished, in ms. */
const busyPauseMs = 250;
/** The pauses before a destination that failed is tried again, in ms: doubled each time. */
const firstPauseMs = 500;
const longestPauseMs = 30_000;

export class Paying {
  private readonly telling: Telling;
  private readonly controller = new AbortController();
  private readonly stop: AbortSignal;
  private readonly payers: readonly Payer[];
  /** Those that had something paid since it was last said that they have everything. */
  private readonly paidSome = new Set<Payer>();
  private served: Promise<unknown> = Promise.resolve();

  constructor(node: ThisNode, role: Role, telling: Telling, stop: AbortSignal) {
    this.telling = telling;
    this.stop = AbortSignal.any([stop, this.controller.signal]);
    this.payers = node.settings.destinations.map(
      (each) => new Payer(each, node, role, this.listener(), this.stop),
    );
  }

  /** Returns at once. */
  begin(): void {
    this.served = Promise.all(this.payers.map((payer) => this.serve(payer)));
  }

  /** Gives up what is under way, and waits until nothing of it is left. */
  async end(): Promise<void> {
    this.controller.abort(new Error('the relay ends'));
    await this.served;
  }

  private async serve(payer: Payer): Promise<void> {
    let failures = 0;
    while (!this.stop.aborted) {
      let pauseMs = lookEveryMs;
      try {
        const next = await this.turn(payer);
        if (next === 'busy') pauseMs = busyPauseMs;
        if (next === 'hanging') failures++;
        else failures = 0;
      } catch (fault) {
        if (this.stop.aborted) return;
        failures++;
        this.failed(payer, fault);
      }
      if (failures > 0) pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** (failures - 1));
      await pause(pauseMs, undefined, { signal: this.stop }).catch(() => undefined);
    }
  }

  private async turn(payer: Payer): Promise<'nothing' | 'busy' | 'hanging'> {
    const { destination } = payer;
    const suspended = { topic: `suspended ${destination.name}`, destination: destination.name };
    const since = payer.suspendedSince();
    if (since === undefined && this.telling.over(suspended.topic)) {
      const message = `${destination.name} is not suspended any more`;
      this.telling.say('back', 'LOG', { message }, { destination: destination.name });
    }
    if (!payer.isInDebt) return this.settled(payer);
    if (since !== undefined) {
      const message = `${destination.name} is suspended since ${since}: nothing is carried there`;
      this.telling.say('suspended', 'LOG', { message }, suspended);
      return 'nothing';
    }
    const session = await payer.pay();
    if (session === 'settled') return this.settled(payer);
    return session === 'suspended' ? 'nothing' : session;
  }

  /** Said where something was paid; somebody else may have paid what was said to be owed. */
  private settled(payer: Payer): 'nothing' {
    const { name } = payer.destination;
    const wasSaid = this.over(payer);
    const byUs = this.paidSome.delete(payer);
    if ((byUs || wasSaid) && payer.debt.count === 0) {
      const message = `${name} has everything that it was owed`;
      this.telling.say('settled', 'LOG', { message }, { destination: name });
    }
    return 'nothing';
  }

  private listener(): PayerListener {
    return {
      paid: (payer, file) => {
        const { name } = payer.destination;
        this.paidSome.add(payer);
        if (this.over(payer)) this.back(payer, file);
        const message = `brought ${file} to ${name}, which was owed it`;
        this.telling.event('paid', message, { file, destination: name, outcome: 'paid' });
      },
      setAside: ({ destination: { name } }, report) =>
        this.telling.say('refused', 'WARNING', report, { destination: name }),
    };
  }

  /** What was said of faults does not hold any more; true when anything was. */
  private over({ destination: { name } }: Payer): boolean {
    return [`debts ${name}`, `copy ${name}`].map((topic) => this.telling.over(topic)).includes(true);
  }

  private back(payer: Payer, file: string): void {
    const { name } = payer.destination;
    const rest = payer.debt.count;
    const message = `${name} takes files again, ${file} first: it is owed ${rest === 1 ? 'this one' : `${rest} files`}`;
    this.telling.say('back', 'LOG', { message }, { destination: name });
  }

  private failed(payer: Payer, fault: unknown): void {
    const { name } = payer.destination;
    const isOfTheCopy = fault instanceof ProgramError && fault.kind === 'source-unreachable';
    // The words of one and the same fault depend on where it was met.
    const news = fault instanceof ProgramError && !isOfTheCopy ? fault.kind : String(fault);
    const about = { topic: `${isOfTheCopy ? 'copy' : 'debts'} ${name}`, news, destination: name };
    this.telling.fault('failed', 'WARNING', fault, about, this.consequence(payer, isOfTheCopy));
  }

  private consequence(payer: Payer, isOfTheCopy: boolean): string | undefined {
    const again = `it is ${isOfTheCopy ? 'looked for' : 'tried'} again with growing pauses.`;
    try {
      const { count, first } = payer.debt;
      const owed = count === 1 ? `${first}` : `${count} files, ${first} first`;
      return isOfTheCopy ? `What is newer waits for it; ${again}` : `It is owed ${owed}; ${again}`;
    } catch {
      // The ledger itself is the fault.
      return 'Nothing is paid until it is known what is owed.';
    }
  }
}
