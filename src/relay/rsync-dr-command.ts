// rsyncDR as a command: one pass, for cron, which mails every word. What has arrived here is carried and what is owed is
// paid at the same time: a destination that is away must not hold up either.
import { openThisNode, type ThisNode } from '../postgres/this-node.ts';
import type { Command, ProgramCall, Voice } from '../program/command.ts';
import { noteLongCall } from '../program/leave.ts';
import { describeError } from '../program/print-error.ts';
import { isHolder } from '../program/process-lock.ts';
import { reserveThreads } from '../program/threads.ts';
import { sweepUnfinished } from '../transport/unfinished.ts';
import { lockForPass } from './lock.ts';
import { passOptions } from './options.ts';
import { payPass, type Payout, type PayTelling } from './pay-pass.ts';
import { relayPass, type PassResult, type PassTelling } from './relay-pass.ts';
import { readRole, type Role } from '../postgres/node-role.ts';

const files = (count: number): string => (count === 1 ? '1 file' : `${count} files`);

function tellingOf({ voice }: ProgramCall, { identity }: ThisNode): PassTelling {
  const said = new Set<string>();
  const warn = (message: string, detail?: string): void => {
    if (said.has(message)) return;
    said.add(message);
    void voice.report('WARNING', { message, detail });
  };
  return {
    warn,
    carried: (key, { destination }, carried) => {
      const { outcome } = carried;
      if (identity.dryRun) {
        const would = outcome === 'already-stored' ? 'is stored' : 'would be carried';
        return voice.answer(`${key} ${would} at ${destination.url}\n`.replace('carried at', 'carried to'));
      }
      if ('warning' in carried && carried.warning !== undefined) warn(carried.warning);
      void voice.event(`relayed ${key}`, { file: key, destination: destination.name, outcome });
    },
  };
}

function payTellingOf({ voice }: ProgramCall): PayTelling {
  return {
    paid: (file, destination) => {
      void voice.event(`brought ${file}`, { file, destination, outcome: 'paid' });
    },
    wouldPay: (file, { name, url }) =>
      voice.answer(`${file}, which is owed to ${name}, would be brought to ${url}\n`),
    setAside: (report) => void voice.report('WARNING', report),
  };
}

const suspended = (name: string, since: string): string =>
  `${name} is suspended since ${since}: nothing is carried there`;
const rest = (left: number): string => (left === 0 ? '' : `; ${files(left)} left`);

async function tellVerbosely(
  role: Role,
  visits: PassResult['visits'],
  payouts: readonly Payout[],
  voice: Voice,
): Promise<void> {
  const say = (message: string): Promise<void> => voice.report('LOG', { message });
  if (role.relays && visits.length === 0 && payouts.length === 0)
    await say('there is no destination: there is nothing to relay');
  if (!role.relays && visits.length === 0 && payouts.length === 0) {
    const what = role.isRunning ? 'this server is a primary' : 'this server is a primary that is stopped';
    await say(`${what}: there is nothing to relay`);
  }
  for (const { name, url, paid, left, suspendedSince } of payouts) {
    if (suspendedSince === undefined)
      await say(
        `brought ${files(paid)} to ${name} (${url}), which was owed ${paid === 1 ? 'it' : 'them'}${rest(left)}`,
      );
    else if (!visits.some((visit) => visit.name === name)) await say(suspended(name, suspendedSince));
  }
  for (const { name, url, carried, left, suspendedSince } of visits) {
    if (suspendedSince !== undefined) await say(suspended(name, suspendedSince));
    else await say(`carried ${files(carried)} to ${name} (${url})${rest(left)}`);
  }
}

/** What is wrong with a destination may be met twice, and is said once. */
function eachOnce(faults: readonly unknown[]): unknown[] {
  const words = faults.map((fault) => describeError(fault).report.message);
  return faults.filter((_, index) => words.indexOf(words[index]!) === index);
}

async function pass(node: ThisNode, call: ProgramCall): Promise<number> {
  const { voice, stop } = call;
  const { stateDirectory, nodeId, dryRun } = node.identity;
  const role = readRole(node.settings);
  if (!dryRun) await sweepUnfinished(stateDirectory, nodeId, stop);
  const [paid, relayed] = await Promise.allSettled([
    payPass(node, role, payTellingOf(call), stop),
    relayPass(node, role, tellingOf(call, node), stop),
  ]);
  stop.throwIfAborted();
  if (paid.status === 'rejected') throw paid.reason;
  const { visits, faults } =
    relayed.status === 'fulfilled' ? relayed.value : { visits: [], faults: [relayed.reason as unknown] };
  if (call.options['verbose'] === true && !dryRun && relayed.status === 'fulfilled')
    await tellVerbosely(role, visits, paid.value.payouts, voice);
  const [first, ...others] = eachOnce([...paid.value.faults, ...faults]);
  for (const fault of others) await voice.report('ERROR', describeError(fault).report);
  if (first !== undefined) throw first as Error;
  return 0;
}

async function run(call: ProgramCall): Promise<number> {
  const dryRun = call.options['dry-run'] === true;
  noteLongCall();
  const node = await openThisNode(call, !dryRun);
  // A road to relay over and one to pay over to each destination, and one to the own archive.
  reserveThreads(2 * node.settings.destinations.length + 1);
  if (dryRun) return pass(node, call);
  const lock = lockForPass(node);
  if (isHolder(lock)) {
    const message = `another relay is at work: process ${lock.pid}`;
    if (call.options['verbose'] === true) await call.voice.report('LOG', { message });
    return 0;
  }
  try {
    return await pass(node, call);
  } finally {
    lock.release();
  }
}

export const command: Command = {
  name: 'rsyncDR',
  summary:
    'Carries what has arrived in this archive, and what a destination is owed, onwards to every destination, once; for cron.',
  positionals: [],
  options: passOptions,
  exitKinds: ['archive-duplicate', 'no-space', 'timed-out', 'fenced', 'source-unreachable', 'unreachable'],
  run,
};
