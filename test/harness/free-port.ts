// Ports on 127.0.0.1 that parallel tests do not fight over: also not with another test run on the same machine, and
// not while the server they were given to is stopped.
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';

const LOWEST = 15_000;
const ATTEMPTS = 200;

/**
 * A port that is free on 127.0.0.1, and stays reserved for this process until it ends: the reservation is a socket
 * that listens on the same port of 127.0.0.2, so the kernel decides between claimants and clears up after them.
 * A server that would listen on every address of the machine therefore fails, as it should in a test.
 */
export async function freePort(): Promise<number> {
  // Below the range that the kernel takes the ports of outgoing connections from.
  const end = Math.max(firstEphemeralPort(), LOWEST + 1_000);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(LOWEST, end);
    const reservation = await listen('127.0.0.2', port);
    if (reservation === undefined) continue;
    const probe = await listen('127.0.0.1', port);
    if (probe !== undefined) {
      await new Promise((resolve) => probe.close(resolve));
      reservation.unref();
      return port;
    }
    reservation.close();
  }
  throw new Error(`no free port between ${LOWEST} and ${end} in ${ATTEMPTS} attempts`);
}

function firstEphemeralPort(): number {
  return Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/)[0]);
}

function listen(host: string, port: number): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen({ host, port, exclusive: true }, () => resolve(server));
  });
}
