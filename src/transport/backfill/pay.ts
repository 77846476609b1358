// Debts, oldest first: each file is found and brought to the destination that is owed it, or set aside where that cannot
// be. Others may pay at the same time, so the ledger is asked again before anything is said to be missing. When to pay,
// for how long, and over which road, is decided by who calls this.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseGapRecord } from '../../program/gap-record.ts';
import type { Report } from '../../program/print-error.ts';
import { errnoOf, fromSystemError, ProgramError } from '../../program/program-error.ts';
import type { Destination } from '../../program/settings/settings.ts';
import { parseWalFileName } from '../../wal/filename.ts';
import type { Ledger } from '../ledger.ts';
import type { Transport } from '../transport.ts';
import { putFromAnywhere, type Put, type Search } from './find-copy.ts';
import { releaseHeld } from './held-copies.ts';
import { heldDirectory } from './held-directory.ts';
import type { OwingNode } from './owing-node.ts';

export interface Payment {
  ledger: Ledger;
  destination: Destination;
  /** Each of its verbs within its time limit. */
  road: Pick<Transport, 'put' | 'recordGap'>;
  node: OwingNode;
  /** Held copies of what was paid: closeBooks lets go of these, and of no other one. Empty at first. */
  spent: string[];
  /** Destinations that are not asked for a copy: one that does not answer would hold up a call that somebody waits for. */
  away?: (destination: string) => boolean;
  /** Says why a file is not to be brought at all; such a debt is set aside. */
  refuses?: (name: string) => Report | undefined;
  /** Hears of each file that has been brought; not durable yet. */
  paid(name: string): Promise<void> | void;
  /** Hears of a debt that cannot be paid and holds up the others no longer. */
  setAside(name: string, report: Report): Promise<void> | void;
  signal: AbortSignal;
}

/** `elsewhere`: it is not owed any more; a fault: a copy cannot be had now, so that newer ones have to wait. */
export type Paid = 'paid' | 'aside' | 'elsewhere' | ProgramError;

/** Of these faults the copy is to blame, not the destination: another copy may do. */
const ofTheCopy: readonly string[] = ['invalid-file', 'source-missing', 'wrong-cluster'];

/** Pays one debt. Throws the faults of the destination. */
export async function pay(name: string, payment: Payment): Promise<Paid> {
  const { ledger, destination } = payment;
  if (!ledger.isOwed(name)) return 'elsewhere';
  const stays = `It stays owed to ${destination.name}.`;
  const again = `twowarm destination resume ${destination.name}`;
  const setAside = async (report: Report): Promise<Paid> => {
    if (!ledger.setAside(name)) return 'elsewhere';
    await payment.setAside(name, { ...report, detail: stays });
    return 'aside';
  };
  const refusal = payment.refuses?.(name);
  if (refusal !== undefined) return setAside(refusal);
  try {
    const tried: string[] = [];
    const found = await bring(name, payment, tried);
    // A held copy goes as soon as somebody else has paid: what looks lost then is there.
    if (found !== 'put' && !ledger.isOwed(name)) return 'elsewhere';
    if (found === 'nowhere')
      return await setAside({
        message: `nobody has ${name} any more`,
        hint: `Once there is a copy: ${again}`,
      });
    if (found !== 'put') return found;
    ledger.settle(name);
    const held = heldDirectory(payment.node.settings.home, destination.name);
    payment.spent.push(...tried.filter((path) => dirname(path) === held));
    await payment.paid(name);
    return 'paid';
  } catch (error) {
    if (!(error instanceof ProgramError) || error.kind !== 'archive-duplicate') throw error;
    return setAside({ message: error.message, hint: `Find out which copy is right. Then: ${again}` });
  }
}

/**
 * Pays these debts in their order for as long as `goesOn`. What cannot be had today holds up what is newer, for the order
 * is the promise: returns why.
 */
export async function payInOrder(
  names: readonly string[],
  payment: Payment,
  goesOn: () => boolean,
): Promise<{ name: string; fault: ProgramError } | undefined> {
  for (const name of names) {
    if (payment.signal.aborted || !goesOn()) return undefined;
    const outcome = await pay(name, payment);
    if (outcome instanceof ProgramError) return { name, fault: outcome };
  }
  return undefined;
}

/** Makes what was paid durable, and lets go of the held copies that were brought for it. */
export function closeBooks({ ledger, spent }: Pick<Payment, 'ledger' | 'spent'>): void {
  ledger.save();
  releaseHeld(spent.splice(0));
}

/** Adds the paths of the copies that were put, or found not to be what their name says, to `tried`. */
async function bring(
  name: string,
  { destination, road, node, away = () => false, signal }: Payment,
  tried: string[],
): Promise<Search> {
  if (name.endsWith('.gap')) return bringGap(name.slice(0, -'.gap'.length), road, node, signal);
  const file = parseWalFileName(name);
  if (file === undefined) return 'nowhere';
  const put: Put = async (source, inspect) => {
    tried.push(source);
    try {
      await road.put(name, source, inspect, signal);
      return true;
    } catch (error) {
      if (error instanceof ProgramError && ofTheCopy.includes(error.kind)) return false;
      throw error;
    }
  };
  return putFromAnywhere(file, destination.name, node, put, away, signal);
}

async function bringGap(
  name: string,
  road: Payment['road'],
  { identity }: OwingNode,
  signal: AbortSignal,
): Promise<Search> {
  const path = join(identity.stateDirectory, 'gaps', name);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 'nowhere';
    throw fromSystemError(error, `could not read ${path}`);
  }
  await road.recordGap(parseGapRecord(path, text), signal);
  return 'put';
}
