// A command on the far side as what a link runs over: its streams, how it ended, and the logins under it.
import type { Socket } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import { connectionOver, type Connection } from '../wire/connection.ts';
import { asLost, explain, isReceiverMissing, mostSaid, type Asked } from './connect-faults.ts';
import type { Carrier } from './carrier.ts';
import { usesOf, type LoggedIn } from './login-uses.ts';

/** Logins one over the other: those at jump hosts come first. */
export interface Way<Client extends LoggedIn = LoggedIn> {
  clients: Client[];
  /** The one connection of TCP under them. */
  socket: Socket | undefined;
}

type CommandChannel = Duplex & { stderr: Readable };

/** Ends everything at once, without a word to the far side. */
export function destroy({ clients, socket }: Way): void {
  for (const client of clients.toReversed()) client.destroy();
  socket?.destroy();
}

/** Whoever waits for room on a connection that nobody reads is only told when the socket is gone. */
export const endOf =
  (way: Way) =>
  (isLost = false): void => {
    if (isLost) destroy(way);
    else for (const each of way.clients.toReversed()) each.end();
  };

/** What is written in one turn leaves in one system call: ssh2 writes each packet of 32 kB by itself. */
function gathered(connection: Connection, socket: Socket): Connection {
  return {
    chunks: connection.chunks,
    write: (buffers, isAwaited) => {
      socket.cork();
      process.nextTick(() => socket.uncork());
      return connection.write(buffers, isAwaited);
    },
  };
}

/** What a carrier tells of its own connection. */
export interface Told extends Asked {
  lost: () => Error | undefined;
}

export function carry(way: Way, channel: CommandChannel, told: Told): Carrier {
  const { lost, login } = told;
  const client = way.clients.at(-1)!;
  const end = endOf(way);
  let said = '';
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
    connection: gathered(connectionOver(channel, channel), way.socket!),
    explainEnd: async (noise) => {
      await Promise.race([closed, patience()]);
      const fault = lost();
      if (fault !== undefined && code === undefined) return asLost(fault);
      const ended = explain({ said, code }, noise, told);
      if (!isReceiverMissing(ended)) return ended;
      return Object.assign(ended, { instead: usesOf(client, way.socket!, lost, end) });
    },
    login,
    traffic: () => ({
      sentBytes: way.socket?.bytesWritten ?? 0,
      receivedBytes: way.socket?.bytesRead ?? 0,
    }),
    close: (isLost = false) => {
      channel.destroy();
      end(isLost);
    },
  };
}
