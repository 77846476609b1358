// The content of a file, by which copies of a segment are compared.
import { closeFile } from '../../program/system-calls.ts';
import { openSourceFile } from '../../transport/copy.ts';
import { hashFile } from '../../transport/hash.ts';

export interface Content {
  sha256: string;
  sizeBytes: number;
}

/** Throws `source-missing` where it cannot be opened, and faults of reading. */
export async function contentOf(path: string, signal: AbortSignal): Promise<Content> {
  const { descriptor, stats } = await openSourceFile(path);
  try {
    return { sha256: await hashFile(descriptor, signal), sizeBytes: stats.size };
  } finally {
    await closeFile(descriptor);
  }
}
