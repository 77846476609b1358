// Other contents of one partial segment: each promotion of a timeline may leave one. They are kept beside the first, plain,
// named by their SHA-256, and count as archived. Loaded only then.
import { join } from 'node:path';
import { makeDirectoryDurably } from '../program/make-directory.ts';
import { hashFile } from './hash.ts';
import { alreadyInspected, publish, type Bytes, type Fence, type Published } from './publish.ts';
import type { Identity } from './transport.ts';

/** Keeps the bytes, which have been inspected, as a version of `name` in the directory of versions. */
export async function keepVersion(
  directory: string,
  name: string,
  bytes: Bytes,
  by: Identity,
  signal: AbortSignal,
  fence: Fence,
): Promise<Published> {
  await makeDirectoryDurably(directory);
  const target = join(directory, `${name}.${await hashFile(bytes.descriptor, signal)}`);
  return publish(target, { ...bytes, inspect: alreadyInspected }, by, signal, fence);
}
