// Where pg_wal is at a target, or will be: a directory of its own, or a symbolic link, which stays unless another one is asked for.
import { lstatSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fromSystemError } from '../../program/program-error.ts';
import { namesIn } from './content.ts';
import { placeAt, refuseDangling, unsuited, type Place } from './places.ts';
import { lookAt, realPlace } from './real-places.ts';
import { notDirectory } from './tree.ts';

export interface WalPlaces {
  /** Where pg_wal leads now, to be emptied; undefined where there is none. */
  now: Place | undefined;
  /** Whether it is a symbolic link now. */
  isLink: boolean;
  /** Where it is to lead by a new link; undefined: it stays as it is. */
  wanted: Place | undefined;
}

/** The directories that PostgreSQL makes in it (the second one from 17 on). */
const ownDirectories: ReadonlySet<string> = new Set(['archive_status', 'summaries']);

/** A link may lead to where others keep theirs, too: all in pg_wal goes. */
function refuseOthers(path: string, real: string): void {
  const other = namesIn(real).find(
    (name) => !ownDirectories.has(name) && kindOf(join(real, name)) === 'directory',
  );
  if (other === undefined) return;
  throw unsuited(
    path,
    `its pg_wal holds the directory "${other}", which PostgreSQL does not make there`,
    `All that is in ${real} would be removed.`,
    'Move that directory away, or let pg_wal lead to a directory of its own.',
  );
}

function kindOf(path: string): 'link' | 'directory' | 'missing' | 'file' {
  try {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) return 'missing';
    if (found.isSymbolicLink()) return 'link';
    return found.isDirectory() ? 'directory' : 'file';
  } catch (error) {
    throw fromSystemError(error, `could not look for "${path}"`);
  }
}

function present(path: string): Place {
  const real = realPlace(path);
  const found = lookAt(real);
  if (found === undefined) refuseDangling(path);
  if (found?.isDirectory() !== true) throw notDirectory(path, false);
  if (kindOf(join(path, 'archive_status')) === 'link') throw notDirectory(join(path, 'archive_status'), true);
  refuseOthers(dirname(path), real);
  return { what: 'pg_wal', path: real, real, isThere: true };
}

export function placeWal(dataDirectory: string, planned: string | undefined): WalPlaces {
  const path = join(dataDirectory, 'pg_wal');
  const kind = kindOf(path);
  if (kind === 'file') throw notDirectory(path, false);
  const now = kind === 'missing' ? undefined : present(path);
  const isLink = kind === 'link';
  if (planned === undefined) return { now, isLink, wanted: undefined };
  const wanted = placeAt('pg_wal', planned);
  if (isLink && now?.real === wanted.real) return { now, isLink, wanted: undefined };
  if (wanted.isThere && namesIn(wanted.real).length > 0) {
    throw unsuited(
      planned,
      'it is to be pg_wal, but is not empty',
      undefined,
      'Name another directory, or remove what is there if nobody needs it.',
    );
  }
  return { now, isLink, wanted };
}
