// Something that holds for as long as a server runs is said once, not with each of the thousand calls that find it: a
// mark in <home>/state/said/ keeps what was said. Loaded only when there is something to say.
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileMode, makeDirectory } from './file-owner.ts';
import { errnoOf } from './program-error.ts';

const markOf = (stateDirectory: string, topic: string): string => join(stateDirectory, 'said', topic);

/** Runs `say` unless this text was the last one said on the topic. A mark that cannot be kept means saying it again. */
export async function sayOnce(
  stateDirectory: string,
  topic: string,
  text: string,
  say: () => Promise<void>,
): Promise<void> {
  const mark = markOf(stateDirectory, topic);
  try {
    if (readFileSync(mark, 'utf8') === text) return;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
  await say();
  try {
    makeDirectory(join(stateDirectory, 'said'));
    writeFileSync(mark, text, { mode: fileMode });
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
}

/** The matter is over: should it come back, it is said again. */
export function forgetSaid(stateDirectory: string, topic: string): void {
  try {
    unlinkSync(markOf(stateDirectory, topic));
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
}
