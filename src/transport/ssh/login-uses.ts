// Other uses of a login than the receiver: a look by a command, a session of SFTP. The connection itself is ssh.ts's.
import type { Duplex, Readable } from 'node:stream';
import type { SftpCarrier, SftpClient } from '../sftp/session.ts';
import { execute } from './channels.ts';
import { asLost, mostSaid } from './connect-faults.ts';
import { farCommand } from './far-command.ts';
import { LinkFault, type Login } from './carrier.ts';

type Channel = Duplex & { stderr: Readable };

/** The client of ssh2, logged in, as far as it is used here. */
export interface LoggedIn {
  exec(command: string, told: (error: Error | undefined, channel: Channel) => void): unknown;
  sftp(told: (error: Error | undefined, sftp: unknown) => void): unknown;
  on(event: 'close', told: () => void): unknown;
  end(): unknown;
  destroy(): unknown;
}

/** What the connection runs over. */
interface Corked {
  readonly writableCorked: number;
  cork(): void;
  uncork(): void;
}

/** What a command writes to its standard output, the last of it. */
async function outputOf(client: LoggedIn, command: string, lost: () => Error | undefined): Promise<string> {
  let output = '';
  const { ended } = await execute(client, command, (channel) => {
    channel.on('error', () => undefined);
    channel.on('data', (bytes: Buffer) => {
      output = `${output}${bytes.toString('latin1')}`.slice(-mostSaid);
    });
    return farCommand(client, channel, lost);
  });
  await ended;
  return output;
}

function openSftp(
  client: LoggedIn,
  socket: Corked,
  lost: () => Error | undefined,
  end: Login['end'],
): Promise<SftpCarrier> {
  return new Promise((resolve, reject) => {
    const refuse = (error: Error): void =>
      reject(new LinkFault('protocol', `the far side offers no SFTP: ${error.message}`, { cause: error }));
    client.on('close', () => refuse(new Error('the connection was cut')));
    client.sftp((error, sftp) => {
      if (error !== undefined) return refuse(error);
      resolve({
        client: sftp as SftpClient,
        gather: () => {
          if (socket.writableCorked > 0) return;
          socket.cork();
          process.nextTick(() => socket.uncork());
        },
        explainEnd: async () => asLost(lost() ?? new Error('the connection was cut')),
        close: end,
      });
    });
  });
}

/** `lost`: what the connection ended with, once it has. */
export function usesOf(
  client: LoggedIn,
  socket: Corked,
  lost: () => Error | undefined,
  end: Login['end'],
): Login {
  /** The library throws where the connection was cut between two calls. */
  const cut = (error: unknown): never => {
    throw error instanceof LinkFault
      ? error
      : new LinkFault('connection-lost', 'the connection was cut', { cause: error });
  };
  return {
    outputOf: (command) => outputOf(client, command, lost),
    openSftp: () => openSftp(client, socket, lost, end).catch(cut),
    end,
  };
}
