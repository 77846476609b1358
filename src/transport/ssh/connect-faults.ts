// What goes wrong with a connection over ssh, in words: before the login, at it, and when the far side's command has ended.
import { errnoOf, ProgramError } from '../../program/program-error.ts';
import type { Target } from '../ssh.ts';
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

export function refusedLogin({ user, host, port, keys, agent, passedOver }: Target): LinkFault {
  const offered = [
    ...(keys.length > 0 ? [`${keys.length} ${keys.length === 1 ? 'key' : 'keys'} from files`] : []),
    ...(agent === undefined ? [] : ['those of the agent']),
  ];
  return new LinkFault('login-refused', `the far side refused the login of ${user}`, {
    detail: [
      `It was offered ${offered.join(' and ')}.`,
      ...passedOver.map(({ path, reason }) => `Not offered was ${path}: ${reason}.`),
    ].join(' '),
    hint: `Try "ssh -p ${port} ${user}@${host}" as the user that PostgreSQL runs as; its public key belongs into authorized_keys there.`,
  });
}

/** What a command on the far side has left behind when its channel ended. */
export interface Ending {
  said: string;
  code: number | null | undefined;
}

export function explain({ said, code }: Ending, noise: string): LinkFault {
  const text = (said || noise).trim();
  const detail = text === '' ? undefined : `The far side says: ${text.slice(0, mostSaid)}`;
  if (code === 127) {
    return new LinkFault('protocol', 'the far side has no receiver', {
      detail,
      hint: 'Install twowarm there, and set ssh.receiver to the path of its bin/twowarm.',
    });
  }
  if (code === undefined || code === null)
    return new LinkFault('connection-lost', 'the connection was cut', { detail });
  return new LinkFault('connection-lost', `the receiver ended with exit code ${code}`, { detail });
}
