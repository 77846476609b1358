// What a configuration key is made of: the words for the documents, and the checks that several keys share.
import { z } from 'zod';
import { readRoadUrl, withoutSecret, type Road } from '../road-url.ts';
import { readRsyncUrl } from '../rsync-url.ts';
import { durationWords, parseDuration, parseSpace } from './quantities.ts';

export interface KeyWords {
  /** One or two sentences for the documentation and the template. */
  summary: string;
  /** The default as the documentation shows it; absent when the key has none. */
  default?: string;
  /** The TOML value that the template shows; a key without one is not in the template. */
  example?: string;
  /** True where the template's line must be filled in rather than commented out. */
  required?: boolean;
  /** What of this key the version at hand does not have, as the documentation says it. */
  missing?: string;
  /** Names what is missing when a value asks for it. */
  notBuilt?: (value: unknown) => string | undefined;
}

/** What is said of each key, by its schema. */
export const keyWords = z.registry<KeyWords>();

export const text = () => z.string().min(1, 'must not be empty');
export const path = () => text().startsWith('/', 'must be an absolute path');
export const roadUrl = () =>
  text().superRefine((value, context) => {
    const cure = cureOf(readRoadUrl(value));
    if (cure === undefined) return;
    context.addIssue({ code: 'custom', message: `cannot be "${withoutSecret(value)}": ${cure}` });
  });

/** What cures a URL that nobody can use. */
function cureOf(road: Road): string | undefined {
  if (road.kind === 'unusable') return road.cure;
  if (road.kind !== 'rsync') return undefined;
  const place = readRsyncUrl(road.url);
  return 'cure' in place ? place.cure : undefined;
}

export const duration = () =>
  z.string().transform((value, context): number => {
    const ms = parseDuration(value);
    if (ms !== undefined && ms > 0) return ms;
    context.addIssue({
      code: 'custom',
      message: ms === 0 ? 'must be longer than nothing' : `is not a duration: write ${durationWords}`,
    });
    return z.NEVER;
  });

export const space = () =>
  z.string().transform((value, context) => {
    const parsed = parseSpace(value);
    if (parsed !== undefined) return parsed;
    const message = "must be a share of the disk, such as '10%', or a size, such as '50GB'";
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

/** For a key with one built value: names what any other value asks for. */
export const unless = (built: unknown, what: string) => (value: unknown) =>
  value === built ? undefined : what;
