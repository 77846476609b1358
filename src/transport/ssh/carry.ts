// A command on the far side as what a link runs over: its streams, how it ended, and the login under it.
import type { Socket } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import { connectionOver, type Connection } from '../wire/connection.ts';
import { asLost, explain, isReceiverMissing, mostSaid } from './connect-faults.ts';
import type { Carrier } from './link.ts';
import { endOf, usesOf, type LoggedIn } from './login-uses.ts';

type CommandChannel = Duplex & { stderr: Readable };

/** What is written in one turn leaves in one system call: ssh2 writes each packet of 32 kB by itself. */
function gathered(connection: Connection, socket: Socket): Connection {
  return {
    chunks: connection.chunks,
    write: (buffers) => {
      socket.cork();
      process.nextTick(() => socket.uncork());
      return connection.write(buffers);
    },
  };
}

/** What a carrier tells of its own connection. */
export interface Told {
  command: string;
  lost: () => Error | undefined;
  login: () => string;
}

export function carry(
  client: LoggedIn,
  socket: Socket,
  channel: CommandChannel,
  { command, lost, login }: Told,
): Carrier {
  const end = endOf(client);
  let said = '';
  let isKept = false;
  let code: number | null | undefined;
  channel.stderr.on(
    'data',
    (bytes: Buffer) => (said = `${said}${bytes.toString('utf8')}`.slice(0, mostSaid)),
  );
  channel.on('exit', (status: number | null) => (code = status));
  const closed = new Promise<void>((resolve) => {
    for (const over of ['close', 'error'] as const) channel.on(over, () => resolve());
    client.on('close', () => resolve());
  });
  const patience = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1000).unref());
  return {
    connection: gathered(connectionOver(channel, channel), socket),
    explainEnd: async (noise) => {
      await Promise.race([closed, patience()]);
      const fault = lost();
      if (fault !== undefined && code === undefined) return asLost(fault);
      const ended = explain({ said, code }, noise, { command, login });
      if (!isReceiverMissing(ended)) return ended;
      // Whoever hears of it may go on with the login, and ends it.
      isKept = true;
      return Object.assign(ended, { instead: usesOf(client, socket, lost, end) });
    },
    login,
    close: (isLost = false) => {
      channel.destroy();
      if (isLost || !isKept) end(isLost);
    },
  };
}
