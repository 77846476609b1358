// The SHA-256 of an open file, for the few names that carry their content's hash. Loaded only then.
import { createHash } from 'node:crypto';
import { compareBytes } from './copy.ts';

/** 64 lower-case hexadecimal digits. */
export async function hashFile(descriptor: number, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await compareBytes(
    descriptor,
    descriptor,
    { add: (chunk) => void hash.update(chunk), end: () => undefined },
    signal,
  );
  return hash.digest('hex');
}
