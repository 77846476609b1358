// Whether a destination is this node's own archive, under whatever name: nodes may share one configuration that names
// each of them.
import type { Stats } from 'node:fs';
import { bounded } from '../program/bounded.ts';
import { readRoadUrl } from '../program/road-url.ts';
import type { Destination, Settings } from '../program/settings/settings.ts';
import { stat } from '../program/system-calls.ts';

/** How long a directory may take to say which one it is, in ms. */
const lookLimitMs = 2000;

/** The destinations that are not the own archive. */
export async function othersThanOwn(
  { archiveDirectory, destinations }: Pick<Settings, 'archiveDirectory' | 'destinations'>,
  stop: AbortSignal,
): Promise<Destination[]> {
  const own = await lookAt(archiveDirectory, stop);
  const others: Destination[] = [];
  for (const destination of destinations)
    if (!(await isDirectory(destination, archiveDirectory, own, stop))) others.push(destination);
  return others;
}

async function isDirectory(
  { url }: Destination,
  directory: string,
  own: Stats | undefined,
  stop: AbortSignal,
): Promise<boolean> {
  const road = readRoadUrl(url);
  if (road.kind !== 'directory') return false;
  if (road.directory === directory) return true;
  const there = own === undefined ? undefined : await lookAt(road.directory, stop);
  return there !== undefined && there.dev === own?.dev && there.ino === own.ino;
}

/** One that cannot be looked at is taken for another: the road itself says what is wrong with it. */
const lookAt = (path: string, stop: AbortSignal): Promise<Stats | undefined> =>
  bounded(`look at ${path}`, lookLimitMs, stop, () => stat(path)).catch(() => {
    stop.throwIfAborted();
    return undefined;
  });
