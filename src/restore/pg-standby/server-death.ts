// A call that waits must not outlive its server: an answer would reach a startup process without a postmaster, which would
// go on.
import { watchedServer } from '../../postgres/server-process.ts';

const lookEveryMs = 1000;

/** From now on the process dies of SIGTERM, cleanly, when the server of the data directory is gone. */
export function dieWithServer(dataDirectory: string): void {
  const server = watchedServer(dataDirectory);
  const look = (): void => {
    if (!server.isAlive()) process.kill(process.pid, 'SIGTERM');
  };
  setInterval(look, lookEveryMs).unref();
}
