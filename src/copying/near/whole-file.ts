// A small file that is whole in memory, into a data directory of this machine: what is there already is kept where it is the
// same. Durable but for its name, as every file of a copy.
import { close, read } from '../../program/quick-calls.ts';
import { fsync } from '../../program/system-calls.ts';
import { fill } from '../../transport/copy.ts';
import { syncOrFail } from '../../transport/publish.ts';
import { proofOf } from '../proof.ts';
import type { PageDigests } from '../sums/page-digests.ts';
import { chunkBytes } from '../target.ts';
import { withBuffer } from './buffers.ts';
import { changeModeOpen, naming, truncateOpen, writeAt } from './calls.ts';
import { openForCopy, openThere, type Opened } from './open-file.ts';

const readOld = <T>({ descriptor, oldBytes }: Opened, use: (old: Buffer) => T): Promise<T> =>
  withBuffer(async (buffer) => {
    const length = await fill(descriptor, buffer.subarray(0, oldBytes), 0, read);
    return use(buffer.subarray(0, length));
  });

const isSame = async (opened: Opened, bytes: Buffer): Promise<boolean> =>
  opened.oldBytes === bytes.length &&
  (bytes.length === 0 || (await readOld(opened, (old) => old.equals(bytes))));

async function write({ descriptor, oldBytes }: Opened, bytes: Buffer): Promise<void> {
  await writeAt(descriptor, bytes, 0, bytes.length, 0);
  if (oldBytes > bytes.length) await truncateOpen(descriptor, bytes.length);
}

/** Its mode, and all of it on the disk. */
async function settle(path: string, opened: Opened, mode: number): Promise<void> {
  if (opened.mode !== mode) await naming('write', path, () => changeModeOpen(opened.descriptor, mode));
  await syncOrFail(opened.descriptor, `file "${path}"`, fsync);
}

/** Its directory has to be known not to be a link (tree.ts); `bytes`: at most a chunk. */
export async function writeWhole(path: string, mode: number, bytes: Buffer): Promise<void> {
  const opened = await openForCopy(path);
  try {
    if (!(await naming('read', path, () => isSame(opened, bytes))))
      await naming('write', path, () => write(opened, bytes));
    await settle(path, opened, mode);
  } finally {
    await close(opened.descriptor);
  }
}

/** What a file has to be; the proof is made with these digests. */
export interface Proved {
  sizeBytes: number;
  proof: string;
  digests: PageDigests;
}

/** Whether the file is there with this size and this proof; then it has that mode, and is durable. False also for what must not be kept. */
export async function keepsWhole(
  path: string,
  mode: number,
  { sizeBytes, proof, digests }: Proved,
): Promise<boolean> {
  const opened = await naming('open', path, () => openThere(path));
  if (opened === undefined) return false;
  try {
    if (opened.oldBytes !== sizeBytes || sizeBytes > chunkBytes) return false;
    if ((await naming('read', path, () => readOld(opened, (old) => proofOf(old, digests)))) !== proof)
      return false;
    await settle(path, opened, mode);
    return true;
  } finally {
    await close(opened.descriptor);
  }
}
