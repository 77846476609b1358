// One end of a connection, whatever carries it: bytes in, bytes out. The road to a receiver and the receiver's own
// standard input and output both look like this.
import type { Readable, Writable } from 'node:stream';

export interface Connection {
  /** What comes from the far side; ends when it closes. */
  readonly chunks: AsyncIterable<Buffer>;
  /** Writes in order; resolves when the far side takes more. Throws once the connection is gone. */
  write(buffers: readonly Buffer[]): Promise<void>;
}

/** A connection over two streams. */
export function connectionOver(input: Readable, output: Writable): Connection {
  let fault: Error | undefined;
  output.on('error', (error) => (fault ??= error));
  // One for each conversation that waits for room; Node takes more than ten for a leak, and says so on stderr.
  output.setMaxListeners(0);
  const waitForRoom = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const settle = (): void => {
        for (const event of ['drain', 'error', 'close']) output.off(event, settle);
        if (fault === undefined && !output.destroyed) resolve();
        else reject(fault ?? new Error('the connection is closed'));
      };
      for (const event of ['drain', 'error', 'close']) output.on(event, settle);
    });
  return {
    chunks: input as AsyncIterable<Buffer>,
    write: async (buffers) => {
      if (fault !== undefined) throw fault;
      if (output.destroyed || output.writableEnded) throw new Error('the connection is closed');
      output.cork();
      let hasRoom = true;
      for (const buffer of buffers) hasRoom = output.write(buffer);
      output.uncork();
      if (!hasRoom) await waitForRoom();
    },
  };
}
