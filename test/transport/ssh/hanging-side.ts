// Far sides that hang at one step of a connection for good: a port that nobody accepts at, one that says nothing, one that
// stops in the middle of SSH's own exchange, and a receiver that goes silent at one of our verbs.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { existsSync } from 'node:fs';
import { Server, type Connection, type Session } from 'ssh2';
import { atExit } from '../../harness/cleanup.ts';
import type { Sandbox } from '../../harness/sandbox.ts';
import { carriedNode } from '../../harness/source-script.ts';
import { makeSshKey } from '../../harness/ssh-keys.ts';
import { waitFor } from '../../harness/wait-for.ts';

export interface HangingSide extends AsyncDisposable {
  readonly port: number;
  /** For known_hosts. */
  readonly hostKey: string;
  /** Settles when a client has got to the step. */
  untilReached: () => Promise<unknown>;
}

export const steps = ['connect', 'banner', 'key exchange', 'login', 'session', 'command'] as const;
export type Step = (typeof steps)[number];

export const hangingSide = async (sandbox: Sandbox, step: Step): Promise<HangingSide> => {
  if (step === 'connect') return hangingPort();
  if (step === 'banner' || step === 'key exchange')
    return silentServer(step === 'banner' ? '' : 'SSH-2.0-OpenSSH_9.2p1\r\n');
  return hangingSsh(sandbox, step);
};

/** A port whose queue of connections is full: the kernel drops what else would connect. */
async function hangingPort(): Promise<HangingSide> {
  const script = `const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port));`;
  const child = spawn(carriedNode(), ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const end = (): void => void child.kill('SIGKILL');
  const forget = atExit(end);
  const port = await new Promise<number>((resolve) =>
    child.stdout.once('data', (text) => resolve(Number(String(text)))),
  );
  child.kill('SIGSTOP');
  const fillers: Socket[] = [];
  let isFull = false;
  while (!isFull) {
    const filler = connect({ port, host: '127.0.0.1' });
    fillers.push(filler);
    filler.on('error', () => undefined);
    // The handshake is the kernel's: on loopback it is over before anything else happens.
    isFull = await new Promise<boolean>((resolve) => {
      const patience = setTimeout(() => resolve(true), 300);
      filler.once('connect', () => {
        clearTimeout(patience);
        resolve(false);
      });
    });
  }
  const [filler] = fillers.splice(-1);
  filler!.destroy();
  return {
    port,
    hostKey: '',
    untilReached: () => waitFor('a SYN without an answer', () => hasSynTo(port)),
    [Symbol.asyncDispose]: () => {
      for (const each of fillers) each.destroy();
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      end();
      forget();
      return gone;
    },
  };
}

/** Whether a connection to the port is being opened: state 02 is SYN_SENT in proc(5). */
function hasSynTo(port: number): boolean {
  const remote = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  return lines.some(([, , to, state]) => to === remote && state === '02');
}

/** Says so much, and nothing more. */
async function silentServer(text: string): Promise<HangingSide> {
  const sockets = new Set<Socket>();
  let heard = false;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', () => (heard = true));
    socket.write(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    hostKey: '',
    untilReached: () => waitFor('a client to speak', () => heard),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A server of SSH that never answers the login, the opening of a session, or the command. */
async function hangingSsh(sandbox: Sandbox, step: 'login' | 'session' | 'command'): Promise<HangingSide> {
  const key = await makeSshKey(sandbox, `hanging-${step}/host_key`);
  const connections = new Set<Connection>();
  let reached = false;
  const hang = (): void => void (reached = true);
  const server = new Server({ hostKeys: [readFileSync(key.path)] }, (connection) => {
    connections.add(connection);
    connection.on('error', () => undefined);
    connection.on('authentication', (attempt) => {
      if (step !== 'login') attempt.accept();
      // The question which methods there are is answered.
      else if (attempt.method === 'none') attempt.reject(['publickey']);
      else hang();
    });
    connection.on('session', (accept: () => Session) => {
      if (step === 'session') return hang();
      accept().on('exec', hang);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    hostKey: key.publicLine,
    untilReached: () => waitFor(`a client at the ${step}`, () => reached),
    [Symbol.asyncDispose]: async () => {
      for (const connection of connections) connection.end();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** A receiver that says so much and then reads on in silence; `untilReached` when it has. */
export function silentReceiver(
  sandbox: Sandbox,
  text: string,
): { receiver: string; untilReached: () => Promise<unknown> } {
  const mark = `${sandbox.path}/silent-receiver`;
  rmSync(mark, { force: true });
  const script = `#!/bin/sh\nprintf '${text}'\n: >'${mark}'\nexec cat >/dev/null\n`;
  return {
    receiver: sandbox.file('silent/receiver', script, 0o700),
    untilReached: () => waitFor('the receiver to run', () => existsSync(mark)),
  };
}

/** What a receiver says first, for printf. */
export const preface = String.raw`\0twowarm receiver\n`;
