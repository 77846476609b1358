// Where this installation is: the directory that has bin/ and dist/. This file, and whatever it is bundled into, lies two
// directories below it.
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** The directory itself; what distrib2warm has brought is one of several versions. */
export const installedIn = (): string => join(import.meta.dirname, '..', '..');

/**
 * The same as other files may name it: what distrib2warm has brought by its link, which the next version takes over. The
 * directory of the version would go with it.
 */
export function installedAt(root = installedIn()): string {
  const versions = dirname(root);
  const current = join(dirname(versions), 'current');
  return basename(versions) === 'versions' && isLinkTo(current, root) ? current : root;
}

function isLinkTo(link: string, root: string): boolean {
  try {
    return existsSync(link) && realpathSync(link) === realpathSync(root);
  } catch {
    return false;
  }
}
