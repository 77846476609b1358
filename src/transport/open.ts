// From a URL to a road. Roads load only when they are used; one that is not built is refused by its name.
import { ProgramError } from '../program/program-error.ts';
import { readRoadUrl, withoutSecret } from '../program/road-url.ts';
import type { Destination } from '../program/settings/settings.ts';
import type { Compression } from './stored-form.ts';
import type { Identity, PutAhead, ReadTransport, Transport } from './transport.ts';

/** The directory of a file: URL. Throws `settings` or `not-built`. */
export function directoryOf(url: string): string {
  const road = readRoadUrl(url);
  if (road.kind === 'directory') return road.directory;
  if (road.kind === 'unusable') {
    throw new ProgramError('settings', `cannot use the URL "${withoutSecret(url)}"`, {
      hint: `${road.cure[0]!.toUpperCase()}${road.cure.slice(1)}.`,
    });
  }
  const what =
    road.kind === 'not-built'
      ? `${road.scheme} destinations and sources are not built yet`
      : `this is not done over ${road.kind}`;
  throw new ProgramError('not-built', `${what}: ${withoutSecret(url)}`, {
    hint:
      road.kind === 'not-built'
        ? 'This version knows file:, ssh:, sftp:, rsync: and rsync+ssh:.'
        : 'Do it on the machine of the archive.',
  });
}

/** The URLs that are directories here, or cannot be used at all: what is elsewhere, its own node prunes. */
export const directoriesAmong = (urls: readonly string[]): string[] =>
  urls.filter((url) => ['directory', 'unusable'].includes(readRoadUrl(url).kind));

/** How a destination is used. */
export interface Storing {
  /** How new segments are stored there; default plain. */
  compression?: Compression;
  /** What the road may lack (lacks.ts); default nothing: then opening one that lacks something throws `promise-lacking`. */
  mayLack?: Destination['mayLack'];
}

/**
 * Opens a destination that stores new segments as `storing` says. Throws when the directory is missing or the archive
 * belongs to another cluster. A connection that nobody waits for any more, because `signal` has aborted, is given up.
 * `ahead` is what will be put first: a network road reads it while it connects.
 */
export async function openDestination(
  url: string,
  identity: Identity,
  { compression = 'none', mayLack = [] }: Storing = {},
  signal?: AbortSignal,
  ahead?: PutAhead,
): Promise<Transport> {
  const road = readRoadUrl(url);
  if (road.kind === 'ssh') {
    const { openOverSsh } = await import('./ssh/open-ssh.ts');
    const wanted = {
      purpose: 'write',
      compression,
      mayLackDurable: mayLack.includes('not-durable'),
    } as const;
    return relying(await openOverSsh(url, road, wanted, identity, signal, ahead), mayLack);
  }
  if (road.kind === 'rsync')
    return relying(await (await overRsync()).openOverRsync(url, identity, signal, compression), mayLack);
  const directory = directoryOf(url);
  const { openArchive } = await import('./filesystem-writing.ts');
  return openArchive(url, directory, identity, compression);
}

const overRsync = () => import('./rsync/open-rsync.ts');

/** The road, if it keeps what it must; closes it and throws `promise-lacking` if not. */
async function relying<Road extends ReadTransport>(
  road: Road,
  mayLack: Destination['mayLack'],
): Promise<Road> {
  if (road.promises.exclusive && road.promises.durable) return road;
  try {
    const { requirePromises } = await import('./lacks.ts');
    requirePromises(road.url, road.promises, mayLack);
    return road;
  } catch (error) {
    await road.close();
    throw error;
  }
}

/** Opens a source for reading only; nothing is created or changed in it. `signal` as with a destination. */
export const openSource = (url: string, identity: Identity, signal?: AbortSignal): Promise<ReadTransport> =>
  openToRead(url, 'read', identity, signal);

/**
 * Opens a destination for a dry run: as openSource, but over ssh also with a key that may not read. With such a key only
 * what a writer would meet can be asked: ownership, stat, gapOf, reservationOf, wouldPut. With `mayLack` a road is refused
 * that the real call would refuse.
 */
export async function openToLook(
  url: string,
  identity: Identity,
  signal?: AbortSignal,
  mayLack?: Destination['mayLack'],
): Promise<ReadTransport> {
  const road = await openToRead(url, 'look', identity, signal, mayLack?.includes('not-durable'));
  return mayLack === undefined ? road : relying(road, mayLack);
}

async function openToRead(
  url: string,
  purpose: 'read' | 'look',
  identity: Identity,
  signal: AbortSignal | undefined,
  mayLackDurable = true,
): Promise<ReadTransport> {
  const road = readRoadUrl(url);
  if (road.kind === 'ssh') {
    const { openOverSsh } = await import('./ssh/open-ssh.ts');
    const wanted = { purpose, compression: 'none', mayLackDurable } as const;
    return openOverSsh(url, road, wanted, identity, signal);
  }
  if (road.kind === 'rsync') return (await overRsync()).openOverRsync(url, identity, signal);
  const directory = directoryOf(url);
  const { openArchiveForReading } = await import('./filesystem.ts');
  return openArchiveForReading(url, directory, identity);
}
