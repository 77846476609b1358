// What goes wrong with a connection over ssh, in words: before the login, at it, and when the far side's command has ended.
import { errnoOf, ProgramError } from '../../program/program-error.ts';
import { shellWord } from '../../program/shell-word.ts';
import type { Target } from './login-target.ts';
import { nameInKnownHosts } from './host-pattern.ts';
import { effectiveAccount } from './known-hosts-files.ts';
import { LinkFault } from './carrier.ts';

/** As much of stderr as a message can show. */
export const mostSaid = 2000;

const words: Record<string, string> = {
  ECONNREFUSED: 'Connection refused',
  ECONNRESET: 'Connection reset by peer',
  EPIPE: 'Broken pipe',
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

/** What ssh_config says of the host, for a DETAIL. */
const sentences = ({ notes }: Target): string | undefined => notes?.join(' ') || undefined;

export function unreachable(error: Error, target: Target): LinkFault {
  const code = errnoOf(error) ?? '';
  const hint = cures[code]?.(target);
  return new LinkFault('unreachable', words[code] ?? error.message, {
    detail: sentences(target),
    hint,
    cause: error,
  });
}

const hostAndPort = ({ host, port }: Target): string => nameInKnownHosts({ host, port });

/** What kept a jump host from connecting to the next one, by the reason that the protocol gives (RFC 4254 5.1). */
export function unreachedFrom(hop: Target, next: Target, error: Error & { reason?: unknown }): LinkFault {
  const said = error.message.replace(/^\(SSH\) Channel open failure: /, '');
  const isProhibited = error.reason === 1 || error.reason === 'ADMINISTRATIVELY_PROHIBITED';
  return new LinkFault(
    'unreachable',
    `could not reach ${hostAndPort(next)} through ${hostAndPort(hop)}: ${isProhibited ? 'the jump host does not allow it' : said}`,
    {
      detail: sentences(next),
      hint: isProhibited
        ? `Allow it on ${hop.host}: AllowTcpForwarding and PermitOpen in sshd_config, and no "restrict" or "no-port-forwarding" in authorized_keys of ${hop.user}.`
        : `Try, as ${effectiveAccount().name}: ${sshTo(hop)} nc -vz ${next.host} ${next.port}`,
      cause: error,
    },
  );
}

/** What went wrong at a jump host says on the way where it was; a host key's refusal says so itself. */
export function onTheWay(error: unknown, hop: Target, target: Target): unknown {
  if (!(error instanceof ProgramError) || !('isOfLink' in error)) return error;
  const { kind, message, detail, hint } = error;
  const what = `could not reach ${hostAndPort(target)} through ${hostAndPort(hop)}: ${message}`;
  return new LinkFault(kind, what, { detail, hint, cause: error });
}

/** How far a connection over jump hosts had got. */
export const stoppedAt = (target: Target | undefined): string | undefined =>
  target && [`It was waiting for ${hostAndPort(target)}.`, ...(target.notes ?? [])].join(' ');

/** What shows where a login stays. */
export const tryLogin = (target: Target): string =>
  `Try, as ${effectiveAccount().name}: ${sshTo(target)} true`;

/** The command that logs in there with ssh. */
function sshTo({ user, host, port, via }: Target): string {
  const jump = via === undefined ? '' : `-J ${viaWords(via)} `;
  return `ssh ${jump}-p ${port} ${user}@${host}`;
}

/** The way over jump hosts as `ssh -J` takes it. */
const viaWords = ({ user, host, port, via }: Target): string =>
  `${via === undefined ? '' : `${viaWords(via)},`}${user}@${host.includes(':') ? `[${host}]` : host}:${port}`;

export const asLost = (error: Error): Error =>
  error instanceof ProgramError
    ? error
    : new LinkFault('connection-lost', words[errnoOf(error) ?? ''] ?? error.message, {
        hint: error.message === beforeHandshake ? noSshd : undefined,
        cause: error,
      });

/** What ssh2 says of a host that took the connection, and closed it without a word. */
const beforeHandshake = 'Connection lost before handshake';
const noSshd =
  'Check that it is sshd that listens there, by host and port, and that no firewall between closes the connection.';

/** `offered`: the keys, in words (login-words.ts). */
export function refusedLogin(target: Target, offered: readonly string[]): LinkFault {
  const { user, host, port, keys, passedOver, via, notes = [] } = target;
  const identities = keys.map(({ path }) => `-i ${shellWord(path)} `).join('');
  const only = keys.length === 0 ? '' : `${identities}-o IdentitiesOnly=yes `;
  return new LinkFault('login-refused', `the far side refused the login of ${user}`, {
    detail: [
      `It was offered ${offered.join(', and ')}.`,
      ...passedOver.map(({ path, reason }) => `Not offered was ${path}: ${reason}.`),
      ...notes,
    ].join(' '),
    hint: `Try, as ${effectiveAccount().name}: ssh ${only}${via === undefined ? '' : `-J ${viaWords(via)} `}-p ${port} ${user}@${host}. ${letIn(target)}`,
  });
}

/** What authorized_keys over there has to have. */
const letIn = ({ user, host, isJump, lineOptions }: Target): string =>
  isJump === true
    ? `A jump host needs no twowarm: a line in authorized_keys of ${user} on ${host} that begins with restrict,port-forwarding is enough.`
    : lineOptions === undefined
      ? `A login that runs commands needs a line for its key in authorized_keys of ${user} over there, without command=.`
      : `The line for authorized_keys of ${user} over there is made there: ${lineMaker(lineOptions)}`;

/** The command that makes a key's line. */
const lineMaker = (lineOptions: Target['lineOptions'] = '--directory DIR'): string =>
  `twowarm receive ${lineOptions} --authorized-keys-line KEY.pub`;

/** What a command on the far side has left behind when its channel ended. */
export interface Ending {
  said: string;
  code: number | null | undefined;
}

/** What was asked for, and the sentence of who asked. */
export interface Asked {
  command: string;
  login: () => string;
  lineOptions: Target['lineOptions'];
}

/** A path of a receiver that the shell over there could not start, and that was not asked for: authorized_keys fixes it. */
function forcedReceiver(text: string, command: string): string | undefined {
  const ran = /\/[^\s:'"`]*\/twowarm(?![^\s:'"`])/.exec(text)?.[0];
  if (ran === undefined || command.includes(ran)) return undefined;
  const home = /^~[^/]*(\/\S+)/.exec(command)?.[1];
  return home !== undefined && ran.endsWith(home) ? undefined : ran;
}

/** Whether the shell over there speaks of another program than was asked for: no proof, for what starts with a login speaks there, too. */
function lacksAnother(text: string, command: string): boolean {
  const path = /(\/[^\s:'"`]+)['"`]?: (?:not found|No such file or directory)/.exec(text)?.[1];
  return path !== undefined && !command.includes(path);
}

/** `noise`: what came instead of a receiver's beginning; undefined where one has begun, which therefore is there. */
export function explain({ said, code }: Ending, noise: string | undefined, asked: Asked): LinkFault {
  const text = (said || noise || '').trim().slice(0, mostSaid);
  const detail = text === '' ? undefined : `The far side says: ${text}`;
  if (code === 127 && noise !== undefined) return noReceiver(text, detail, asked);
  if (code === undefined || code === null)
    return new LinkFault('connection-lost', 'the connection was cut', { detail });
  return new LinkFault('connection-lost', `the receiver ended with exit code ${code}`, { detail });
}

const noReceiverWords = 'the far side has no receiver';

/** Whether the shell over there did not find the receiver that was asked for. */
export const isReceiverMissing = ({ message }: LinkFault): boolean => message === noReceiverWords;

function noReceiver(
  text: string,
  detail: string | undefined,
  { command, login, lineOptions }: Asked,
): LinkFault {
  const forced = forcedReceiver(text, command);
  if (forced === undefined)
    return new LinkFault('protocol', noReceiverWords, {
      detail,
      hint: `Install twowarm there, and set ssh.receiver to the path of its bin/twowarm.${lacksAnother(text, command) ? ' Where the line of this key in authorized_keys over there has a command=, the path in that counts.' : ''}`,
    });
  return new LinkFault('protocol', `the far side has no receiver at ${forced}`, {
    detail: `${detail}. ${login()}`,
    hint: `Not ssh.receiver says that path, but authorized_keys over there, in the line of this key. Make another one, there, and put it in the place of that line: ${lineMaker(lineOptions)}`,
  });
}
