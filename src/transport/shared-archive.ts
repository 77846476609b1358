// Destinations that are one directory under two names: a file that both have is there once. Known by the random names that
// this node has noted of its archives (known-archives.ts); nobody is asked.
import type { Destination } from '../program/settings/settings.ts';
import { noteKeyOf, recall } from './known-archives.ts';
import type { Identity } from './transport.ts';

/** The names of destinations that share an archive, for each such archive; one that was never used is nobody's. */
export function sharedArchives(
  destinations: readonly Pick<Destination, 'name' | 'url'>[],
  identity: Identity,
): { archive: string; names: string[] }[] {
  const found = new Map<string, string[]>();
  for (const { name, url } of destinations) {
    const archive = recall(noteKeyOf(url), identity);
    if (archive !== undefined) found.set(archive, [...(found.get(archive) ?? []), name]);
  }
  return [...found].flatMap(([archive, names]) => (names.length > 1 ? [{ archive, names }] : []));
}
