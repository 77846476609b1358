// What a kept file holds, decoded where it is compressed, and where it parts from the archive's file of the same name, in
// whichever form that is. Reads both as they pass: a segment may have 1 GB.
import { join } from 'node:path';
import { closeFile } from '../program/system-calls.ts';
import { ProgramError } from '../program/program-error.ts';
import { pageIsAt, parseLongPageHeader, type LongPageHeader } from '../wal/page-header.ts';
import { contentsOf, withForms } from './compressed/contents.ts';
import { plaintextOf, type Stored } from './compressed/decode.ts';
import type { Conflict } from './conflicts.ts';
import { openRegular } from './copy.ts';

/** The longest segment there is: nothing that is kept aside holds more. */
const longestBytes = 1024 * 1024 * 1024;

/** How a kept file compares with the archive's file of the same name. */
export type Comparison =
  | { counterpart: 'none' }
  /** `name`: of the archive's file, with .zst where that is compressed. */
  | { counterpart: 'identical'; name: string }
  /** They part at this byte; where one is the beginning of the other, at its end. `sizeBytes`: of the archive's, decoded. */
  | { counterpart: 'different'; name: string; differsAt: number; sizeBytes: number };

async function withKept<T>({ path, name, walName }: Conflict, use: (kept: Stored) => Promise<T>): Promise<T> {
  const opened = await openRegular(path);
  if (opened === 'not a file') throw new ProgramError('input-output', `${path} is not a regular file`);
  try {
    return await use({ ...opened, path, form: name === walName ? 'plain' : 'zstd' });
  } finally {
    await closeFile(opened.descriptor);
  }
}

/** Compares the two; where the archive has the name in both forms, with the plain one. */
export async function compareConflict(
  directory: string,
  conflict: Conflict,
  signal: AbortSignal,
): Promise<Comparison> {
  const { walName } = conflict;
  const target = join(directory, walName);
  return withForms(target, async ([other]) => {
    if (other === undefined) return { counterpart: 'none' };
    const name = other.form === 'plain' ? walName : `${walName}.zst`;
    const differsAt = await withKept(conflict, (kept) => firstDifference(kept, other, signal));
    if (differsAt === 'identical') return { counterpart: 'identical', name };
    const sizeBytes =
      other.form === 'plain' ? other.stats.size : (await contentsOf(target, other, signal)).sizeBytes;
    return { counterpart: 'different', name, differsAt, sizeBytes };
  });
}

async function firstDifference(
  left: Stored,
  right: Stored,
  signal: AbortSignal,
): Promise<number | 'identical'> {
  const sides = [left, right].map((each) => plaintextOf(each, longestBytes, signal));
  const next = async (side: AsyncGenerator<Buffer, void>): Promise<Buffer> =>
    (await side.next()).value ?? Buffer.alloc(0);
  try {
    for (let at = 0; ;) {
      // Both come in chunks of the same size; only the last one is shorter.
      const [one, other] = (await Promise.all(sides.map(next))) as [Buffer, Buffer];
      if (!one.equals(other)) return at + offsetOfDifference(one, other);
      if (one.length === 0) return 'identical';
      at += one.length;
    }
  } finally {
    for (const side of sides) await side.return();
  }
}

function offsetOfDifference(one: Buffer, other: Buffer): number {
  const shorter = Math.min(one.length, other.length);
  let offset = 0;
  while (offset < shorter && one[offset] === other[offset]) offset += 1;
  return offset;
}

/** A kept history file as text; what is longer than one can be is cut off. */
export async function historyOfKept(conflict: Conflict, signal: AbortSignal): Promise<string> {
  return withKept(conflict, async (kept) => {
    for await (const chunk of plaintextOf(kept, longestBytes, signal)) return chunk.toString('utf8');
    return '';
  });
}

/** The header of a kept file's first page; undefined where it does not begin as WAL. */
export async function headerOfKept(
  conflict: Conflict,
  signal: AbortSignal,
): Promise<LongPageHeader | undefined> {
  return withKept(conflict, async (kept) => {
    for await (const chunk of plaintextOf(kept, longestBytes, signal)) {
      const header = parseLongPageHeader(chunk);
      return 'problem' in header || header.newer ? undefined : header;
    }
    return undefined;
  });
}

/** The pages before a byte, whole or begun, that are where they claim to be; from the first other one on none counts. */
export async function validPages(
  conflict: Conflict,
  header: LongPageHeader,
  upTo: number,
  signal: AbortSignal,
): Promise<number> {
  const { blockSize, pageAddress } = header;
  return withKept(conflict, async (kept) => {
    let page = 0;
    for await (const chunk of plaintextOf(kept, longestBytes, signal)) {
      const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      for (let at = 0; at < chunk.length; at += blockSize, page++) {
        if (page * blockSize >= upTo) return page;
        const address = pageAddress + BigInt(page * blockSize);
        if (!pageIsAt(view, at, header, Number(address >> 32n), Number(address & 0xffff_ffffn))) return page;
      }
    }
    return page;
  });
}
