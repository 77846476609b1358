// What goes wrong with a connection over ssh, in words: before the login, at it, and when the far side's command has ended.
import { errnoOf, ProgramError } from '../../program/program-error.ts';
import { shellWord } from '../../program/shell-word.ts';
import type { Target } from '../ssh.ts';
import { effectiveAccount } from './known-hosts-files.ts';
import { LinkFault } from './link.ts';

/** As much of stderr as a message can show. */
export const mostSaid = 2000;

const words: Record<string, string> = {
  ECONNREFUSED: 'Connection refused',
  ECONNRESET: 'Connection reset by peer',
  EHOSTUNREACH: 'No route to host',
  ENETUNREACH: 'Network is unreachable',
  ETIMEDOUT: 'Connection timed out',
  ENOTFOUND: 'Name or service not known',
  EAI_AGAIN: 'Temporary failure in name resolution',
};

const unknownName = (host: string): string =>
  `Check the host in the URL, and whether this machine finds it: getent hosts ${host}`;

/** What to look for first. */
const cures: Record<string, (target: Target) => string> = {
  ECONNREFUSED: ({ host, port }) => `Check that sshd runs on ${host} and listens on port ${port}.`,
  ENOTFOUND: ({ host }) => unknownName(host),
  EAI_AGAIN: ({ host }) => unknownName(host),
};

export function unreachable(error: Error, target: Target): LinkFault {
  const code = errnoOf(error) ?? '';
  const hint = cures[code]?.(target);
  return new LinkFault('unreachable', words[code] ?? error.message, { hint, cause: error });
}

export const asLost = (error: Error): Error =>
  error instanceof ProgramError ? error : new LinkFault('connection-lost', error.message, { cause: error });

/** `offered`: the keys, in words (login-words.ts). */
export function refusedLogin(target: Target, offered: readonly string[]): LinkFault {
  const { user, host, port, keys, passedOver } = target;
  const identities = keys.map(({ path }) => `-i ${shellWord(path)} `).join('');
  const only = keys.length === 0 ? '' : `${identities}-o IdentitiesOnly=yes `;
  return new LinkFault('login-refused', `the far side refused the login of ${user}`, {
    detail: [
      `It was offered ${offered.join(', and ')}.`,
      ...passedOver.map(({ path, reason }) => `Not offered was ${path}: ${reason}.`),
    ].join(' '),
    hint: `Try, as ${effectiveAccount().name}: ssh ${only}-p ${port} ${user}@${host}. The line for authorized_keys of ${user} over there is made there: twowarm receive --authorized-keys-line`,
  });
}

/** What a command on the far side has left behind when its channel ended. */
export interface Ending {
  said: string;
  code: number | null | undefined;
}

/** What was asked for, and the sentence of who asked. */
interface Asked {
  command: string;
  login: () => string;
}

/** A path of a receiver that the shell over there could not start, and that was not asked for: authorized_keys fixes it. */
function forcedReceiver(text: string, command: string): string | undefined {
  const ran = /\/[^\s:'"`]*\/twowarm(?![^\s:'"`])/.exec(text)?.[0];
  if (ran === undefined || command.includes(ran)) return undefined;
  const home = /^~[^/]*(\/\S+)/.exec(command)?.[1];
  return home !== undefined && ran.endsWith(home) ? undefined : ran;
}

export function explain({ said, code }: Ending, noise: string, { command, login }: Asked): LinkFault {
  const text = (said || noise).trim().slice(0, mostSaid);
  const detail = text === '' ? undefined : `The far side says: ${text}`;
  if (code === 127) return noReceiver(text, detail, { command, login });
  if (code === undefined || code === null)
    return new LinkFault('connection-lost', 'the connection was cut', { detail });
  return new LinkFault('connection-lost', `the receiver ended with exit code ${code}`, { detail });
}

const noReceiverWords = 'the far side has no receiver';

/** Whether the shell over there did not find the receiver that was asked for. */
export const isReceiverMissing = ({ message }: LinkFault): boolean => message === noReceiverWords;

function noReceiver(text: string, detail: string | undefined, { command, login }: Asked): LinkFault {
  const forced = forcedReceiver(text, command);
  if (forced === undefined)
    return new LinkFault('protocol', noReceiverWords, {
      detail,
      hint: 'Install twowarm there, and set ssh.receiver to the path of its bin/twowarm.',
    });
  return new LinkFault('protocol', `the far side has no receiver at ${forced}`, {
    detail: `${detail}. ${login()}`,
    hint: 'Not ssh.receiver says that path, but authorized_keys over there, in the line of this key. Make the line anew, there: twowarm receive --authorized-keys-line',
  });
}
