// Writes a table of files with the same modes and times whatever the umask and the clock are.
import {
  chmodSync,
  constants,
  copyFileSync,
  lutimesSync,
  mkdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Entry, Tree } from './debian-tree.ts';

function writeEntry(path: string, entry: Entry): void {
  if (entry.kind === 'link') return symlinkSync(entry.target, path);
  if (entry.kind === 'text') writeFileSync(path, entry.content);
  else copyFileSync(entry.from, path, constants.COPYFILE_FICLONE);
  chmodSync(path, entry.mode);
}

/** All files and directories get the time `epoch`, in seconds. */
export function writeTree(directory: string, tree: Tree, epoch: number): void {
  const directories = new Set<string>([directory]);
  const make = (path: string): void => {
    if (directories.has(path)) return;
    make(dirname(path));
    mkdirSync(path);
    directories.add(path);
  };
  chmodSync(directory, 0o755);
  for (const [name, entry] of tree) {
    const path = join(directory, name);
    make(dirname(path));
    writeEntry(path, entry);
    lutimesSync(path, epoch, epoch);
  }
  // The deepest first: to write into one changes its time.
  for (const path of [...directories].sort().reverse()) {
    chmodSync(path, 0o755);
    lutimesSync(path, epoch, epoch);
  }
}
