// Debts are paid by the archive_command calls that follow: a few at a time, once the call's own file is safe. Whatever
// goes wrong here must not fail the call; what could not be paid stays owed. How one is paid is in transport/backfill/.
import type { ThisNode } from '../../postgres/this-node.ts';
import type { Voice } from '../../program/command.ts';
import { isAway } from '../../program/destination-notes.ts';
import { noteLongCall } from '../../program/leave.ts';
import { isHolder } from '../../program/process-lock.ts';
import { ProgramError } from '../../program/program-error.ts';
import type { Destination } from '../../program/settings/settings.ts';
import { ledgerOf, movedSince } from '../../transport/backfill/debts.ts';
import { oweHeld, unowedCopies } from '../../transport/backfill/held-copies.ts';
import { closeBooks, pay, payInOrder, type Payment } from '../../transport/backfill/pay.ts';
import { lockPaying } from '../../transport/backfill/paying-lock.ts';
import type { Ledger } from '../../transport/ledger.ts';
import type { Transport } from '../../transport/transport.ts';
import { atDestination } from '../destinations.ts';

/** After this long no further debt is begun in the same call, in ms. */
const budgetMs = 1000;
/** Nor after so many. */
const mostFiles = 32;

/** Pays what it can to destinations that have just answered. */
export async function payDebts(
  answering: readonly Destination[],
  node: ThisNode,
  voice: Voice,
  stop: AbortSignal,
): Promise<void> {
  noteLongCall();
  await Promise.all(
    answering.map((destination) =>
      payOne(destination, node, voice, stop).catch((error: unknown) =>
        voice.event(`could not pay what ${destination.name} is owed`, { reason: String(error) }),
      ),
    ),
  );
}

async function tellMoved(destination: Destination, node: ThisNode, voice: Voice): Promise<void> {
  const moved = movedSince(destination, node);
  if (moved !== undefined) await voice.report('WARNING', moved);
}

/** Leaves the work to one who is at it, as `twowarm relay` may be. */
async function payOne(
  destination: Destination,
  node: ThisNode,
  voice: Voice,
  stop: AbortSignal,
): Promise<void> {
  const ledger = ledgerOf(destination.name, node);
  await tellMoved(destination, node, voice);
  const { home } = node.settings;
  if (ledger.owed(1).length === 0 && unowedCopies(home, destination.name, ledger).length === 0) return;
  ledger.prepare();
  const lock = lockPaying(destination.name, node);
  if (isHolder(lock)) return;
  try {
    oweHeld(home, destination.name, ledger);
    await payMost(ledger, destination, node, voice, stop);
  } finally {
    lock.release();
  }
}

/** Of one destination everything at one opening: a connection is dear on a network. */
async function payMost(
  ledger: Ledger,
  destination: Destination,
  node: ThisNode,
  voice: Voice,
  stop: AbortSignal,
): Promise<void> {
  const names = ledger.owed(mostFiles);
  if (names.length === 0) return;
  const until = performance.now() + budgetMs;
  const spent: string[] = [];
  let paid = 0;
  try {
    await atDestination(destination, node, 'pay what is owed', stop, async (road, signal) => {
      const payment = paymentOf(ledger, destination, road, node, voice, signal);
      const counted = {
        ...payment,
        spent,
        paid: (name: string) => {
          paid++;
          return payment.paid(name);
        },
      };
      await payInOrder(names, counted, () => performance.now() <= until);
    });
  } finally {
    closeBooks({ ledger, spent });
    if (paid > 0 && ledger.debt().count === 0)
      await voice.report('LOG', { message: `${destination.name} has everything that it was owed` });
  }
}

/**
 * The histories that a destination is owed, before it gets anything else: a standby that finds a segment of a new
 * timeline needs its history. What fails here is told by the call's own file, or tried again after it.
 */
export async function payHistories(
  road: Transport,
  destination: Destination,
  node: ThisNode,
  voice: Voice,
  signal: AbortSignal,
): Promise<void> {
  await tellMoved(destination, node, voice);
  const ledger = ledgerOf(destination.name, node);
  const payment = paymentOf(ledger, destination, road, node, voice, signal);
  // Who has it pays them in their turn, which may be late; but only one of us lets go of copies.
  const lock = lockPaying(destination.name, node);
  try {
    for (const name of ledger.owed().filter((each) => each.endsWith('.history'))) await pay(name, payment);
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
  } finally {
    if (isHolder(lock)) ledger.save();
    else {
      closeBooks(payment);
      lock.release();
    }
  }
}

const paymentOf = (
  ledger: Ledger,
  destination: Destination,
  road: Transport,
  node: ThisNode,
  voice: Voice,
  signal: AbortSignal,
): Payment => ({
  ledger,
  destination,
  road,
  node,
  spent: [],
  away: (other) => isAway(node.settings.home, other),
  paid: (file) => voice.event(`archived ${file}`, { file, destination: destination.name, outcome: 'paid' }),
  setAside: (_file, report) => voice.report('WARNING', report),
  signal,
});
