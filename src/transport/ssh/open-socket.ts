// The TCP connection that a login over ssh begins with, and how much of it goes into one system call.
import { connect as connectSocket, type Socket } from 'node:net';
import { errnoOf } from '../../program/program-error.ts';
import type { Target } from '../ssh.ts';
import type { Connection } from '../wire/connection.ts';
import { unreachable } from './connect-faults.ts';

/** A socket that is connected, without Nagle's delays: they cost 100 ms a file. */
export function openSocket(target: Target, signal: AbortSignal): Promise<Socket> {
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

/** What is written in one turn leaves in one system call: ssh2 writes each packet of 32 kB by itself. */
export function gathered(connection: Connection, socket: Socket): Connection {
  return {
    chunks: connection.chunks,
    write: (buffers) => {
      socket.cork();
      process.nextTick(() => socket.uncork());
      return connection.write(buffers);
    },
  };
}
