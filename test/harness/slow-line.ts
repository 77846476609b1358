// A TCP proxy on loopback that is a long line: what enters on one side leaves on the other after a delay, at no more than so
// many bytes a second, and now and then late, as what was lost and is sent again. Nothing is reordered: TCP hides that.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface Line {
  /** One way, in ms. */
  delayMs: number;
  /** Of each direction of each connection. */
  bytesPerSecond: number;
  /** Every so many packets one comes later by the time that TCP waits before it sends again, in ms. */
  lost?: { every: number; resentAfterMs: number };
}

export interface SlowLine extends AsyncDisposable {
  readonly port: number;
}

/** What a network carries at once. */
const packetBytes = 1448;
/** What is on the way at most; the sender then has to wait, as for the window of TCP. */
const windowBytes = 262_144;

export async function startSlowLine(targetPort: number, line: Line): Promise<SlowLine> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    const far = connect({ port: targetPort, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    for (const socket of [client, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => sockets.delete(socket));
    }
    carry(client, far, line);
    carry(far, client, line);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function carry(from: Socket, to: Socket, { delayMs, bytesPerSecond, lost }: Line): void {
  /** When the last byte that entered leaves the bottleneck. */
  let freeAt = 0;
  let onTheWay = 0;
  let packets = 0;
  // One timer at a time: of two that end in the same millisecond either may be first.
  const leaving: { at: number; action: () => void }[] = [];
  const pump = (): void => {
    while (leaving.length > 0 && leaving[0]!.at <= performance.now()) leaving.shift()!.action();
    if (leaving.length > 0) setTimeout(pump, Math.max(1, leaving[0]!.at - performance.now()));
  };
  const leave = (at: number, action: () => void): void => {
    leaving.push({ at, action });
    if (leaving.length === 1) setTimeout(pump, Math.max(1, at - performance.now()));
  };
  from.on('data', (bytes: Buffer) => {
    onTheWay += bytes.length;
    if (onTheWay > windowBytes) from.pause();
    freeAt = Math.max(freeAt, performance.now()) + (bytes.length / bytesPerSecond) * 1000;
    const before = packets;
    packets += Math.ceil(bytes.length / packetBytes);
    // What comes after a lost packet waits for it.
    if (lost !== undefined && Math.floor(packets / lost.every) > Math.floor(before / lost.every))
      freeAt += lost.resentAfterMs;
    leave(freeAt + delayMs, () => {
      onTheWay -= bytes.length;
      if (!to.destroyed) to.write(bytes);
      if (onTheWay <= windowBytes) from.resume();
    });
  });
  from.on('end', () => leave(freeAt + delayMs, () => to.end()));
  from.on('close', () => leave(freeAt + delayMs, () => to.destroy()));
}
