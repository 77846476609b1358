// How arrivals in the own archive are noticed: an event brings the name of one; whatever events may have missed (a
// network file system, a queue that ran over) shows in the directory's own times, or at the latest by the clock.
import { errnoOf } from '../program/program-error.ts';
import { stat } from '../program/system-calls.ts';
import type { Watch } from '../program/watch-directory.ts';
import type { ReadTransport } from '../transport/transport.ts';
import { parseWalFileName } from '../wal/filename.ts';

/** How long events alone are believed, in ms. */
const lookEveryMs = 5 * 60_000;

export class ArrivalWatch {
  private readonly directory: string;
  private watch: Watch | undefined;
  private times: string | undefined;
  private hadEvents = false;
  private lookedAt = -Infinity;
  private isAsking = false;

  /** `directory` is where the source of begin() is. */
  constructor(directory: string) {
    this.directory = directory;
  }

  /** Watches from now on. `arrived` gets the name of a WAL file that may be new; `unsure` says that anything may be. */
  async begin(source: ReadTransport, arrived: (name: string) => void, unsure: () => void): Promise<void> {
    this.end();
    this.watch = await source.watch((changed) => {
      this.hadEvents = true;
      if (changed === undefined) return unsure();
      // A suffix of ours says how the bytes are kept, not whose they are.
      const name = changed.replace(/\.zst$/, '');
      if (parseWalFileName(name) !== undefined) arrived(name);
    });
    this.times = await this.timesNow();
  }

  /** All has just been listed. */
  looked(): void {
    this.lookedAt = performance.now();
  }

  /** Whether all has to be listed: by the clock, or because the directory changed without an event. */
  async mustLook(): Promise<boolean> {
    if (performance.now() - this.lookedAt >= lookEveryMs || this.watch === undefined) return true;
    // A look that hangs is not repeated: each would keep a thread.
    if (this.isAsking) return false;
    this.isAsking = true;
    const { hadEvents } = this;
    this.hadEvents = false;
    const times = await this.timesNow();
    this.isAsking = false;
    const hasChanged = times !== this.times;
    this.times = times;
    return hasChanged && !hadEvents && !this.hadEvents;
  }

  end(): void {
    this.watch?.close();
    this.watch = undefined;
    this.times = undefined;
  }

  /** Of the directory; why they cannot be read, listing it will say. */
  private async timesNow(): Promise<string> {
    try {
      const { ino, mtimeMs } = await stat(this.directory);
      return `${ino} ${mtimeMs}`;
    } catch (error) {
      return errnoOf(error) ?? 'unknown';
    }
  }
}
