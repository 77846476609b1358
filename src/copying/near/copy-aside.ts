// A copy of a file on another disk, durable and compared with the original: before that is removed.
import { constants } from 'node:fs';
import { fromSystemError, ProgramError } from '../../program/program-error.ts';
import { closeFile, fsync, openFile } from '../../program/system-calls.ts';
import { compareBytes, copyBytes, createFile } from '../../transport/copy.ts';

const looksAtNothing = { add: () => undefined, end: () => undefined };

/** Never over another file; after a throw there is none. */
export async function copyAside(from: string, to: string, signal: AbortSignal): Promise<void> {
  try {
    const source = await openFile(from, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      await createFile(to, async (copy) => {
        await copyBytes(source, copy, looksAtNothing, signal);
        await fsync(copy);
      });
      await requireSame(source, from, to, signal);
    } finally {
      await closeFile(source);
    }
  } catch (error) {
    throw fromSystemError(error, `could not copy "${from}" to "${to}"`);
  }
}

async function requireSame(source: number, from: string, to: string, signal: AbortSignal): Promise<void> {
  const copy = await openFile(to, 'r');
  try {
    if ((await compareBytes(source, copy, looksAtNothing, signal)) === 'identical') return;
  } finally {
    await closeFile(copy);
  }
  throw new ProgramError('input-output', `could not copy "${from}" to "${to}": the copy reads differently`);
}
