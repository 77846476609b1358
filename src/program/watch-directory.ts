// fs.watch on one directory, which may hold 100,000 files (chokidar would look at each of them). An event only wakes: what
// is there is looked up by the one who waits, who also looks by the clock, because a network file system gives no events.
import { unwatchFile, watch, watchFile } from 'node:fs';
import { basename } from 'node:path';

export interface Watch {
  /** False where no events can come: the directory is missing, or the system has no more watches. */
  readonly works: boolean;
  close(): void;
}

const nothing: Watch = { works: false, close: () => undefined };

/** How often the times of a watched directory are looked at, in ms. */
const lookEveryMs = 5000;

/**
 * Calls `wake` with the name of what changed in the directory, or undefined where the system does not say. Where no
 * events come (another machine wrote over a network), the directory's own times tell, 5 s later.
 */
export function watchDirectory(directory: string, wake: (name: string | undefined) => void): Watch {
  try {
    const own = basename(directory);
    const watcher = watch(directory, (_event, name) =>
      // Its own name: the directory was removed, renamed, or had its mode changed.
      wake(name === null || name === own ? undefined : name),
    );
    // The directory was removed or unmounted: the next look says so.
    watcher.on('error', () => wake(undefined));
    const compare = (): void => wake(undefined);
    watchFile(directory, { interval: lookEveryMs }, compare);
    const close = (): void => {
      watcher.close();
      unwatchFile(directory, compare);
    };
    return { works: true, close };
  } catch {
    return nothing;
  }
}
