// The one door to ssh2: a login, and one command on the far side whose standard input and output are the connection. Host
// keys are always verified; there is no way around that.
import { connect as connectSocket, type Socket } from 'node:net';
import {
  Client,
  utils,
  type Algorithms,
  type AnyAuthMethod,
  type AuthHandlerMiddleware,
  type ClientChannel,
  type ConnectConfig,
} from 'ssh2';
import { bounded } from '../program/bounded.ts';
import { errnoOf, type ProgramError } from '../program/program-error.ts';
import type { SftpCarrier } from './sftp/session.ts';
import { carry, type Told } from './ssh/carry.ts';
import { asLost, refusedLogin, unreachable } from './ssh/connect-faults.ts';
import { LinkFault, type Carrier } from './ssh/link.ts';
import { endOf, usesOf } from './ssh/login-uses.ts';
import { keyWords, loginWords } from './ssh/login-words.ts';

/** Where to log in, and how. */
export interface Target {
  host: string;
  port: number;
  user: string;
  /** Private keys in the order in which they are offered, and then the agent's. */
  keys: readonly { path: string; privateKey: string }[];
  agent: string | undefined;
  /** Keys that were found and are not offered, and why. */
  passedOver: readonly { path: string; reason: string }[];
  /** The algorithms of the host keys that are known, to be named first. */
  hostKeyAlgorithms: readonly string[];
  /** What is wrong with the key of the far side; undefined: it is the known one. */
  verify: (key: Buffer) => ProgramError | undefined;
  connectLimitMs: number;
}

/** The fastest key exchange and cipher first: a handshake with a group of primes takes 60 ms more. */
const algorithms = {
  kex: {
    prepend: ['curve25519-sha256', 'curve25519-sha256@libssh.org'],
    append: [],
    remove: [
      'diffie-hellman-group1-sha1',
      'diffie-hellman-group14-sha1',
      'diffie-hellman-group-exchange-sha1',
    ],
  },
  cipher: {
    prepend: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'],
    append: [],
    remove: ['3des-cbc', 'aes128-cbc', 'aes192-cbc', 'aes256-cbc'],
  },
  // What travels is compressed already.
  compress: ['none'],
};

/** A socket that is connected, without Nagle's delays: they cost 100 ms a file. */
function openSocket(target: Target, signal: AbortSignal): Promise<Socket> {
  const { host, port } = target;
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ host, port, noDelay: true });
    const settle = (error?: Error): void => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', settle);
      if (error === undefined) resolve(socket);
      else {
        socket.destroy();
        reject(errnoOf(error) === undefined ? error : unreachable(error, target));
      }
    };
    const onAbort = (): void => settle(signal.reason as Error);
    signal.addEventListener('abort', onAbort);
    socket.on('error', settle);
    socket.once('connect', () => settle());
  });
}

function loginMethods({ user, keys, agent }: Target): AnyAuthMethod[] {
  const offered = keys.map(({ privateKey }): AnyAuthMethod => ({
    type: 'publickey',
    username: user,
    key: privateKey,
  }));
  return agent === undefined ? offered : [...offered, { type: 'agent', username: user, agent }];
}

/** What each of the methods offers, in words, in the same order. */
function offeredWords({ keys, agent }: Target): string[] {
  const words = keys.map(({ path, privateKey }) => {
    const parsed = utils.parseKey(privateKey);
    return keyWords(path, parsed instanceof Error ? undefined : parsed.getPublicSSH());
  });
  return agent === undefined ? words : [...words, `a key of the agent ${agent}`];
}

/** Logs in over the socket; the second is the place of the method that was accepted among loginMethods. */
function logIn(target: Target, sock: Socket, signal: AbortSignal): Promise<[Client, number]> {
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
    hostVerifier: (key: Buffer) => (verdict = target.verify(key)) === undefined,
    authHandler: nextMethod,
    algorithms: {
      ...algorithms,
      ...(target.hostKeyAlgorithms.length > 0 && {
        serverHostKey: { prepend: [...target.hostKeyAlgorithms], append: [], remove: [] },
      }),
    } as Algorithms,
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

/** What ends at once has ended before a promise is heard of: `begin` is called while its channel is being opened. */
const execute = <T>(client: Client, command: string, begin: (channel: ClientChannel) => T): Promise<T> =>
  new Promise((resolve, reject) => {
    try {
      client.exec(command, (error, channel) => {
        if (error === undefined) resolve(begin(channel));
        else reject(new LinkFault('connection-lost', `the far side runs no command: ${error.message}`));
      });
    } catch (error) {
      // Thrown, not told: the connection was cut between the login and this.
      reject(new LinkFault('connection-lost', 'the connection was cut', { cause: error }));
    }
  });

/** Past the limit a library's own words for the end of the attempt do not count. */
function orItsLimit(error: unknown, signal: AbortSignal, stop: AbortSignal): unknown {
  if (!signal.aborted || stop.aborted) return error;
  const { kind, message } = signal.reason as ProgramError;
  return new LinkFault(kind, message, { cause: error });
}

/** Logs in, and begins what is wanted. Throws a LinkFault, the fault that `verify` found, or the reason of `stop`. */
async function connected<T>(
  target: Target,
  stop: AbortSignal,
  begin: (client: Client, socket: Socket, told: Omit<Told, 'command'>) => Promise<T>,
): Promise<T> {
  let lost: Error | undefined;
  return bounded('connect', target.connectLimitMs, stop, async (signal) => {
    try {
      const socket = await openSocket(target, signal);
      const [client, accepted] = await logIn(target, socket, signal);
      client.on('error', (error) => (lost ??= error));
      const login = (): string => loginWords(target, offeredWords(target)[accepted]!);
      return await begin(client, socket, { lost: () => lost, login });
    } catch (error) {
      throw orItsLimit(error, signal, stop);
    }
  });
}

/** Logs in and runs `command`. */
export const connectSsh = (target: Target, command: string, stop: AbortSignal): Promise<Carrier> =>
  connected(target, stop, (client, socket, told) =>
    execute(client, command, (channel) => carry(client, socket, channel, { ...told, command })),
  );

/** Logs in and begins a session of SFTP. */
export const connectSftp = (target: Target, stop: AbortSignal): Promise<SftpCarrier> =>
  connected(target, stop, (client, socket, { lost }) => {
    const login = usesOf(client, socket, lost, endOf(client));
    return login.openSftp().catch((error: unknown) => {
      login.end();
      throw error;
    });
  });
