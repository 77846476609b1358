// The archives whose consumers a person may ask for on this node: every directory among the archive of the node, the
// sources and the destinations, or the one that is named. What is elsewhere is asked on the node that has it.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ThisNode } from '../../postgres/this-node.ts';
import { bounded } from '../../program/bounded.ts';
import type { ProgramCall } from '../../program/command.ts';
import { ProgramError } from '../../program/program-error.ts';
import { readRoadUrl, withoutSecret } from '../../program/road-url.ts';
import { directoriesAmong, directoryOf } from '../../transport/open.ts';
import { openForRemoval, type RemovalRoad } from '../../transport/open-for-removal.ts';

function urlsOf({ settings }: ThisNode, directory: string | undefined): string[] {
  if (directory !== undefined) return [`file:${directory}`];
  const { archiveDirectory, destinations, restore } = settings;
  // A primary needs none of its own.
  const own = existsSync(archiveDirectory) ? [`file:${archiveDirectory}`] : [];
  return directoriesAmong([...own, ...restore.sources, ...destinations.map(({ url }) => url)]);
}

/** What --directory names; a URL of another machine is none, whatever its letters would be as a path. */
function directoryNamed(word: string, workingDirectory: string): string {
  if (!/^[a-z][a-z0-9+.-]*:/i.test(word)) return resolve(workingDirectory, word);
  const road = readRoadUrl(word);
  if (road.kind === 'directory') return road.directory;
  throw new ProgramError(
    'usage',
    `--directory must be a directory of this machine, not ${withoutSecret(word)}`,
    {
      hint: 'Ask on the node that has the archive.',
    },
  );
}

/** An archive, or what keeps it from being opened. */
export type Opened = { url: string } & ({ road: RemovalRoad } | { fault: unknown });

/** Opens each of them, once. */
export async function openArchives(
  node: ThisNode,
  { options, stop, workingDirectory }: ProgramCall,
): Promise<Opened[]> {
  const named = options['directory'];
  const directory = typeof named === 'string' ? directoryNamed(named, workingDirectory) : undefined;
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
