// A file into an archive that keeps it compressed, and the comparison of a file with what an archive holds in either form.
import {
  lstat,
  openFile,
  closeFile,
  settleOpenFile,
  statOpen,
  unlessMissing,
} from '../../program/system-calls.ts';
import { temporaryPath } from '../../program/temporary-name.ts';
import { compareWith, syncOrFail, type Bytes, type Fence, type Published } from '../publish.ts';
import { compressedPath } from '../stored-form.ts';
import type { Identity } from '../transport.ts';
import { noteUnfinished, removeUnfinished } from '../unfinished.ts';
import { writerOf } from '../writer.ts';
import { Tally, type Contents } from './contents.ts';
import { plaintextOf, type Stored } from './decode.ts';
import { Encoder, intoFile } from './encode.ts';
import { judge, vanished } from './judge.ts';
import { publishWritten } from './publish-written.ts';

/** As publish (publish.ts), but the bytes are stored compressed where the name is free. */
export async function storeCompressed(
  target: string,
  bytes: Bytes,
  by: Identity,
  signal: AbortSignal,
  fence: Fence,
): Promise<Published> {
  if ((await unlessMissing(lstat(compressedPath(target)))) !== undefined)
    return compareStored(target, bytes, by, signal);
  if ((await unlessMissing(lstat(target))) !== undefined) return compareWith(target, bytes, signal);
  const temporary = temporaryPath(compressedPath(target), writerOf(by));
  noteUnfinished(by.stateDirectory, temporary);
  try {
    const contents = await writeCompressed(temporary, bytes, signal);
    return await publishWritten(target, { temporary, form: 'zstd', ...contents }, by, signal, fence);
  } finally {
    await removeUnfinished(by.stateDirectory, temporary);
  }
}

async function writeCompressed(temporary: string, bytes: Bytes, signal: AbortSignal): Promise<Contents> {
  const source = await asStored(bytes);
  const descriptor = await openFile(temporary, 'wx', 0o600);
  const encoder = new Encoder(intoFile(descriptor), source.stats.size);
  try {
    await settleOpenFile(descriptor, temporary);
    const tally = new Tally();
    for await (const chunk of plaintextOf(source, Infinity, signal)) {
      bytes.inspect.add(chunk);
      // Compressed on another thread while it is hashed here.
      const added = encoder.add(chunk);
      tally.add(chunk);
      await added;
    }
    bytes.inspect.end();
    await encoder.end();
    await syncOrFail(descriptor, temporary);
    return tally.end();
  } finally {
    encoder.close();
    // close() can report a write that failed late (NFS); it must fail the publication too.
    await closeFile(descriptor);
  }
}

/** Compares with what the archive holds, plain, compressed, or both. The same is made durable before it counts. */
export async function compareStored(
  target: string,
  bytes: Bytes,
  by: Identity,
  signal: AbortSignal,
): Promise<Published> {
  const source = await asStored(bytes);
  const tally = new Tally();
  for await (const chunk of plaintextOf(source, Infinity, signal)) {
    bytes.inspect.add(chunk);
    tally.add(chunk);
  }
  bytes.inspect.end();
  const fresh = { ...source, ...tally.end() };
  return (await judge(target, fresh, by, signal)) ?? vanished(target);
}

const asStored = async ({ descriptor }: Bytes): Promise<Stored> => ({
  descriptor,
  stats: await statOpen(descriptor),
  path: 'the file to store',
  form: 'plain',
});
