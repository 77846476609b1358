// Debts in one bounded pass: each destination gets what it is owed as far as that can be had now. One that fails does not
// keep the others from having theirs.
import { setTimeout as pause } from 'node:timers/promises';
import type { ThisNode } from '../postgres/this-node.ts';
import type { Report } from '../program/print-error.ts';
import { Payer, type Session } from './payer.ts';
import type { Role } from '../postgres/node-role.ts';

/** What became of one destination that was owed files. */
export interface Payout {
  name: string;
  url: string;
  paid: number;
  /** Still owed, whyever. */
  left: number;
  /** ISO 8601. */
  suspendedSince?: string;
}

/** What is said while the pass goes on. */
export interface PayTelling {
  paid(file: string, destination: string): void;
  /** In a dry run. */
  wouldPay(file: string, payout: Payout): void;
  setAside(report: Report): void;
}

/** How often it is looked whether another process has finished, in ms, and for how long. */
const lookEveryMs = 200;
const busyLimitMs = 30_000;

/** Pays every destination that is owed something; `faults` in the order in which they came. */
export async function payPass(
  node: ThisNode,
  role: Role,
  telling: PayTelling,
  stop: AbortSignal,
): Promise<{ payouts: Payout[]; faults: unknown[] }> {
  const faults: unknown[] = [];
  const payouts = new Map<Payer, Payout>();
  const listener = {
    paid: (payer: Payer, file: string): void => {
      payouts.get(payer)!.paid++;
      telling.paid(file, payer.destination.name);
    },
    setAside: (_payer: Payer, report: Report): void => telling.setAside(report),
  };
  const visit = async (payer: Payer): Promise<void> => {
    const { name, url } = payer.destination;
    try {
      if (!payer.isInDebt) return;
      const since = payer.suspendedSince();
      const payout: Payout = {
        name,
        url,
        paid: 0,
        left: 0,
        ...(since === undefined ? {} : { suspendedSince: since }),
      };
      payouts.set(payer, payout);
      if (since === undefined && node.identity.dryRun)
        for (const file of payer.owed()) telling.wouldPay(file, payout);
      else if (since === undefined) await payOnce(payer, stop);
    } catch (fault) {
      stop.throwIfAborted();
      faults.push(fault);
    }
    const payout = payouts.get(payer);
    if (payout !== undefined) payout.left = payer.debt.count;
  };
  const payers = node.settings.destinations.map((each) => new Payer(each, node, role, listener, stop));
  await Promise.all(payers.map(visit));
  return { payouts: [...payouts.values()], faults };
}

/** Waits a while for another process that pays: what that leaves is ours. */
async function payOnce(payer: Payer, stop: AbortSignal): Promise<Session> {
  const until = performance.now() + busyLimitMs;
  for (;;) {
    const session = await payer.pay();
    if (session !== 'busy' || !payer.isInDebt || performance.now() > until) return session;
    await pause(lookEveryMs, undefined, { signal: stop }).catch(() => stop.throwIfAborted());
  }
}
