// What the URL alone tells of a road's promises: none that goes by rsync can keep two writers apart, and neither rsync nor
// SFTP promises to sync a directory.
import { readRoadUrl } from './road-url.ts';
import type { Lack } from './settings/settings.ts';

/** What a road lacks by its kind, as far as the URL says. */
export function lacksOfUrl(url: string): Lack[] {
  const road = readRoadUrl(url);
  if (road.kind === 'rsync') return ['not-exclusive', 'not-durable'];
  return road.kind === 'ssh' && road.isSftp === true ? ['not-durable'] : [];
}
