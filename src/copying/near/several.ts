// Small files of one directory, several of them at once.
import { fewAtOnce } from '../../program/few-at-once.ts';
import { ProgramError } from '../../program/program-error.ts';
import type { WholeFile } from '../target.ts';
import type { PageDigests } from '../sums/page-digests.ts';
import type { ListedFile } from '../wire/small-files.ts';
import type { Tree } from './tree.ts';
import { keepsWhole, writeWhole } from './whole-file.ts';

/** As many as there are threads by default. */
const atOnce = 4;

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
  await fewAtOnce(files, atOnce, async ({ name, mode, bytes }) => {
    signal.throwIfAborted();
    await writeWhole(await placeOf(tree, directory, name), mode, bytes);
  });
}

/** Which of them are there as they should be, and durable. */
export function keptOf(
  tree: Tree,
  directory: string,
  files: readonly ListedFile[],
  digests: PageDigests,
  signal: AbortSignal,
): Promise<boolean[]> {
  return fewAtOnce(files, atOnce, async ({ name, mode, sizeBytes, proof }) => {
    signal.throwIfAborted();
    return keepsWhole(await placeOf(tree, directory, name), mode, { sizeBytes, proof, digests });
  });
}
