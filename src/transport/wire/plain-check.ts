// What a file's bytes must be once they have crossed a network: as many as announced, with the announced hash, and what
// the name says. Both ends use it.
import { createHash } from 'node:crypto';
import { ProgramError } from '../../program/program-error.ts';
import type { Inspect } from '../transport.ts';

/** Inspections rely on multiples of 64 kB. */
const chunkBytes = 524_288;

/** Sees the plaintext pass in pieces of any size. Throws at the first byte too many: a bomb must not fill the disk. */
export class PlainCheck {
  private total = 0;
  private readonly hash = createHash('sha256');
  private readonly sizeBytes: number;
  private readonly regrouped: Regrouped | undefined;

  /** Without `inspect`: whoever sends it has inspected it. */
  constructor(sizeBytes: number, inspect?: Inspect) {
    this.sizeBytes = sizeBytes;
    this.regrouped = inspect === undefined ? undefined : new Regrouped(inspect);
  }

  add(bytes: Buffer): void {
    this.total += bytes.length;
    if (this.total > this.sizeBytes) throw differs(`more than ${this.sizeBytes} bytes came`);
    this.hash.update(bytes);
    this.regrouped?.add(bytes);
  }

  /** After the last piece: `sha256` is what the sender has computed. */
  end(sha256: string): void {
    this.regrouped?.pass();
    if (this.total !== this.sizeBytes) throw differs(`${this.total} of ${this.sizeBytes} bytes came`);
    if (this.hash.digest('hex') !== sha256) throw differs('its SHA-256 is another one');
    this.regrouped?.inspect.end();
  }
}

/** Pieces of any size, as an inspection wants them. */
class Regrouped {
  readonly inspect: Inspect;
  private readonly buffer = Buffer.allocUnsafeSlow(chunkBytes);
  private filled = 0;

  constructor(inspect: Inspect) {
    this.inspect = inspect;
  }

  add(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      const copied = bytes.copy(this.buffer, this.filled, at);
      at += copied;
      this.filled += copied;
      if (this.filled === chunkBytes) this.pass();
    }
  }

  /** What has gathered, also before the buffer is full. */
  pass(): void {
    if (this.filled === 0) return;
    this.inspect.add(this.buffer.subarray(0, this.filled));
    this.filled = 0;
  }
}

const differs = (reason: string): ProgramError =>
  new ProgramError('input-output', `what arrived is not what was announced: ${reason}`);
