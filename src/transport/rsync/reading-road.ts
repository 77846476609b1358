// The reading half of the road over rsync. Every verb is a call of rsync of its own, which takes the verb's signal; nothing
// stays open in between. What is fetched lies in a room for a moment, where it is read as in an archive of this machine.
import { join } from 'node:path';
import { parseGapRecord, type GapRecord } from '../../program/gap-record.ts';
import { fromSystemError, ProgramError } from '../../program/program-error.ts';
import { closeFile, readText, unlessMissing } from '../../program/system-calls.ts';
import type { Watch } from '../../program/watch-directory.ts';
import { prunedAt } from '../archive-records.ts';
import { fetchStored, sizeOf } from '../compressed/fetch-compressed.ts';
import { copyBytes, createFile, openRegular } from '../copy.ts';
import { requireOwner } from '../fenced.ts';
import { requireWalName } from '../filesystem.ts';
import { mayStore, type Ownership } from '../ownership.ts';
import type { PrunedRange } from '../pruned-ranges.ts';
import { readReservation, reservationPath, type Reservation } from '../reservations.ts';
import { compressedPath, contentsPath, walNameOf } from '../stored-form.ts';
import type { Identity, InspectOf, Promises, ReadTransport } from '../transport.ts';
import { writerOf } from '../writer.ts';
import { lookForOwner, speakingOf, type Seen } from './admission.ts';
import { fetchInto, listAll, lookAt, requireFiles, type Errand } from './carrying.ts';
import type { Change } from './changes.ts';
import type { FarSide } from './far-side.ts';
import { inRoom } from './rooms.ts';

/** How long it counts whose the archive was, in ms. */
const freshMs = 1000;

export const ownerName = '.twowarm/owner';

/** Both forms of a file, and what is on record of the compressed one. */
const formsOf = (name: string): string[] => [name, compressedPath(name), contentsPath(name)];

export class RsyncReadingRoad implements ReadTransport {
  readonly promises: Promises = { exclusive: false, durable: false };
  readonly url: string;
  readonly isVacant: boolean;
  protected readonly far: FarSide;
  protected readonly identity: Identity;
  protected seen: Seen;
  private seenAt = performance.now();
  /** The random name of the archive that was admitted; undefined where it had no owner. */
  private readonly archive: string | undefined;

  constructor(far: FarSide, identity: Identity, { isVacant, ...seen }: Seen & { isVacant: boolean }) {
    this.url = far.url;
    this.far = far;
    this.identity = identity;
    this.isVacant = isVacant;
    this.seen = seen;
    this.archive = seen.owner?.archive;
  }

  async list(signal: AbortSignal): Promise<string[]> {
    const all = await this.inRoom((room) => listAll(room, this.errand('list', signal)));
    this.requireStillThere(all, '.twowarm');
    const names = [...all].flatMap(([entry, { isFile }]) => (isFile && walNameOf(entry)) || []);
    return [...new Set(names)].sort();
  }

  async stat(name: string, signal: AbortSignal): Promise<{ sizeBytes: number } | 'missing'> {
    const [plain, compressed] = formsOf(requireWalName(name)) as [string, string];
    const errand = this.errand(`look for ${name} at`, signal);
    return this.inRoom(async (room) => {
      const found = await lookAt(room, [plain, compressed, ownerName], errand, false);
      this.requireStillThere(found);
      requireFiles([plain, compressed], found, this.far);
      const change = found.get(plain);
      if (change !== undefined) return { sizeBytes: change.sizeBytes };
      if (!found.has(compressed)) return 'missing';
      await fetchInto(room, formsOf(name), errand);
      const sizeBytes = await speakingOf(room, this.url, () => sizeOf(join(room, name), signal));
      return sizeBytes === 'missing' ? sizeBytes : { sizeBytes };
    });
  }

  async get(
    name: string,
    path: string,
    inspectOf: InspectOf,
    signal: AbortSignal,
  ): Promise<'fetched' | 'missing'> {
    const forms = formsOf(requireWalName(name));
    return this.inRoom(async (room) => {
      const found = await fetchInto(room, [...forms, ownerName], this.errand(`restore ${name} from`, signal));
      this.requireStillThere(found);
      try {
        if (found.has(compressedPath(name)))
          return await speakingOf(room, this.url, () =>
            fetchStored(join(room, name), path, inspectOf, signal),
          );
        return found.has(name) ? await copyOut(join(room, name), path, inspectOf, signal) : 'missing';
      } catch (error) {
        throw fromSystemError(error, `could not restore ${name} from ${this.url}`);
      }
    });
  }

