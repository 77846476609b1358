// A file on its way to an archive over rsync: inspected and copied into a room first, because nobody may change what is sent
// after it was judged. The room has it as the archive is to have it, plain or compressed.
import { link, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { closeFile } from '../../program/system-calls.ts';
import { storeCompressed } from '../compressed/store-compressed.ts';
import { copyBytes, createFile, openSourceFile } from '../copy.ts';
import { hashFile } from '../hash.ts';
import { alreadyInspected, type Bytes, type Fence } from '../publish.ts';
import { compressedPath, contentsPath, type Form } from '../stored-form.ts';
import type { Identity, InspectOf } from '../transport.ts';
import { makeWithin } from './rooms.ts';

const unfenced: Fence = { before: async () => undefined, after: async () => undefined };

export class Outgoing {
  readonly name: string;
  readonly room: string;
  readonly form: Form;
  readonly sizeBytes: number;
  private readonly identity: Identity;

  private constructor(name: string, room: string, form: Form, sizeBytes: number, identity: Identity) {
    this.name = name;
    this.room = room;
    this.form = form;
    this.sizeBytes = sizeBytes;
    this.identity = identity;
  }

  /** Throws what the inspection refuses. */
  static async make(
    file: { name: string; source: string; form: Form },
    room: string,
    inspectOf: InspectOf,
    identity: Identity,
    signal: AbortSignal,
  ): Promise<Outgoing> {
    const { name, source, form } = file;
    const { descriptor, stats } = await openSourceFile(source);
    try {
      const inspect = inspectOf(stats.size);
      makeWithin(room, 'copy');
      let sizeBytes = 0;
      await createFile(join(room, 'copy', name), async (to) => {
        sizeBytes = await copyBytes(descriptor, to, inspect, signal);
      });
      const outgoing = new Outgoing(name, room, form, sizeBytes, identity);
      await outgoing.arrange(signal);
      return outgoing;
    } finally {
      await closeFile(descriptor);
    }
  }

  /** Its names in the archive; what is on record of a compressed file comes before it. */
  get names(): string[] {
    return this.form === 'plain' ? [this.name] : [contentsPath(this.name), compressedPath(this.name)];
  }

  /** Where the plain copy is. */
  get copy(): string {
    return join(this.room, 'copy', this.name);
  }

  /** The plain copy as a version of its name; the name of that. */
  async asVersion(signal: AbortSignal): Promise<string> {
    const sha256 = await this.withCopy(({ descriptor }) => hashFile(descriptor, signal));
    const version = `.twowarm/versions/${this.name}.${sha256}`;
    makeWithin(this.room, dirname(version));
    await link(this.copy, join(this.room, version));
    return version;
  }

  /** The plain copy, open for the time of `work`. */
  async withCopy<T>(work: (bytes: Bytes) => Promise<T>): Promise<T> {
    const { descriptor } = await openSourceFile(this.copy);
    try {
      return await work({ descriptor, inspect: alreadyInspected });
    } finally {
      await closeFile(descriptor);
    }
  }

  private async arrange(signal: AbortSignal): Promise<void> {
    const target = join(this.room, this.name);
    if (this.form === 'plain') return link(this.copy, target);
    makeWithin(this.room, '.twowarm');
    await this.withCopy((bytes) => storeCompressed(target, bytes, this.identity, signal, unfenced));
    await rm(target, { force: true });
  }
}
