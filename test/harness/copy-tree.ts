// Copies of directory trees for the server user: by hard link where that is possible and enough, else byte by byte.
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { spawnSync } from 'node:child_process';

export type CopyMode = 'link' | 'copy';

/**
 * Puts a copy of a file or tree at `to`, readable (and executable where it was) by everybody. 'link' shares the
 * content with the original and is only for what nobody writes to; it falls back to copying. Callers may race for one
 * `to`: the first wins, and nobody sees half a copy.
 */
export function copyTree(from: string, to: string, mode: CopyMode): void {
  if (existsSync(to)) return;
  mkdirSync(dirname(to), { recursive: true });
  const room = mkdtempSync(join(dirname(to), '.copy-'));
  const draft = join(room, 'tree');
  if (mode === 'copy' || !copied(['-al', '--', from, draft]) || !openToAll(draft)) {
    rmSync(draft, { recursive: true, force: true });
    if (!copied(['-a', '--', from, draft])) throw new Error(`could not copy ${from} to ${to}`);
    spawnSync('chmod', ['-R', 'u+w,a+rX', '--', draft]);
  }
  try {
    renameSync(draft, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  }
  rmSync(room, { recursive: true });
}

function copied(args: string[]): boolean {
  return spawnSync('cp', args, { stdio: 'ignore' }).status === 0;
}

/** Whether everything in the tree can be read by everybody: an installation under umask 077 cannot. */
function openToAll(tree: string): boolean {
  const closed = spawnSync('find', [tree, '!', '-type', 'l', '!', '-perm', '-a=r', '-print', '-quit']);
  const locked = spawnSync('find', [tree, '-type', 'd', '!', '-perm', '-a=x', '-print', '-quit']);
  return closed.stdout.length === 0 && locked.stdout.length === 0;
}
