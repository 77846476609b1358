// A TCP proxy on loopback between a client and a server that cuts or stalls its connections after so many bytes of one
// direction. It counts what it forwards and knows nothing of what it carries.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export type Direction = 'up' | 'down';

export interface Trouble {
  /** `cut` resets both ends; `stall` forwards nothing any more, in neither direction, and keeps the connection. */
  how: 'cut' | 'stall';
  /** 'up' counts what the client sends, 'down' what the server sends. */
  direction: Direction;
  /** So many bytes still pass. */
  afterBytes: number;
}

export interface CuttingProxy extends AsyncDisposable {
  readonly port: number;
  /** What happens to connections from now on, also to those that are open; undefined: nothing. Counting begins anew. */
  trouble: Trouble | undefined;
  /** What the connections since the last setting of `trouble` have carried, in bytes. */
  carried: Readonly<Record<Direction, number>>;
  /** Whether the trouble has happened since it was set. */
  readonly hasStruck: boolean;
  /** Resets every connection now, also those that stand still. */
  cutAll(): void;
}

/** A proxy to that port of 127.0.0.1, ready to be connected to. */
export async function startCuttingProxy(targetPort: number): Promise<CuttingProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let trouble: Trouble | undefined;
  let carried = { up: 0, down: 0 };
  let hasStruck = false;

  function strike({ how }: Trouble, pair: readonly [Socket, Socket]): void {
    hasStruck = true;
    for (const socket of pair) {
      if (how === 'stall') socket.pause();
      else socket.resetAndDestroy();
    }
  }

  function forward(direction: Direction, from: Socket, to: Socket, pair: readonly [Socket, Socket]): void {
    from.on('data', (bytes: Buffer) => {
      if (trouble !== undefined && hasStruck && trouble.how === 'stall') return strike(trouble, pair);
      const isCounted = trouble !== undefined && trouble.direction === direction;
      const left = isCounted ? trouble!.afterBytes - carried[direction] : Infinity;
      const passed = bytes.subarray(0, Math.min(bytes.length, Math.max(0, left)));
      carried[direction] += passed.length;
      if (passed.length > 0 && !to.write(passed)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
      if (isCounted && carried[direction] >= trouble!.afterBytes) {
        // What has passed reaches the other side before it is cut.
        to.write('', () => strike(trouble!, pair));
      }
    });
    from.on('end', () => to.end());
    from.on('close', () => to.destroy());
    from.on('error', () => to.destroy());
  }

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const upstream = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const pair = [client, upstream] as const;
    pairs.add(pair);
    client.once('close', () => pairs.delete(pair));
    forward('up', client, upstream, pair);
    forward('down', upstream, client, pair);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    get trouble() {
      return trouble;
    },
    set trouble(next) {
      trouble = next;
      carried = { up: 0, down: 0 };
      hasStruck = false;
    },
    get carried() {
      return { ...carried };
    },
    get hasStruck() {
      return hasStruck;
    },
    cutAll: () => {
      for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy();
    },
    [Symbol.asyncDispose]: async () => {
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
