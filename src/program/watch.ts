// The one door to chokidar, which watches what is small: the few files that can end a wait, also before they exist.
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { watch } from 'chokidar';
import type { Watch } from './watch-directory.ts';

/** Calls `wake` when one of a few files comes, changes or goes; their directories should be small. */
export function watchFiles(paths: readonly string[], wake: () => void): Watch {
  const watcher = watch([...paths], { depth: 0, ignoreInitial: true });
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
    look: () => undefined,
    close: () => void watcher.close(),
  };
}
