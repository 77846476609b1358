// One process at a time: a small file names the one at work by its process id and start time, for a number alone may be
// another process by now. A file of a process that is gone counts for nothing.
import { readFileSync, renameSync, unlinkSync } from 'node:fs';
import { errnoOf, fromSystemError } from './program-error.ts';
import { createSmallFile } from './small-file.ts';
import { startOfProcess } from './temporary-name.ts';

/** Who is at work. */
export interface Holder {
  pid: number;
  /** What it said of itself when it took the lock; may be empty. */
  note: string;
}

export interface ProcessLock {
  release(): void;
}

const ourselves = (note: string): string =>
  `${process.pid} ${startOfProcess('self') ?? '0'}${note === '' ? '' : ` ${note}`}\n`;

/** Undefined for the text of a process that is gone. */
function holderIn(text: string): Holder | undefined {
  const [pid, start, note = ''] = text.trim().split(' ');
  if (start === undefined || startOfProcess(Number(pid)) !== start) return undefined;
  return { pid: Number(pid), note };
}

function readLock(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fromSystemError(error, `could not read ${path}`);
  }
}

/** Who holds the lock, if anybody who lives does. */
export function holderOf(path: string): Holder | undefined {
  const text = readLock(path);
  return text === undefined ? undefined : holderIn(text);
}

/** Takes the lock, or says who has it. `note`, one word, is for others. */
export function takeProcessLock(path: string, nodeId: string, note = ''): ProcessLock | Holder {
  for (;;) {
    const text = readLock(path);
    const holder = text === undefined ? undefined : holderIn(text);
    if (holder !== undefined) return holder;
    const other = text === undefined ? undefined : moveAway(path, text);
    if (other !== undefined) return other;
    if (createSmallFile(path, ourselves(note), nodeId)) return { release: () => giveUp(path, note) };
  }
}

export const isHolder = (lock: ProcessLock | Holder): lock is Holder => 'pid' in lock;

/** Removes the file of a process that is gone, unless another one did so and took the lock: then that one. */
function moveAway(path: string, judged: string): Holder | undefined {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fromSystemError(error, `could not remove ${path}`);
  }
  const moved = readLock(aside);
  const other = moved === undefined || moved === judged ? undefined : holderIn(moved);
  if (other === undefined) unlinkSync(aside);
  else renameSync(aside, path);
  return other;
}

function giveUp(path: string, note: string): void {
  try {
    if (readLock(path) === ourselves(note)) unlinkSync(path);
  } catch {
    // It names a process that is gone in a moment.
  }
}