  async gapOf(name: string, signal: AbortSignal): Promise<GapRecord | undefined> {
    const path = `.twowarm/gaps/${requireWalName(name)}`;
    return this.inRoom(async (room) => {
      const errand = this.errand(`ask for a gap ${name} at`, signal);
      this.requireStillThere(await fetchInto(room, [path, ownerName], errand));
      const text = await unlessMissing(readText(join(room, path), 'utf8'));
      if (text === undefined) return undefined;
      return speakingOf(room, this.url, async () => parseGapRecord(join(room, path), text));
    });
  }

  async prunedOf(name: string, signal: AbortSignal): Promise<PrunedRange | undefined> {
    requireWalName(name);
    return this.inRoom(async (room) => {
      const errand = this.errand('ask for what was pruned at', signal);
      this.requireStillThere(await fetchInto(room, ['.twowarm/pruned/', ownerName], errand));
      return speakingOf(room, this.url, () => prunedAt(room, name, writerOf(this.identity)));
    });
  }

  async ownership(signal: AbortSignal): Promise<Ownership> {
    const seen = await lookForOwner(this.identity, this.errand('ask for the owner of', signal));
    // Another archive, perhaps of another cluster, was never admitted.
    if (this.archive !== undefined && seen.owner?.archive !== this.archive) throw exchanged(this.url);
    this.seen = seen;
    this.seenAt = performance.now();
    return this.seen.ownership;
  }

  async reservationOf(timeline: number, signal: AbortSignal): Promise<Reservation | undefined> {
    const errand = this.errand(`look for the reservation of timeline ${timeline} at`, signal);
    return this.inRoom(async (room) => {
      this.requireStillThere(await fetchInto(room, [reservationPath('', timeline), ownerName], errand));
      return speakingOf(room, this.url, () => readReservation(room, timeline));
    });
  }

  /** rsync tells of nothing: who waits looks by the clock. */
  async watch(): Promise<Watch> {
    return { works: false, look: () => undefined, close: () => undefined };
  }

  async close(): Promise<void> {}

  /** Throws `fenced` unless the archive takes files from this node; `what` is the end of "cannot …". */
  protected async requireOwner(what: string, signal: AbortSignal): Promise<void> {
    if (performance.now() - this.seenAt > freshMs) await this.ownership(signal);
    if (!mayStore(this.seen.ownership)) requireOwner(this.seen.ownership, what, this.url);
  }

  /** Of an archive that is not there any more nothing is missing: it was unmounted. */
  private requireStillThere(found: ReadonlyMap<string, Change>, sign = ownerName): void {
    if (this.archive !== undefined && !found.has(sign)) throw exchanged(this.url);
  }

  protected errand(what: string, signal: AbortSignal): Errand {
    signal.throwIfAborted();
    return { far: this.far, what, signal };
  }

  protected inRoom<T>(work: (room: string) => Promise<T>): Promise<T> {
    return inRoom(this.identity, work);
  }
}

export const exchanged = (url: string): ProgramError =>
  new ProgramError('directory-missing', `the archive directory of ${url} was exchanged meanwhile`, {
    detail: 'Its .twowarm/owner is gone, or another one.',
    hint: 'It was mounted, unmounted or renamed during the call. The next call looks at it anew.',
  });

/** From a room to where it is wanted, inspected on the way. */
async function copyOut(
  from: string,
  path: string,
  inspectOf: InspectOf,
  signal: AbortSignal,
): Promise<'fetched'> {
  const opened = await openRegular(from);
  if (opened === 'not a file') throw new Error(`${from} is not a regular file`);
  try {
    const inspect = inspectOf(opened.stats.size);
    await createFile(path, (to) => copyBytes(opened.descriptor, to, inspect, signal));
    return 'fetched';
  } finally {
    await closeFile(opened.descriptor);
  }
}
