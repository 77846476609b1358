// A file system in memory for the sandboxes of test files that make many files, whole clusters above all: what is written
// there need not survive the test, and making and removing files takes a third of the processor's time on some disks.
// Whatever tests a disk of ours stays on a disk; place.ts says which.
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { mountTmpfs } from './mounts.ts';
import { runsAsRoot } from './server-user.ts';

/** What may be used, and what has to be available: a machine with less keeps everything on disk. */
const limitGb = 8;
const neededGb = 12;

const directoryIn = (run: string): string => join(run, 'memory');

/** Mounts it in the directory of a run, where root may and memory is plenty. */
export function offerMemory(run: string): Disposable | undefined {
  if (!runsAsRoot() || availableGb() < neededGb) return undefined;
  const directory = directoryIn(run);
  mkdirSync(directory);
  try {
    return mountTmpfs(directory, `size=${limitGb}g`);
  } catch {
    // A container may forbid it.
    return undefined;
  }
}

/** That directory, if something is mounted on it. */
export function memoryOf(run: string): string | undefined {
  const there = statSync(directoryIn(run), { throwIfNoEntry: false });
  return there === undefined || there.dev === statSync(run).dev ? undefined : directoryIn(run);
}

function availableGb(): number {
  const [, kilobytes] = /^MemAvailable: +(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8')) ?? [];
  return Number(kilobytes ?? 0) / 1024 / 1024;
}
