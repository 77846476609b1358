// Digests of pages, by which two machines tell what they have: 128 bits under a key that one copy has and nobody knows before, so
// that no two pages can be made that have the same one. By chance, or on purpose, two that differ do in one of 2^64 cases.
import { createCipheriv, randomBytes } from 'node:crypto';
import { digestsAt, keyAt } from './layout.ts';
import { instanceOf, partOf, placeOf } from './memory.ts';
import { pageBytes, pagesIn } from './page.ts';
import { pageDigests } from './page-digests.wasm.ts';

interface Exports {
  digests: (at: number, end: number, into: number, keyAt: number) => void;
}

const { digests } = instanceOf(pageDigests) as Exports;

/** Of one page. */
export const digestBytes = 16;

/** Of a key. */
export const keyBytes = 32;

/** What NH takes: as much as a page, and 16 bytes for its second round. */
const expandedBytes = pageBytes + 16;

const keyPlace = partOf(keyAt, expandedBytes);

/** The expanded key that is in its place. */
let current: Buffer | undefined;

export class PageDigests {
  /** The two sides of a copy have the same. */
  readonly key: Buffer;
  private readonly expanded: Buffer;

  constructor(key: Buffer = randomBytes(keyBytes)) {
    this.key = key;
    const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
    this.expanded = cipher.update(Buffer.alloc(expandedBytes));
  }

  /** Of the pages of the bytes, at most a chunk, one after the other; the last page may be a part of one. */
  of(bytes: Buffer): Buffer {
    if (current !== this.expanded) keyPlace.set(this.expanded);
    current = this.expanded;
    const at = placeOf(bytes, pageBytes);
    digests(at, at + bytes.length, digestsAt, keyAt);
    return Buffer.from(partOf(digestsAt, pagesIn(bytes.length) * digestBytes));
  }
}
