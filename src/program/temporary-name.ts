// Names of unfinished files: .tmp.<name>.<node>.<pid>.<start>.<random>. A name tells who wrote it, so that only the
// same node removes it, and only when that process is gone.
import { readdirSync, readFileSync, unlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const prefix = '.tmp.';
/** A temporary file of another node, or one we cannot judge, is left alone this long. */
const foreignAgeMs = 24 * 3_600_000;

/** The start time of a process in clock ticks since boot (field 22 of /proc/<pid>/stat, proc(5)); undefined: gone. */
export function startOfProcess(pid: number | 'self'): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

let ownStart: string | undefined;

/** A fresh temporary path in the directory of `path`. */
export function temporaryPath(path: string, nodeId: string): string {
  ownStart ??= startOfProcess('self') ?? '0';
  // Uniqueness rests on O_EXCL and the process; the crypto module would cost the hot path 2 ms.
  const random = Math.random().toString(16).slice(2, 14);
  return join(dirname(path), `${prefix}${basename(path)}.${nodeId}.${process.pid}.${ownStart}.${random}`);
}

export function isTemporaryName(name: string): boolean {
  return name.startsWith(prefix);
}

/** Whether nobody can be writing this file any more: its process on this node is gone, or it is a day old. */
export function isAbandoned(name: string, nodeId: string, ageMs: number): boolean {
  const [node, pid, start] = name.split('.').slice(-4);
  if (node === nodeId && pid !== undefined && start !== undefined && /^[0-9]+$/.test(pid)) {
    // Where /proc does not show even ourselves, nobody can be judged by it.
    return startOfProcess('self') !== undefined && startOfProcess(Number(pid)) !== start;
  }
  return ageMs > foreignAgeMs;
}

/**
 * Removes the small files that killed processes left unfinished in a directory: this node's, or without a node those
 * of every process of this machine, for a home is one node's, which may die before its id is on record. What cannot be
 * removed stays.
 */
export function removeAbandoned(directory: string, nodeId?: string): void {
  try {
    for (const name of readdirSync(directory).filter(isTemporaryName)) {
      if (isAbandoned(name, nodeId ?? name.split('.').at(-4) ?? '', 0)) unlinkSync(join(directory, name));
    }
  } catch {
    // The directory is not there yet, or the next call tries again.
  }
}
