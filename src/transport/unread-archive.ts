// Whether WAL arrives in the node's own archive that restore_command does not look for there.
import { readdirSync, realpathSync } from 'node:fs';
import type { Settings } from '../program/settings/settings.ts';
import { readRoadUrl } from '../program/road-url.ts';
import { parseWalFileName } from '../wal/filename.ts';

/** One directory may have several names. */
function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function holdsWal(directory: string): boolean {
  try {
    return readdirSync(directory).some((name) => parseWalFileName(name.replace(/\.zst$/, '')) !== undefined);
  } catch {
    // Whether it is there, and can be read, others judge.
    return false;
  }
}

export interface UnreadArchive {
  message: string;
  detail: string;
  hint: string;
}

/** The warning about an archive with WAL in it that no source is; undefined: there is nothing to warn of. */
export function unreadArchive({
  archiveDirectory,
  restore,
  configurationFile,
}: Settings): UnreadArchive | undefined {
  const own = realPathOf(archiveDirectory);
  const isSource = restore.sources.some((url) => {
    const road = readRoadUrl(url);
    return road.kind === 'directory' && realPathOf(road.directory) === own;
  });
  if (isSource || !holdsWal(archiveDirectory)) return undefined;
  return {
    message: `restore.sources does not name this node's own archive, ${archiveDirectory}`,
    detail: 'WAL has arrived there, and restore_command does not look for it there.',
    hint: `In [restore] of ${configurationFile}, put 'file:${archiveDirectory}' first into sources.`,
  };
}
