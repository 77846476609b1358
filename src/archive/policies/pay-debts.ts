// Debts are paid by the archive_command calls that follow: oldest first, a few at a time, once the call's own file is
// safe. Whatever goes wrong here must not fail the call; what could not be paid stays owed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ThisNode } from '../../postgres/this-node.ts';
import type { Voice } from '../../program/command.ts';
import { parseGapRecord } from '../../program/gap-record.ts';
import { noteLongCall } from '../../program/leave.ts';
import { errnoOf, fromSystemError, ProgramError } from '../../program/program-error.ts';
import type { Destination } from '../../program/settings/settings.ts';
import type { Ledger } from '../../transport/ledger.ts';
import type { Transport } from '../../transport/transport.ts';
import { parseWalFileName } from '../../wal/filename.ts';
import { atDestination } from '../destinations.ts';
import { ledgerOf } from './debts.ts';
import { putFromAnywhere, type Put, type Search } from './find-copy.ts';
import { releaseHeld } from './held-copies.ts';

/** After this long no further debt is begun in the same call, in ms. */
const budgetMs = 1000;
/** Nor after so many. */
const mostFiles = 32;

/** Of these faults the copy is to blame, not the destination: another copy may do. */
const ofTheCopy: readonly string[] = ['invalid-file', 'source-missing', 'wrong-cluster'];

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

/** Of one destination everything at one opening: a connection is dear on a network. */
async function payOne(
  destination: Destination,
  node: ThisNode,
  voice: Voice,
  stop: AbortSignal,
): Promise<void> {
  const ledger = ledgerOf(destination.name, node);
  const names = ledger.owed(mostFiles);
  const until = performance.now() + budgetMs;
  try {
    if (names.length > 0)
      await atDestination(destination, node, 'pay what is owed', stop, async (road, signal) => {
        for (const name of names) {
          if (signal.aborted || performance.now() > until) break;
          // What cannot be had today holds up what is newer: the order is the promise.
          if (!(await pay(name, { ledger, destination, road, node, voice, signal }))) break;
        }
      });
  } finally {
    ledger.save();
    const left = new Set([...ledger.owed(), ...ledger.aside()]);
    releaseHeld(node.settings.home, destination.name, (name) => left.has(name));
    if (names.length > 0 && left.size === 0)
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
  const ledger = ledgerOf(destination.name, node);
  for (const name of ledger.owed().filter((each) => each.endsWith('.history'))) {
    try {
      await pay(name, { ledger, destination, road, node, voice, signal });
    } catch (error) {
      if (!(error instanceof ProgramError)) throw error;
      return;
    }
  }
  ledger.save();
}

interface Payment {
  ledger: Ledger;
  destination: Destination;
  road: Transport;
  node: ThisNode;
  voice: Voice;
  signal: AbortSignal;
}

/** False when the next one has to wait. */
async function pay(name: string, payment: Payment): Promise<boolean> {
  const { ledger, destination, voice } = payment;
  const setAside = async (message: string, hint: string): Promise<true> => {
    ledger.setAside(name);
    await voice.report('WARNING', { message, detail: `It stays owed to ${destination.name}.`, hint });
    return true;
  };
  try {
    const found = await bring(name, payment);
    if (found === 'unknown') return false;
    const again = `Once there is a copy: twowarm destination resume ${destination.name}`;
    if (found === 'nowhere') return await setAside(`nobody has ${name} any more`, again);
    ledger.add(name);
    await voice.event(`archived ${name}`, { file: name, destination: destination.name, outcome: 'paid' });
    return true;
  } catch (error) {
    if (!(error instanceof ProgramError) || error.kind !== 'archive-duplicate') throw error;
    const hint = `Find out which copy is right. Then: twowarm destination resume ${destination.name}`;
    return setAside(error.message, hint);
  }
}

async function bring(name: string, { destination, road, node, signal }: Payment): Promise<Search> {
  if (name.endsWith('.gap')) return bringGap(name.slice(0, -'.gap'.length), road, node, signal);
  const file = parseWalFileName(name);
  if (file === undefined) return 'nowhere';
  const put: Put = async (source, inspect) => {
    try {
      await road.put(name, source, inspect, signal);
      return true;
    } catch (error) {
      if (error instanceof ProgramError && ofTheCopy.includes(error.kind)) return false;
      throw error;
    }
  };
  return putFromAnywhere(file, destination.name, node, put, signal);
}

async function bringGap(
  name: string,
  road: Transport,
  { identity }: ThisNode,
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
