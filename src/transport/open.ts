// From a URL to a road. Roads load only when they are used; one that is not built is refused by its name.
import { ProgramError } from '../program/program-error.ts';
import { readRoadUrl, roadUrlCure, withoutSecret } from '../program/road-url.ts';
import type { Identity, ReadTransport, Transport } from './transport.ts';

/** The directory of a file: URL. Throws `settings` or `not-built`. */
export function directoryOf(url: string): string {
  const road = readRoadUrl(url);
  if (road.kind === 'directory') return road.directory;
  if (road.kind === 'unusable') {
    throw new ProgramError('settings', `cannot use the URL "${withoutSecret(url)}"`, {
      hint: `${roadUrlCure[0]!.toUpperCase()}${roadUrlCure.slice(1)}.`,
    });
  }
  const message = `${road.scheme} destinations and sources are not built yet: ${withoutSecret(url)}`;
  throw new ProgramError('not-built', message, { hint: 'This version knows file:/directory.' });
}

/** The URLs that are directories here, or cannot be used at all: what is elsewhere, its own node prunes. */
export const directoriesAmong = (urls: readonly string[]): string[] =>
  urls.filter((url) => ['directory', 'unusable'].includes(readRoadUrl(url).kind));

/** Opens a destination. Throws when the directory is missing or the archive belongs to another cluster. */
export async function openDestination(url: string, identity: Identity): Promise<Transport> {
  const directory = directoryOf(url);
  const { openArchive } = await import('./filesystem.ts');
  return openArchive(url, directory, identity);
}

/** Opens a source for reading only; nothing is created or changed in it. */
export async function openSource(url: string, identity: Identity): Promise<ReadTransport> {
  const directory = directoryOf(url);
  const { openArchiveForReading } = await import('./filesystem.ts');
  return openArchiveForReading(url, directory, identity);
}
