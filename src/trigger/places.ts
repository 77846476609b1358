// What the archives that this node knows hold, before a promotion: its sources, from which the server can replay, and the
// other ones it could read, its destinations and its own archive. Each is listed once. What follows is holes.ts.
import type { ThisNode } from '../postgres/this-node.ts';
import { bounded } from '../program/bounded.ts';
import { fromSystemError, ProgramError } from '../program/program-error.ts';
import { placeOf } from '../program/road-place.ts';
import { readRoadUrl, withoutSecret } from '../program/road-url.ts';
import { openSource } from '../transport/open.ts';
import type { ReadTransport } from '../transport/transport.ts';
import type { Wish } from './options.ts';

/** The longest look at one archive, in ms; briefer at those that may have gone down with the old primary. */
const limitMs = 5000;
const briefLimitMs = 2000;

export interface Place {
  url: string;
  /** For messages: of a destination its name. */
  words: string;
  kind: 'source' | 'destination' | 'own';
}

/** The names of whole files, sorted; or why they are not known. */
export type Listed = Place &
  ({ names: readonly string[]; fault?: undefined } | { names?: undefined; fault: ProgramError });

function placesOf({ settings }: ThisNode): Place[] {
  const sources = settings.restore.sources.map((url) => ({
    url,
    words: withoutSecret(url),
    kind: 'source' as const,
  }));
  const destinations = settings.destinations.map(({ name, url }) => ({
    url,
    words: name,
    kind: 'destination' as const,
  }));
  const own: Place = { url: `file:${settings.archiveDirectory}`, words: 'the own archive', kind: 'own' };
  const all = [...sources, own, ...destinations];
  const where = ({ url }: Place): string => placeOf(readRoadUrl(url)) ?? url;
  return all.filter((one, index) => all.findIndex((each) => where(each) === where(one)) === index);
}

/** Runs a verb at a place, for reading; a fault of the place is returned. */
export async function at<T>(
  { url }: Place,
  what: string,
  { node, withinMs, stop }: { node: ThisNode; withinMs: number; stop: AbortSignal },
  verb: (road: ReadTransport, signal: AbortSignal) => Promise<T>,
): Promise<{ value: T; fault?: undefined } | { value?: undefined; fault: ProgramError }> {
  try {
    const value = await bounded(`${what} ${withoutSecret(url)}`, withinMs, stop, async (signal) => {
      const road = await openSource(url, node.identity, signal);
      try {
        return await verb(road, signal);
      } finally {
        await road.close();
      }
    });
    return { value };
  } catch (error) {
    stop.throwIfAborted();
    const fault = fromSystemError(error, `could not ${what} ${withoutSecret(url)}`);
    if (fault instanceof ProgramError) return { fault };
    throw fault;
  }
}

/** Lists them all at once. */
export async function listPlaces(
  { wish, stop }: { wish: Wish; stop: AbortSignal },
  node: ThisNode,
): Promise<Listed[]> {
  return Promise.all(
    placesOf(node).map(async (place): Promise<Listed> => {
      const withinMs = place.kind === 'source' && wish === 'smart' ? limitMs : briefLimitMs;
      const { value, fault } = await at(place, 'list', { node, withinMs, stop }, (road, signal) =>
        road.list(signal),
      );
      return fault === undefined ? { ...place, names: value } : { ...place, fault };
    }),
  );
}
