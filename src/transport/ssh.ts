// The one door to ssh2: a login, and one command on the far side whose standard input and output are the connection. Host
// keys are always verified; there is no way around that.
import { connect as connectSocket, type Socket } from 'node:net';
import { Client, type Algorithms, type AnyAuthMethod, type ClientChannel, type ConnectConfig } from 'ssh2';
import { bounded } from '../program/bounded.ts';
import { errnoOf, ProgramError } from '../program/program-error.ts';
import { LinkFault, type Carrier } from './ssh/link.ts';
import { connectionOver } from './wire/connection.ts';

/** Where to log in, and how. */
export interface Target {
  host: string;
  port: number;
  user: string;
  /** Private keys in the order in which they are offered, and then the agent's. */
  keys: readonly (string | Buffer)[];
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

/** As much of stderr as a message can show. */
const mostSaid = 2000;

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

function unreachable(error: Error, target: Target): LinkFault {
  const code = errnoOf(error) ?? '';
  const hint = cures[code]?.(target);
  return new LinkFault('unreachable', words[code] ?? error.message, { hint, cause: error });
}

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
  const offered = keys.map((key): AnyAuthMethod => ({ type: 'publickey', username: user, key }));
  return agent === undefined ? offered : [...offered, { type: 'agent', username: user, agent }];
}

/** Logs in over the socket. */
function logIn(target: Target, sock: Socket, signal: AbortSignal): Promise<Client> {
  const client = new Client();
  let verdict: ProgramError | undefined;
  const config: ConnectConfig = {
    sock,
    username: target.user,
    // Ours is the limit that counts; the library's would name no reason.
    readyTimeout: 0,
    hostVerifier: (key: Buffer) => (verdict = target.verify(key)) === undefined,
    authHandler: loginMethods(target),
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
      else if (error.level === 'client-authentication') reject(refusedLogin(target));
      else reject(errnoOf(error) === undefined ? asLost(error) : unreachable(error, target));
    };
    signal.addEventListener('abort', () => fail(signal.reason as Error), { once: true });
    client.once('ready', () => resolve(client));
    client.on('error', fail);
    client.once('close', () => fail(new Error('the far side closed the connection')));
    client.connect(config);
  });
}

const asLost = (error: Error): Error =>
  error instanceof ProgramError ? error : new LinkFault('connection-lost', error.message, { cause: error });

function refusedLogin({ user, host, port, keys, agent, passedOver }: Target): LinkFault {
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

/** What a command on the far side has left behind when its channel ended. */
interface Ending {
  said: string;
  code: number | null | undefined;
}

function explain({ said, code }: Ending, noise: string): LinkFault {
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

function carry(client: Client, channel: ClientChannel, lost: () => Error | undefined): Carrier {
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
    connection: connectionOver(channel, channel),
    explainEnd: async (noise) => {
      await Promise.race([closed, patience()]);
      const fault = lost();
      if (fault !== undefined && code === undefined) return asLost(fault);
      return explain({ said, code }, noise);
    },
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

/** Logs in and runs `command`. Throws a LinkFault, the fault that `verify` found, or the reason of `stop`. */
export async function connectSsh(target: Target, command: string, stop: AbortSignal): Promise<Carrier> {
  let lost: Error | undefined;
  return bounded('connect', target.connectLimitMs, stop, async (signal) => {
    try {
      const client = await logIn(target, await openSocket(target, signal), signal);
      client.on('error', (error) => (lost ??= error));
      return await execute(client, command, (channel) => carry(client, channel, () => lost));
    } catch (error) {
      throw orItsLimit(error, signal, stop);
    }
  });
}
