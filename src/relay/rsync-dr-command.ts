// rsyncDR as a command: one pass, for cron, which mails every word.
import { openThisNode, type ThisNode } from '../postgres/this-node.ts';
import type { Command, ProgramCall, Voice } from '../program/command.ts';
import { noteLongCall } from '../program/leave.ts';
import { describeError } from '../program/print-error.ts';
import { isHolder } from '../program/process-lock.ts';
import { reserveThreads } from '../program/threads.ts';
import { lockForPass } from './lock.ts';
import { passOptions } from './options.ts';
import { relayPass, type PassResult, type PassTelling } from './relay-pass.ts';

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

async function tellVerbosely({ role, visits }: PassResult, voice: Voice): Promise<void> {
  if (!role.relays && visits.length === 0) {
    const what = role.isRunning ? 'this server is a primary' : 'this server is a primary that is stopped';
    await voice.report('LOG', { message: `${what}: there is nothing to relay` });
  }
  for (const { name, url, carried, left, suspendedSince } of visits) {
    if (suspendedSince !== undefined) {
      const message = `${name} is suspended since ${suspendedSince}: nothing is carried there`;
      await voice.report('LOG', { message });
      continue;
    }
    const rest = left === 0 ? '' : `; ${files(left)} left`;
    await voice.report('LOG', { message: `carried ${files(carried)} to ${name} (${url})${rest}` });
  }
}

async function pass(node: ThisNode, call: ProgramCall): Promise<number> {
  const { voice } = call;
  const result = await relayPass(node, tellingOf(call, node), call.stop);
  if (call.options['verbose'] === true && !node.identity.dryRun) await tellVerbosely(result, voice);
  const [first, ...others] = result.faults;
  for (const fault of others) await voice.report('ERROR', describeError(fault).report);
  if (first !== undefined) throw first as Error;
  return 0;
}

async function run(call: ProgramCall): Promise<number> {
  const dryRun = call.options['dry-run'] === true;
  noteLongCall();
  const node = await openThisNode(call, !dryRun);
  // One road more than those of the destinations: the own archive.
  reserveThreads(node.settings.destinations.length + 1);
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
    'Carries what has arrived in this archive onwards to every destination, once; for cron, on a standby.',
  positionals: [],
  options: passOptions,
  run,
};
