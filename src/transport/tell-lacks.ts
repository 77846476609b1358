// A road that lacks a promise is said so once, with why, and noted for whoever shows the destination. Loaded only for a
// destination whose road may lack something.
import { forgetLacking, noteLacking, readLacking } from '../program/destination-notes.ts';
import type { Report } from '../program/print-error.ts';
import type { Destination } from '../program/settings/settings.ts';
import { withoutSecret } from '../program/road-url.ts';
import { meaningOf } from '../program/settings/lack-words.ts';
import { lacksOf } from './lacks.ts';
import type { ReadTransport } from './transport.ts';

/** The warning about the road that was opened; undefined where it lacks nothing, or was told of before. */
export function tellLacks(
  { promises, way }: ReadTransport,
  destination: Pick<Destination, 'name' | 'url'>,
  home: string,
): Report | undefined {
  const [{ name }, url] = [destination, withoutSecret(destination.url)];
  const lacks = lacksOf(promises);
  const known = readLacking(home, name);
  if (lacks.length === 0) {
    if (known !== undefined) forgetLacking(home, name);
    return undefined;
  }
  const now = { lacks, way: way?.words ?? null, url };
  if (JSON.stringify(known) === JSON.stringify(now)) return undefined;
  noteLacking(home, name, now);
  return {
    message: `files go to ${name} by a road that is ${lacks.join(' and ')}: ${url}`,
    detail: `${way === undefined ? '' : `${way.words} `}${meaningOf(lacks)}`,
    hint: way?.cure,
  };
}
