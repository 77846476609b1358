// Channels over a login: a command at work, and a connection onwards. The login is the library's client (ssh.ts).
import { unreachedFrom } from './connect-faults.ts';
import { LinkFault } from './carrier.ts';
import type { Target } from './login-target.ts';

type Told<Channel> = (error: Error | undefined, channel: Channel) => void;

interface Executes<Channel> {
  exec(command: string, told: Told<Channel>): unknown;
}

interface Forwards<Channel> {
  forwardOut(from: string, fromPort: number, to: string, toPort: number, told: Told<Channel>): unknown;
}

/** What ends at once has ended before a promise is heard of: `begin` is called while its channel is being opened. */
export const execute = <Channel, T>(
  client: Executes<Channel>,
  command: string,
  begin: (channel: Channel) => T,
): Promise<T> =>
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

/** A connection that a jump host makes to the next one. */
export const forward = <Channel>(client: Forwards<Channel>, hop: Target, next: Target): Promise<Channel> =>
  new Promise((resolve, reject) => {
    try {
      client.forwardOut('127.0.0.1', 0, next.host, next.port, (error, channel) => {
        if (error === undefined) resolve(channel);
        else reject(unreachedFrom(hop, next, error));
      });
    } catch (error) {
      reject(new LinkFault('connection-lost', 'the connection was cut', { cause: error }));
    }
  });
