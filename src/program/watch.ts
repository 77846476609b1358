// fs.watch for directories that may hold 100,000 files. An event only wakes: what is there is looked up by the one who
// waits, who also looks by the clock, because a network file system gives no events.
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
