// A fault that keeps a file from being known, under standby.signal: the server asks every few seconds, each time for a
// segment and a history file, and would fill its log with one and the same word. Said once until it changes, and again
// within the hour. Loaded only when there is such a fault, or was one.
import type { ThisNode } from '../postgres/this-node.ts';
import type { Voice } from '../program/command.ts';
import { describeError } from '../program/print-error.ts';
import { ProgramError } from '../program/program-error.ts';
import { forgetSaid, sayOnce } from '../program/say-once.ts';
import { mayPass } from './ask-sources.ts';
import { unknownTopic } from './unknown-topic.ts';

const againAfterMs = 3_600_000;

/** Of the same fault the words differ with the file that was asked for, and with where it was met. */
function sameness(error: ProgramError, { settings }: ThisNode): string {
  if (!mayPass(error)) return error.message;
  const named = settings.restore.sources.filter((url) => error.message.includes(url.replace(/^file:/, '')));
  return [error.kind, ...named].join(' ');
}

/** Says what is wrong with a source, unless it was said; anything else is not ours and is thrown. */
export async function sayUnknown(
  error: unknown,
  exitCode: number,
  node: ThisNode,
  voice: Voice,
): Promise<void> {
  if (!(error instanceof ProgramError)) throw error;
  const { report } = describeError(error);
  const text = `${sameness(error, node)} ${Math.floor(Date.now() / againAfterMs)}`;
  await sayOnce(node.identity.stateDirectory, unknownTopic, text, () =>
    voice.report('ERROR', report, { exitCode }),
  );
}

/** Every source has answered. */
export const forgetUnknown = ({ identity }: ThisNode): void =>
  forgetSaid(identity.stateDirectory, unknownTopic);
