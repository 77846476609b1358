// One conversation as a verb of the receiver sees it: the data that comes, the replies that go.
import type { Connection } from '../wire/connection.ts';
import { dataFrames, endFrame, messageFrame } from '../wire/frames.ts';
import { Incoming } from '../wire/incoming.ts';

export class Talk {
  readonly incoming = new Incoming();
  private readonly stopping = new AbortController();
  private readonly id: number;
  private readonly connection: Connection;

  constructor(id: number, connection: Connection) {
    this.id = id;
    this.connection = connection;
  }

  /** Aborts when the far side takes its request back, or is gone. */
  get signal(): AbortSignal {
    return this.stopping.signal;
  }

  stop(reason: Error): void {
    this.stopping.abort(reason);
    this.incoming.fail(reason);
  }

  reply(message: object): Promise<void> {
    return this.connection.write([messageFrame(this.id, message)]);
  }

  send(bytes: Buffer): Promise<void> {
    return this.connection.write(dataFrames(this.id, bytes));
  }

  /** After the last data. */
  sent(): Promise<void> {
    return this.connection.write([endFrame(this.id)]);
  }
}
