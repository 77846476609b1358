// Promises that a road may lack. A road that lacks one is refused where archive_command's
// success would rest on it, unless the configuration accepts that by name.
import { ProgramError } from '../program/program-error.ts';
import { placeOf } from '../program/road-place.ts';
import { readRoadUrl } from '../program/road-url.ts';
import { acceptLine, meaningOf } from '../program/settings/lack-words.ts';
import type { Destination, Lack } from '../program/settings/settings.ts';
import type { Promises } from './transport.ts';

/** What a road lacks, in the words of `accept`. */
export const lacksOf = ({ exclusive, durable }: Promises): Lack[] => [
  ...(exclusive ? [] : ['not-exclusive' as const]),
  ...(durable ? [] : ['not-durable' as const]),
];

/** Throws `promise-lacking` where the road lacks what may not be lacking. `cure` is what else could be done, as a sentence. */
export function requirePromises(
  url: string,
  promises: Promises,
  mayLack: readonly Lack[],
  cure?: string,
): void {
  const lacking = lacksOf(promises).filter((lack) => !mayLack.includes(lack));
  if (lacking.length === 0) return;
  const accepted = `To do without: ${acceptLine(lacksOf(promises))} in its section, or policy = 'best-effort'.`;
  throw new ProgramError(
    'promise-lacking',
    `cannot rely on ${url}: the road there is ${lacking.join(' and ')}`,
    {
      detail: meaningOf(lacking),
      hint: cure === undefined ? accepted : `${cure} ${accepted}`,
    },
  );
}

function destinationAt(url: string, destinations: readonly Destination[]): Destination | undefined {
  const place = placeOf(readRoadUrl(url));
  return destinations.find(
    (each) => each.url === url || (place !== undefined && placeOf(readRoadUrl(each.url)) === place),
  );
}

/** What a road to the URL may lack, as the configuration has it for the destination there; nothing where it is none. */
export const mayLackAt = (url: string, destinations: readonly Destination[]): Lack[] =>
  destinationAt(url, destinations)?.mayLack ?? [];

/** The same for what rests on this road alone, such as a reservation: only what is accepted by name. */
export const acceptedAt = (url: string, destinations: readonly Destination[]): Lack[] =>
  destinationAt(url, destinations)?.accept ?? [];
