// From a URL to a road. Roads load only when they are used; one that is not built is refused by its name.
import { ProgramError } from '../program/program-error.ts';
import type { Identity, ReadTransport, Transport } from './transport.ts';

const notBuilt = ['ssh', 'sftp', 'rsync', 'rsync+ssh', 's3', 'gs', 'azblob'];

/** The absolute directory of a file: URL; 'file:/a/b' and 'file:///a/b' are the same. Throws `settings` or `not-built`. */
export function directoryOf(url: string): string {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme !== undefined && notBuilt.includes(scheme)) {
    throw new ProgramError(
      'not-built',
      `${scheme} destinations and sources are not built yet: ${withoutSecret(url)}`,
      {
        hint: 'This version knows file:/directory.',
      },
    );
  }
  // A path is taken as it is written: spaces and percent signs are ordinary characters in a file name.
  const path = scheme === 'file' ? url.slice('file:'.length).replace(/^\/\/(?=\/)/, '') : undefined;
  if (path?.startsWith('/') && !path.startsWith('//')) return path.replace(/(?<=.)\/+$/, '');
  throw new ProgramError('settings', `cannot use the URL "${withoutSecret(url)}"`, {
    hint: 'Write file: and an absolute directory, such as file:/mnt/db2/archive.',
  });
}

// Up to the last @: people write passwords with / and @ in them as they are.
const withoutSecret = (url: string): string => url.replace(/(:\/\/[^/@:]*):.*@/s, '$1:…@');

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
