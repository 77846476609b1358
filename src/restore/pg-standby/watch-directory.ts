// fs.watch on one directory. pg_standby looks by its interval anyway, so an event only wakes, and where none come (a network
// file system, no more watches) nothing is lost.
import { watch } from 'node:fs';

/** Calls `wake` with the name of what changed in the directory, or undefined where the system does not say. */
export function watchDirectory(
  directory: string,
  wake: (name: string | undefined) => void,
): { close(): void } {
  try {
    const watcher = watch(directory, (_event, name) => wake(name ?? undefined));
    watcher.on('error', () => wake(undefined));
    return { close: () => watcher.close() };
  } catch {
    return { close: () => undefined };
  }
}
