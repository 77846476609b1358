// Whether a name is taken, judged by size and SHA-256 alone: for one who has been told what a file holds and has not seen it.
import { syncDirectoryOf, type Difference } from '../publish.ts';
import type { Identity } from '../transport.ts';
import { areSame, contentsOf, withForms, type Contents } from './contents.ts';
import { settle } from './judge.ts';

type Found = 'already-stored' | Difference | undefined;

/** As judge(), without the new file: where contents differ, it is not known from which byte on. */
export const findContents = (
  target: string,
  wanted: Contents,
  by: Identity,
  signal: AbortSignal,
): Promise<Found> => find(target, wanted, by, signal);

/** The same for a dry run: nothing is made durable, nor put on record. */
export const lookForContents = (target: string, wanted: Contents, signal: AbortSignal): Promise<Found> =>
  find(target, wanted, undefined, signal);

async function find(
  target: string,
  wanted: Contents,
  by: Identity | undefined,
  signal: AbortSignal,
): Promise<Found> {
  return withForms(target, async (forms) => {
    if (forms.length === 0) return undefined;
    for (const stored of forms) {
      const { isRecorded, ...contents } = await contentsOf(target, stored, signal);
      if (!areSame(contents, wanted))
        return { differsAt: undefined, existingBytes: contents.sizeBytes, newBytes: wanted.sizeBytes };
      if (by !== undefined) await settle(target, { stored, isRecorded }, wanted, by);
    }
    if (by !== undefined) await syncDirectoryOf(target);
    return 'already-stored';
  });
}
