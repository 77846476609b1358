// The connection that sshd, or whoever starts a receiver, has put on its standard input and output.
import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import { ProgramError } from '../program/program-error.ts';
import { serve, type Side } from '../transport/receiver/session.ts';
import { connectionOver } from '../transport/wire/connection.ts';

/** Whether somebody can be at the other end: neither a terminal nor a file. */
function isConversation(descriptor: number): boolean {
  const stats = fstatSync(descriptor);
  return stats.isFIFO() || stats.isSocket();
}

export function requireClient(): void {
  if ([0, 1].every(isConversation)) return;
  throw new ProgramError(
    'usage',
    'twowarm receive is started by sshd: it talks to a client by pipes or a socket',
    { hint: 'With --authorized-keys-line it prints the line that has sshd start it.' },
  );
}

/** Ends when what was written has left this process. */
const flushed = (output: Socket): Promise<void> =>
  new Promise((resolve) => {
    output.on('close', () => resolve());
    output.end(() => resolve());
  });

/** Serves it to its end. */
export async function serveClient<Admitted>(side: Side<Admitted>, stop: AbortSignal): Promise<void> {
  // Not process.stdout: writing to a pipe it would hold up everything until the client reads.
  const output = new Socket({ fd: 1, readable: false, writable: true });
  const input = new Socket({ fd: 0, readable: true, writable: false });
  try {
    await serve(connectionOver(input, output), side, stop);
  } finally {
    await flushed(output);
    input.destroy();
  }
}
