// A TCP connection to a host, before anything is said over it.
import { connect as connectSocket, type Socket } from 'node:net';
import { errnoOf } from '../../program/program-error.ts';
import type { Target } from './login-target.ts';
import { unreachable } from './connect-faults.ts';

/** A socket that is connected, without Nagle's delays: they cost 100 ms a file. Throws the reason of `signal` when that aborts. */
export function openSocket(target: Target, signal: AbortSignal): Promise<Socket> {
  const { host, port, family } = target;
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ host, port, noDelay: true, ...(family !== undefined && { family }) });
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
