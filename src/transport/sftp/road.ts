// The verbs of a road by SFTP: those of an archive that is a directory, which here lies on another machine. Each says what it
// was about, names the archive by its URL, and ends with its signal.
import { fromSystemError, ProgramError } from '../../program/program-error.ts';
import type { Watch } from '../../program/watch-directory.ts';
import { requireDirectory, readOwner } from '../archive-identity.ts';
import { refuseExchanged } from '../known-archives.ts';
import { WritableArchive } from '../filesystem-writing.ts';
import type { Transport, Way } from '../transport.ts';

/** An archive on another machine. Over there nothing tells one directory from another but the name in it. */
export class FarArchive extends WritableArchive {
  override async requireStillThere(): Promise<void> {
    await requireDirectory(this.directory);
    const { archiveName } = this.admission;
    if (archiveName === undefined) return;
    if ((await readOwner(this.directory))?.archive !== archiveName)
      refuseExchanged(this.directory, this.identity);
  }

  /** No server tells of what comes: who waits looks by the clock. */
  override async watch(): Promise<Watch> {
    return { works: false, look: () => undefined, close: () => undefined };
  }
}

/** How long a verb that was told to stop may take to clean up over there, in ms. */
const graceMs = 500;

/** What `work` comes to, or the signal's reason, once the work has cleaned up or does not get to it. */
async function untilStopped<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = (): void => undefined;
  let timer: NodeJS.Timeout | undefined;
  const stopped = new Promise<never>((_, reject) => {
    onAbort = () => (timer = setTimeout(() => reject(signal.reason as Error), graceMs));
    signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([work, stopped]);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** Where the archive is mounted, and where that is. */
export interface Place {
  url: string;
  prefix: string;
  origin: string;
}

const isOfSession = (error: object): boolean => 'isOfLink' in error;

/** The fault in words that mean something to a person: what it kept from happening, and the URL. */
export function namedFault(error: unknown, message: string, { prefix, origin }: Place): unknown {
  if (!(error instanceof ProgramError)) return fromSystemError(error, message);
  const parts = [error.message, error.detail, error.hint];
  const isNamed = parts.some((part) => part?.includes(prefix));
  if (!isNamed && !isOfSession(error)) return error;
  const [words, detail, hint] = parts.map((part) => part?.replaceAll(prefix, origin));
  const whole = isOfSession(error) ? `${message}: ${words}` : words!;
  return new ProgramError(error.kind, whole, { detail, hint, cause: error });
}

/** The road over the archive; `release` when it is closed. */
export function roadOver(archive: FarArchive, place: Place, way: Way, release: () => void): Transport {
  const { url } = place;
  const about = async <T>(what: string, signal: AbortSignal, verb: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    try {
      return await untilStopped(verb(), signal);
    } catch (error) {
      signal.throwIfAborted();
      throw namedFault(error, `could not ${what} ${url}`, place);
    }
  };
  return {
    url,
    way,
    promises: { exclusive: true, durable: false },
    isVacant: archive.isVacant,
    list: (signal) => about('list', signal, () => archive.list(signal)),
    stat: (name, signal) => about(`look for ${name} at`, signal, () => archive.stat(name, signal)),
    get: (name, path, inspectOf, signal) =>
      about(`restore ${name} from`, signal, () => archive.get(name, path, inspectOf, signal)),
    put: (name, source, inspectOf, signal) =>
      about(`store ${name} at`, signal, () => archive.put(name, source, inspectOf, signal)),
    remove: (name, signal) => about(`remove ${name} at`, signal, () => archive.remove(name, signal)),
    gapOf: (name, signal) => about(`ask for a gap ${name} at`, signal, () => archive.gapOf(name, signal)),
    recordGap: (gap, signal) =>
      about(`record the gap ${gap.name} at`, signal, () => archive.recordGap(gap, signal)),
    ownership: (signal) => about('ask for the owner of', signal, () => archive.ownership(signal)),
    claim: (request, signal) => about('claim', signal, () => archive.claim(request, signal)),
    release: (epoch, signal) =>
      about(`take back the claim of epoch ${epoch} of`, signal, () => archive.release(epoch, signal)),
    reserve: (request, signal) =>
      about(`reserve timeline ${request.timeline} at`, signal, () => archive.reserve(request, signal)),
    reservationOf: (timeline, signal) =>
      about(`look for the reservation of timeline ${timeline} at`, signal, () =>
        archive.reservationOf(timeline, signal),
      ),
    prunedOf: (name, signal) => about('ask for what was pruned at', signal, () => archive.prunedOf(name)),
    registerConsumer: (need, signal) => about('register at', signal, () => archive.registerConsumer(need)),
    watch: () => archive.watch(),
    close: async () => release(),
  };
}
