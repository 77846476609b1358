// The one door to ssh2: a login, and one command on the far side whose standard input and output are the connection. Host
// keys are always verified; there is no way around that.
import type { Duplex } from 'node:stream';
import {
  Client,
  OpenSSHAgent,
  utils,
  type AnyAuthMethod,
  type AuthHandlerMiddleware,
  type ConnectConfig,
} from 'ssh2';
import { bounded } from '../program/bounded.ts';
import { errnoOf, type ProgramError } from '../program/program-error.ts';
import type { SftpCarrier } from './sftp/session.ts';
import { carry, destroy, endOf, type Way } from './ssh/carry.ts';
import { asLost, onTheWay, refusedLogin, stoppedAt, tryLogin, unreachable } from './ssh/connect-faults.ts';
import { execute, forward } from './ssh/channels.ts';
import { farCommand, type Login } from './ssh/far-command.ts';
import { handshakeAlgorithms } from './ssh/handshake.ts';
import { LinkFault, type Carrier } from './ssh/carrier.ts';
import { usesOf } from './ssh/login-uses.ts';
import { keyWords, loginWords } from './ssh/login-words.ts';
import { openSocket } from './ssh/open-socket.ts';
import { wayTo, type Target } from './ssh/login-target.ts';

/** The agent, but of its keys only those that may be offered. */
class PartOfAgent extends OpenSSHAgent {
  private readonly target: Target;

  constructor(socket: string, target: Target) {
    super(socket);
    this.target = target;
  }

  override getIdentities(tell: Parameters<OpenSSHAgent['getIdentities']>[0]): void {
    const { mayOffer, refusesKey } = this.target;
    super.getIdentities((error, keys) => {
      const offered = keys?.filter((key) => {
        const bytes = (key as { getPublicSSH(): Buffer }).getPublicSSH();
        return mayOffer?.(bytes) !== false && refusesKey?.(bytes) === undefined;
      });
      tell(error, offered);
    });
  }
}

function publicKeyOf(privateKey: string): Buffer | undefined {
  const parsed = utils.parseKey(privateKey);
  return parsed instanceof Error ? undefined : parsed.getPublicSSH();
}

/** Without the keys that ssh_config does not want to be used. */
function withoutRefused(target: Target): Target {
  const { keys, refusesKey } = target;
  if (refusesKey === undefined) return target;
  const reasons = keys.map(({ privateKey }) => {
    const key = publicKeyOf(privateKey);
    return key && refusesKey(key);
  });
  const refused = keys.flatMap(({ path }, at) =>
    reasons[at] === undefined ? [] : [{ path, reason: reasons[at] }],
  );
  return {
    ...target,
    keys: keys.filter((_, at) => reasons[at] === undefined),
    passedOver: [...target.passedOver, ...refused],
  };
}

function loginMethods(target: Target): AnyAuthMethod[] {
  const { user, keys, agent } = target;
  const offered = keys.map(({ privateKey }): AnyAuthMethod => ({
    type: 'publickey',
    username: user,
    key: privateKey,
  }));
  if (agent === undefined) return offered;
  return [...offered, { type: 'agent', username: user, agent: new PartOfAgent(agent, target) }];
}

/** What each of the methods offers, in words, in the same order. */
function offeredWords({ keys, agent }: Target): string[] {
  const words = keys.map(({ path, privateKey, from }) => keyWords(path, publicKeyOf(privateKey), from));
  return agent === undefined ? words : [...words, `a key of the agent ${agent}`];
}

/** Logs in over the socket; the second is the place of the method that was accepted among loginMethods. */
function logIn(target: Target, sock: Duplex, signal: AbortSignal): Promise<[Client, number]> {
  const client = new Client();
  const methods = loginMethods(target);
  let tried = -1;
  const nextMethod = (() => methods[(tried += 1)] ?? false) as AuthHandlerMiddleware;
  let verdict: ProgramError | undefined;
  const config: ConnectConfig = {
    sock,
    username: target.user,
    // Ours is the limit that counts; the library's would name no reason.
    readyTimeout: 0,
    ...(target.silenceLimitMs !== undefined && {
      keepaliveInterval: target.silenceLimitMs / 3,
      keepaliveCountMax: 3,
    }),
    hostVerifier: (key: Buffer) => (verdict = target.verify(key)) === undefined,
    authHandler: nextMethod,
    algorithms: handshakeAlgorithms(target),
  };
  return new Promise((resolve, reject) => {
    const fail = (error: Error & { level?: string }): void => {
      client.destroy();
      sock.destroy();
      if (verdict !== undefined) reject(verdict);
      else if (error.level === 'client-authentication') reject(refusedLogin(target, offeredWords(target)));
      else reject(errnoOf(error) === undefined ? asLost(error) : unreachable(error, target));
    };
    signal.addEventListener('abort', () => fail(signal.reason as Error), { once: true });
    client.once('ready', () => resolve([client, tried]));
    client.on('error', fail);
    client.once('close', () => fail(new Error('the far side closed the connection')));
    client.connect(config);
  });
}

