// triggerStandby as a command.
import { openThisNode } from '../postgres/this-node.ts';
import type { Command, ProgramCall } from '../program/command.ts';
import { ProgramError } from '../program/program-error.ts';
import { durationWords, parseDuration } from '../program/settings/quantities.ts';
import { defaultTimeout, triggerArguments, triggerOptions, type Wish } from './options.ts';
import { Telling } from './telling.ts';
import { triggerStandby } from './trigger-standby.ts';

function timeoutOf({ options }: ProgramCall): number {
  const text = (options['timeout'] as string | undefined) ?? defaultTimeout;
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new ProgramError('usage', `--timeout must be ${durationWords}, not "${text}"`);
}

async function run(call: ProgramCall): Promise<number> {
  const timeoutMs = timeoutOf(call);
  const dryRun = call.options['dry-run'] === true;
  const node = await openThisNode(call, !dryRun);
  const telling = new Telling(call.voice, call.options['json'] === true);
  const wish = (call.positionals[0] ?? 'smart') as Wish;
  const withoutReservation = call.options['without-reservation'] === true;
  const request = { wish, timeoutMs, dryRun, withoutReservation, stop: call.stop };
  telling.answer(await triggerStandby(request, node, telling));
  return 0;
}

export const command: Command = {
  name: 'triggerStandby',
  summary: 'Promotes this standby to primary and waits until it accepts writes.',
  positionals: triggerArguments,
  options: triggerOptions,
  run,
};
