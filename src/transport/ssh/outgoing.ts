// A file on its way to a receiver: open, and packed (send-file.ts) while there is something else to wait for, such as a
// connection that is only being opened.
import { closeFile } from '../../program/system-calls.ts';
import { unlessAborted } from '../../program/unless-aborted.ts';
import { openSourceFile } from '../copy.ts';
import type { InspectOf, PutAhead } from '../transport.ts';
import type { Encoding } from '../wire/messages.ts';
import { packFile, type FileToSend, type Packed } from './send-file.ts';

export class Outgoing {
  readonly file: FileToSend;
  private readonly giveUp = new AbortController();
  private readonly packing: Promise<Packed>;

  private constructor(file: FileToSend, inspectOf: InspectOf) {
    this.file = file;
    this.packing = this.pack(inspectOf);
    // Whoever wants it hears of it.
    this.packing.catch(() => undefined);
  }

  /** Opens the file and begins; a `source-missing` error when there is none. */
  static async open(source: string, store: Encoding, inspectOf: InspectOf): Promise<Outgoing> {
    const { descriptor, stats } = await openSourceFile(source);
    return new Outgoing({ descriptor, sizeBytes: stats.size, store }, inspectOf);
  }

  /** Read, inspected, hashed; throws what the inspection throws, or the signal's reason. */
  packed(signal: AbortSignal): Promise<Packed> {
    return unlessAborted(this.packing, signal);
  }

  async close(): Promise<void> {
    this.giveUp.abort(new Error('the file is not wanted any more'));
    // The descriptor must not be closed under a call that is still running.
    await this.packing.catch(() => undefined);
    await closeFile(this.file.descriptor);
  }

  private async pack(inspectOf: InspectOf): Promise<Packed> {
    return packFile(this.file, inspectOf(this.file.sizeBytes), this.giveUp.signal);
  }
}

/** What is going to be put, begun before there is a road to put it on. */
export class Ahead {
  private readonly put: PutAhead;
  private outgoing: Promise<Outgoing> | undefined;

  constructor(put: PutAhead, store: Encoding) {
    this.put = put;
    this.outgoing = Outgoing.open(put.source, store, put.inspectOf);
    this.outgoing.catch(() => undefined);
  }

  /** Once, for the very file; undefined for any other. */
  take(name: string, source: string): Promise<Outgoing> | undefined {
    if (name !== this.put.name || source !== this.put.source) return undefined;
    const { outgoing } = this;
    this.outgoing = undefined;
    return outgoing;
  }

  /** Closes what nobody has taken. */
  async discard(): Promise<void> {
    const { outgoing } = this;
    this.outgoing = undefined;
    await outgoing?.then((opened) => opened.close()).catch(() => undefined);
  }
}
