// Small files of one directory, several of them at once.
import { ProgramError } from '../../program/program-error.ts';
import type { WholeFile } from '../target.ts';
import type { ListedFile } from '../wire/small-files.ts';
import type { Tree } from './tree.ts';
import { keepsWhole, writeWhole } from './whole-file.ts';

/** As many as there are threads by default. */
const atOnce = 4;

/** The results of `work` in the order of its arguments; after the first fault no further one is begun. */
async function each<From, To>(all: readonly From[], work: (one: From) => Promise<To>): Promise<To[]> {
  const results: To[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < all.length) {
      const index = next;
      next += 1;
      results[index] = await work(all[index]!).catch((error: unknown) => {
        next = all.length;
        throw error;
      });
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: atOnce }, worker));
  for (const one of ended) if (one.status === 'rejected') throw one.reason as Error;
  return results;
}

/** A name that came from elsewhere: one of a file in this very directory. */
function placeOf(tree: Tree, directory: string, name: string): Promise<string> {
  if (!name.includes('/')) return tree.placeOf(directory === '' ? name : `${directory}/${name}`);
  throw new ProgramError('target-path', `cannot write to "${name}": that is no name of a file`);
}

/** As target.ts promises it of several(). */
export async function writeSeveral(
  tree: Tree,
  directory: string,
  files: readonly WholeFile[],
  signal: AbortSignal,
): Promise<void> {
  await each(files, async ({ name, mode, bytes }) => {
    signal.throwIfAborted();
    await writeWhole(await placeOf(tree, directory, name), mode, bytes);
  });
}

/** Which of them are there as they should be, and durable. */
export function keptOf(
  tree: Tree,
  directory: string,
  files: readonly ListedFile[],
  signal: AbortSignal,
): Promise<boolean[]> {
  return each(files, async ({ name, mode, sizeBytes, proof }) => {
    signal.throwIfAborted();
    return keepsWhole(await placeOf(tree, directory, name), mode, sizeBytes, proof);
  });
}
