// What the URL alone tells of a road's promises: none that goes by rsync can keep two writers apart, or sync a directory.
import { readRoadUrl } from './road-url.ts';
import type { Lack } from './settings/settings.ts';

/** What a road lacks by its kind, as far as the URL says. */
export const lacksOfUrl = (url: string): Lack[] =>
  readRoadUrl(url).kind === 'rsync' ? ['not-exclusive', 'not-durable'] : [];
