// The archives whose consumers a person may ask for on this node: every directory among the archive of the node, the
// sources and the destinations, or the one that is named. What is elsewhere is asked on the node that has it.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ThisNode } from '../../postgres/this-node.ts';
import { bounded } from '../../program/bounded.ts';
import type { ProgramCall } from '../../program/command.ts';
import { directoriesAmong, directoryOf } from '../../transport/open.ts';
import { openForRemoval, type RemovalRoad } from '../../transport/open-for-removal.ts';

function urlsOf({ settings }: ThisNode, directory: string | undefined): string[] {
  if (directory !== undefined) return [directory];
  const { archiveDirectory, destinations, restore } = settings;
  // A primary needs none of its own.
  const own = existsSync(archiveDirectory) ? [`file:${archiveDirectory}`] : [];
  return directoriesAmong([...own, ...restore.sources, ...destinations.map(({ url }) => url)]);
}

/** An archive, or what keeps it from being opened. */
export type Opened = { url: string } & ({ road: RemovalRoad } | { fault: unknown });

/** Opens each of them, once. */
export async function openArchives(
  node: ThisNode,
  { options, stop, workingDirectory }: ProgramCall,
): Promise<Opened[]> {
  const named = options['directory'];
  // A URL is as good as a path; one that is none of this machine is refused by its name.
  const isUrl = typeof named === 'string' && /^[a-z][a-z0-9+]*:/.test(named);
  const directory =
    typeof named !== 'string' ? undefined : isUrl ? named : `file:${resolve(workingDirectory, named)}`;
  const urls = new Map(urlsOf(node, directory).map((url) => [directoryOf(url), url] as const));
  const open = async (url: string): Promise<Opened> => {
    const limitMs = node.settings.restore.timeLimitMs;
    try {
      const road = await bounded(`open ${url}`, limitMs, stop, () => openForRemoval(url, node.identity));
      return { url, road };
    } catch (fault) {
      stop.throwIfAborted();
      return { url, fault };
    }
  };
  return Promise.all([...urls.values()].map(open));
}
