// An archive opened to remove old files from it, and for nothing else. Which ones are old, the caller knows.
import { admitRemover } from './archive-identity.ts';
import { ArchiveDirectory } from './filesystem.ts';
import { noteNameOf, recall } from './known-archives.ts';
import { directoryOf } from './open.ts';
import type { Identity, Transport } from './transport.ts';

export interface RemovalRoad extends Pick<Transport, 'url' | 'list' | 'remove' | 'close'> {
  /** A name for small files of this node about this archive. */
  noteName: string;
  /** The archive's own random name; empty where the home could not keep it. */
  archive: string;
}

/** Opens an archive that says of itself that it is this cluster's; every other directory is refused. */
export async function openForRemoval(url: string, identity: Identity): Promise<RemovalRoad> {
  const directory = directoryOf(url);
  const road = new ArchiveDirectory(url, directory, identity, await admitRemover(directory, identity));
  return {
    url,
    noteName: noteNameOf(directory),
    archive: recall(directory, identity) ?? '',
    list: (signal) => road.list(signal),
    remove: (name, signal) => road.remove(name, signal),
    close: () => road.close(),
  };
}
