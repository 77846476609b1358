// How far a copy is, how fast, and how long it still takes.
import { megabytes } from '../program/megabytes.ts';
import { formatDuration } from '../program/settings/quantities.ts';

/** How long the rate looks back, in ms. */
const windowMs = 5000;
const barWidth = 24;

export interface Figures {
  bytes: number;
  /** Null until all is counted. */
  totalBytes: number | null;
  bytesPerSecond: number;
  /** Null while nobody can know. */
  secondsLeft: number | null;
}

export class Pace {
  /** Of all files, once they are counted. */
  totalBytes: number | undefined;
  private bytes = 0;
  private startedAt = performance.now();
  private marks: { at: number; bytes: number }[] = [];

  start(): void {
    this.startedAt = performance.now();
    this.marks = [{ at: this.startedAt, bytes: 0 }];
  }

  /** Negative where a file begins again. */
  add(bytes: number): void {
    this.bytes += bytes;
  }

  get elapsedMs(): number {
    return performance.now() - this.startedAt;
  }

  figures(): Figures {
    const bytesPerSecond = this.rate();
    const { bytes } = this;
    // Files grow while they are copied.
    const total = this.totalBytes === undefined ? undefined : Math.max(this.totalBytes, bytes);
    const left = total === undefined || bytesPerSecond === 0 ? null : (total - bytes) / bytesPerSecond;
    return {
      bytes,
      totalBytes: total ?? null,
      bytesPerSecond: Math.round(bytesPerSecond),
      secondsLeft: left === null ? null : Math.ceil(left),
    };
  }

  /** '512.3 MB of 1121.0 MB (45 %), 380.1 MB/s, 2s left' */
  words(): string {
    const { bytes, totalBytes, bytesPerSecond, secondsLeft } = this.figures();
    const share =
      totalBytes === null ? '' : ` of ${megabytes(totalBytes)} (${Math.floor(this.share() * 100)} %)`;
    const left =
      secondsLeft === null || secondsLeft === 0 ? '' : `, ${formatDuration(secondsLeft * 1000)} left`;
    return `${megabytes(bytes)}${share}, ${(bytesPerSecond / 1e6).toFixed(1)} MB/s${left}`;
  }

  /** '[############------------]' */
  bar(): string {
    const done = Math.floor(this.share() * barWidth);
    return `[${'#'.repeat(done)}${'-'.repeat(barWidth - done)}]`;
  }

  private share(): number {
    const { totalBytes, bytes } = this;
    if (totalBytes === undefined || totalBytes === 0) return 0;
    return Math.min(1, Math.max(0, bytes / Math.max(totalBytes, bytes)));
  }

  private rate(): number {
    const now = performance.now();
    this.marks.push({ at: now, bytes: this.bytes });
    while (this.marks.length > 2 && now - this.marks[1]!.at > windowMs) this.marks.shift();
    const first = this.marks[0]!;
    const ms = now - first.at;
    return ms <= 0 ? 0 : Math.max(0, ((this.bytes - first.bytes) / ms) * 1000);
  }
}
