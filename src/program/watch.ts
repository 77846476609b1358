// The one door to chokidar, and fs.watch for directories that may hold 100,000 files: chokidar would look at each of
// them. An event only wakes: what is there is looked up by the one who waits, who also looks by the clock, because a
// network file system gives no events.
import { existsSync, unwatchFile, watch as watchDirectoryEvents, watchFile } from 'node:fs';
import { basename, dirname } from 'node:path';
import { watch as watchSmallFiles } from 'chokidar';

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
    const watcher = watchDirectoryEvents(directory, (_event, name) =>
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

/** Calls `wake` when one of a few files comes, changes or goes; their directories should be small. */
export function watchFiles(paths: readonly string[], wake: () => void): Watch {
  const watcher = watchSmallFiles([...paths], { depth: 0, ignoreInitial: true });
  watcher.on('all', () => wake());
  // What came before the watches stood has no event.
  watcher.on('ready', () => wake());
  // Nothing can be watched in a directory that is not there yet.
  let works = paths.every((path) => existsSync(dirname(path)));
  // No more watches, or a directory that may not be read.
  watcher.on('error', () => (works = false));
  return {
    get works() {
      return works;
    },
    close: () => void watcher.close(),
  };
}