/** Past the limit a library's own words for the end of the attempt do not count. */
function orItsLimit(error: unknown, signal: AbortSignal, stop: AbortSignal, { at, last }: Logins): unknown {
  if (!signal.aborted || stop.aborted) return error;
  const { kind, message } = signal.reason as ProgramError;
  return new LinkFault(kind, message, { detail: stoppedAt(at), hint: tryLogin(last), cause: error });
}

/** `last`: where it leads to; `at`: whose turn it is, where there are jump hosts. */
type Logins = Way<Client> & { last: Target; at: Target | undefined };

/** Logs in at each host of the way; gives the place of the last accepted method among loginMethods. */
async function logInAlong(hosts: readonly Target[], way: Logins, signal: AbortSignal): Promise<number> {
  const last = hosts.at(-1)!;
  let accepted = 0;
  for (const [at, target] of hosts.entries()) {
    if (hosts.length > 1) way.at = target;
    try {
      // A signal that has spoken already tells no listener.
      signal.throwIfAborted();
      const under = way.clients.at(-1);
      const stream =
        under === undefined
          ? (way.socket = await openSocket(target, signal))
          : await forward(under, hosts[at - 1]!, target);
      signal.throwIfAborted();
      const [client, method] = await logIn(target, stream, signal);
      way.clients.push(client);
      accepted = method;
    } catch (error) {
      throw target === last ? error : onTheWay(error, target, last);
    }
  }
  return accepted;
}

/** A login that stays: what has cut it off, and with which key it was. */
interface Session {
  /** Where it leads to. */
  client: Client;
  way: Way<Client>;
  lost: () => Error | undefined;
  login: () => string;
}

/** Throws a LinkFault, the fault that `verify` found, or the reason of `stop`; whatever was opened is closed then. */
function openSession<T>(
  given: Target,
  stop: AbortSignal,
  use: (session: Session) => T | Promise<T>,
): Promise<T> {
  let lost: Error | undefined;
  const hosts = wayTo(given).map(withoutRefused);
  const target = hosts.at(-1)!;
  const way: Logins = { clients: [], socket: undefined, last: target, at: undefined };
  return bounded('connect', target.connectLimitMs, stop, async (signal) => {
    // Who waits for a jump host to answer is not heard of by the library.
    const onAbort = (): void => destroy(way);
    signal.addEventListener('abort', onAbort);
    try {
      const accepted = await logInAlong(hosts, way, signal);
      for (const client of way.clients) client.on('error', (error) => (lost ??= error));
      const login = (): string => loginWords(target, offeredWords(target)[accepted]!);
      return await use({ client: way.clients.at(-1)!, way, lost: () => lost, login });
    } catch (error) {
      destroy(way);
      throw orItsLimit(error, signal, stop, way);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  });
}

/** Logs in and runs `command`. Throws a LinkFault, the fault that `verify` found, or the reason of `stop`. */
export const connectSsh = (target: Target, command: string, stop: AbortSignal): Promise<Carrier> =>
  openSession(target, stop, ({ client, way, lost, login }) =>
    execute(client, command, (channel) =>
      carry(way, channel, { command, lost, login, lineOptions: target.lineOptions }),
    ),
  );

/** Logs in, to run commands; where the far side does not answer for a while the login is lost. Throws as connectSsh. */
export const logInSsh = (target: Target, stop: AbortSignal): Promise<Login> =>
  openSession(target, stop, ({ client, way, lost, login }) => ({
    words: login,
    run: (command) => execute(client, command, (channel) => farCommand(client, channel, lost)),
    close: () => destroy(way),
  }));

/** Logs in and begins a session of SFTP. Throws as connectSsh. */
export const connectSftp = (target: Target, stop: AbortSignal): Promise<SftpCarrier> =>
  openSession(target, stop, ({ client, way, lost }) =>
    usesOf(client, way.socket!, lost, endOf(way)).openSftp(),
  );
