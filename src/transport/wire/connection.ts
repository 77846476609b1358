// One end of a connection, whatever carries it: bytes in, bytes out. The road to a receiver and the receiver's own
// standard input and output both look like this.
import type { Readable, Writable } from 'node:stream';

export interface Connection {
  /** What comes from the far side; ends when it closes. */
  readonly chunks: AsyncIterable<Buffer>;
  /**
   * Writes in order; resolves when the far side takes more, or, with `isAwaited`, when all of it has left: the buffers may be
   * used again only then. Throws once the connection is gone.
   */
  write(buffers: readonly Buffer[], isAwaited?: boolean): Promise<void>;
}

/** A connection over two streams. */
export function connectionOver(input: Readable, output: Writable): Connection {
  let fault: Error | undefined;
  output.on('error', (error) => (fault ??= error));
  const writeOff = writingOff(output, () => fault);
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
    write: async (buffers, isAwaited = false) => {
      if (fault !== undefined) throw fault;
      if (output.destroyed || output.writableEnded) throw new Error('the connection is closed');
      const pieces = gather(buffers);
      const last = pieces.at(-1);
      if (last === undefined) return;
      output.cork();
      let hasRoom = true;
      for (const piece of pieces.slice(0, -1)) output.write(piece);
      const left = isAwaited ? writeOff(last) : ((hasRoom = output.write(last)), undefined);
      output.uncork();
      if (left !== undefined) await left;
      else if (!hasRoom) await waitForRoom();
    },
  };
}

/** Up to here copying is cheaper than a packet of its own, which a cipher is set up for at both ends: a frame's header is one. */
const smallBytes = 131_072;

const gather = (buffers: readonly Buffer[]): readonly Buffer[] =>
  buffers.length > 1 && buffers.reduce((sum, { length }) => sum + length, 0) <= smallBytes
    ? [Buffer.concat(buffers)]
    : buffers;

/** Writes, and waits until all of it has left. */
function writingOff(output: Writable, fault: () => Error | undefined): (piece: Buffer) => Promise<void> {
  // A stream may be closed without a word to the writes that wait in it.
  const leaving = new Set<(error: Error) => void>();
  output.on('close', () => leaving.forEach((fail) => fail(fault() ?? new Error('the connection is closed'))));
  return (piece) =>
    new Promise((resolve, reject) => {
      leaving.add(reject);
      output.write(piece, (error) => {
        leaving.delete(reject);
        if (error) reject(error);
        else resolve();
      });
    });
}
