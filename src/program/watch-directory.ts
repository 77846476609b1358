// fs.watch on one directory, which may hold 100,000 files (chokidar would look at each of them). An event only wakes: what
// is there is looked up by the one who waits, who also looks by the clock, because a network file system gives no events.
import { stat, watch } from 'node:fs';
import { basename } from 'node:path';
import { noteHangingCall } from './leave.ts';

export interface Watch {
  /** False where no events can come: the directory is missing, or the system has no more watches. */
  readonly works: boolean;
  /** For where no events come: looks at the directory's own times, and wakes when they differ from the last look's. */
  look(): void;
  close(): void;
}

const nothing: Watch = { works: false, look: () => undefined, close: () => undefined };

/**
 * Calls `wake` with the name of what changed in the directory, or undefined where the system does not say. Where no
 * events come (another machine wrote over a network), look() tells by the directory's own times.
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
    const times = watchTimes(directory, () => wake(undefined));
    const close = (): void => {
      watcher.close();
      times.close();
    };
    return { works: true, look: times.look, close };
  } catch {
    return nothing;
  }
}

const timesOf = (directory: string): Promise<string> =>
  new Promise((resolve) => {
    stat(directory, (error, stats) =>
      resolve(error === null ? `${stats.ino} ${stats.mtimeMs} ${stats.ctimeMs}` : String(error.code)),
    );
  });

/**
 * Calls `wake` when a directory's times differ from the last look's. Not fs.watchFile: a look at a dead mount hangs, and
 * whoever ends the process then has to know.
 */
function watchTimes(directory: string, wake: () => void): Pick<Watch, 'look' | 'close'> {
  let last: string | undefined;
  let isLooking = false;
  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    const times = await timesOf(directory);
    isLooking = false;
    if (last !== undefined && times !== last) wake();
    last = times;
  };
  void look();
  return {
    look: () => void look(),
    close: () => {
      if (isLooking) noteHangingCall();
    },
  };
}
