// Small file systems for tests of full and read-only disks. Only root can mount.
import { spawnSync } from 'node:child_process';

import { atExit } from './cleanup.ts';
import { giveToServerUser } from './server-user.ts';

export interface Mounted extends Disposable {
  /** Mounts it again with other options: 'ro'. */
  remount(options: string): void;
}

/** A tmpfs over an empty directory, the server user's, gone at the end of a `using` block. Options: 'size=512k'. */
export const mountTmpfs = (directory: string, options: string): Mounted =>
  mounted('tmpfs', directory, options);

/** A ramfs, which twowarm does not know for a file system of this machine. */
export const mountRamfs = (directory: string): Mounted => mounted('ramfs', directory, 'rw');

function mounted(type: string, directory: string, options: string): Mounted {
  command('mount', '-t', type, '-o', `${options},mode=0700`, 'twowarm-test', directory);
  const undo = (): void => command('umount', '-l', directory);
  const forget = atExit(undo);
  giveToServerUser(directory);
  return {
    remount: (changed) => command('mount', '-o', `remount,${changed}`, directory),
    [Symbol.dispose]: () => {
      undo();
      forget();
    },
  };
}

function command(...[program, ...args]: [string, ...string[]]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed: ${stderr}`);
}
