// The one door to ssh2: a login, and one command on the far side whose standard input and output are the connection. Host
// keys are always verified; there is no way around that.
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
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
import { algorithms } from './ssh/algorithms.ts';
import { asLost, explain, mostSaid, refusedLogin, unreachable, type Ending } from './ssh/connect-faults.ts';
import { LinkFault, type Carrier } from './ssh/link.ts';
import { keyWords, loginWords } from './ssh/login-words.ts';
import { gathered, openSocket } from './ssh/open-socket.ts';
import { connectionOver } from './wire/connection.ts';

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
  /** Ask now and then whether the far side is there; silent for longer than this the connection is lost. */
  silenceLimitMs?: number;
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
    ...(target.silenceLimitMs !== undefined && {
      keepaliveInterval: target.silenceLimitMs / 3,
      keepaliveCountMax: 3,
    }),
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

/** What a carrier tells of its own connection. */
interface Told {
  command: string;
  lost: () => Error | undefined;
  login: () => string;
}

function carry(
  client: Client,
  socket: Socket,
  channel: ClientChannel,
  { command, lost, login }: Told,
): Carrier {
  let said = '';
  let code: number | null | undefined;
  channel.stderr.on(
    'data',
    (bytes: Buffer) => (said = `${said}${bytes.toString('utf8')}`.slice(0, mostSaid)),
  );
  channel.on('exit', (status: number | null) => (code = status));
  const closed = new Promise<void>((resolve) => {
    for (const end of ['close', 'error'] as const) channel.on(end, () => resolve());
    client.on('close', () => resolve());
  });
  const patience = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1000).unref());
  return {
    connection: gathered(connectionOver(channel, channel), socket),
    explainEnd: async (noise) => {
      await Promise.race([closed, patience()]);
      const fault = lost();
      if (fault !== undefined && code === undefined) return asLost(fault);
      return explain({ said, code }, noise, { command, login });
    },
    login,
    close: (isLost = false) => {
      channel.destroy();
      // Whoever waits for room on a connection that nobody reads is only told when the socket is gone.
      if (isLost) client.destroy();
      else client.end();
    },
  };
}

/** Past the limit a library's own words for the end of the attempt do not count. */
function orItsLimit(error: unknown, signal: AbortSignal, stop: AbortSignal): unknown {
  if (!signal.aborted || stop.aborted) return error;
  const { kind, message } = signal.reason as ProgramError;
  return new LinkFault(kind, message, { cause: error });
}

/** A login that stays: what has cut it off, and with which key it was. */
interface Session {
  client: Client;
  socket: Socket;
  lost: () => Error | undefined;
  login: () => string;
}

/** Throws a LinkFault, the fault that `verify` found, or the reason of `stop`. */
function openSession<T>(
  target: Target,
  stop: AbortSignal,
  use: (session: Session) => T | Promise<T>,
): Promise<T> {
  let lost: Error | undefined;
  return bounded('connect', target.connectLimitMs, stop, async (signal) => {
    try {
      const socket = await openSocket(target, signal);
      const [client, accepted] = await logIn(target, socket, signal);
      client.on('error', (error) => (lost ??= error));
      const login = (): string => loginWords(target, offeredWords(target)[accepted]!);
      return await use({ client, socket, lost: () => lost, login });
    } catch (error) {
      throw orItsLimit(error, signal, stop);
    }
  });
}

/** Logs in and runs `command`. Throws a LinkFault, the fault that `verify` found, or the reason of `stop`. */
export const connectSsh = (target: Target, command: string, stop: AbortSignal): Promise<Carrier> =>
  openSession(target, stop, ({ client, socket, lost, login }) =>
    execute(client, command, (channel) => carry(client, socket, channel, { command, lost, login })),
  );

/** A command at work on the far side. */
export interface FarCommand {
  /** Its standard input to write to, its standard output to read. */
  stream: Duplex;
  /** Once it has ended and its output is read; where the connection was lost there is no code, and `lost` says why. */
  ended: Promise<Ending & { lost: Error | undefined }>;
}

/** A login that runs one command after another. */
export interface Login {
  /** Who has logged in where, and with which key, as a sentence. */
  words: () => string;
  run: (command: string) => Promise<FarCommand>;
  close: () => void;
}

/** Logs in, to run commands; where the far side does not answer for a while the login is lost. Throws as connectSsh. */
export const logInSsh = (target: Target, stop: AbortSignal): Promise<Login> =>
  openSession(target, stop, ({ client, lost, login }) => ({
    words: login,
    run: (command) => execute(client, command, (channel) => farCommand(client, channel, lost)),
    close: () => client.destroy(),
  }));

function farCommand(client: Client, channel: ClientChannel, lost: () => Error | undefined): FarCommand {
  const ending: Ending = { said: '', code: undefined };
  channel.stderr.on(
    'data',
    (bytes: Buffer) => (ending.said = `${ending.said}${bytes.toString('utf8')}`.slice(0, mostSaid)),
  );
  channel.on('exit', (status: number | null) => (ending.code = status));
  const ended = new Promise<void>((resolve) => {
    channel.on('close', () => resolve());
    client.on('close', () => resolve());
  });
  return { stream: channel, ended: ended.then(() => ({ ...ending, lost: lost() })) };
}
