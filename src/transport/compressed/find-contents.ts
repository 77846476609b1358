// Whether a name is taken, judged by size and SHA-256 alone: for one who has been told what a file holds and has not seen it.
import { syncDirectoryOf, type Difference } from '../publish.ts';
import type { Identity } from '../transport.ts';
import { areSame, contentsOf, withForms, type Contents } from './contents.ts';
import { settle } from './judge.ts';

/** As judge(), without the new file: where contents differ, it is not known from which byte on. */
export async function findContents(
  target: string,
  wanted: Contents,
  by: Identity,
  signal: AbortSignal,
): Promise<'already-stored' | Difference | undefined> {
  return withForms(target, async (forms) => {
    if (forms.length === 0) return undefined;
    for (const stored of forms) {
      const { isRecorded, ...contents } = await contentsOf(target, stored, signal);
      if (!areSame(contents, wanted))
        return { differsAt: undefined, existingBytes: contents.sizeBytes, newBytes: wanted.sizeBytes };
      await settle(target, { stored, isRecorded }, wanted, by);
    }
    await syncDirectoryOf(target);
    return 'already-stored';
  });
}
