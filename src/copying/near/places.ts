// The directories that a copy will write into, data directory, tablespaces and pg_wal: none may be one of the source's own, lie
// in another one, or be where it is not allowed, and this process has to be able to write there.
import { accessSync, constants } from 'node:fs';
import { dirname, isAbsolute } from 'node:path';
import { bootId } from '../../program/boot-id.ts';
import { errnoOf, forReadOnly, fromSystemError, ProgramError } from '../../program/program-error.ts';
import type { SourcePlaces } from '../target.ts';
import { aimOf, isWithin, lookAt, realPlace, upwards } from './real-places.ts';

export interface Place {
  /** 'the data directory', 'tablespace 16385', 'pg_wal' */
  what: string;
  /** As it was named. */
  path: string;
  real: string;
  isThere: boolean;
}

/** The place of a path; a `target-unsuited` error for a relative one, and for one that is there and is no directory. */
export function placeAt(what: string, path: string): Place {
  if (!isAbsolute(path)) {
    throw unsuited(
      path,
      'it is not an absolute path',
      'A copy has to know which directory is meant, whoever reads it.',
    );
  }
  const real = realPlace(path);
  const found = lookAt(real);
  if (found === undefined) refuseDangling(path);
  if (found !== undefined && !found.isDirectory()) throw unsuited(path, 'it is not a directory');
  if (found === undefined && lookAt(dirname(real)) === undefined) {
    throw new ProgramError(
      'directory-missing',
      `cannot create directory ${path}: ${dirname(real)} does not exist`,
      {
        detail: `It is to be ${what} of the copy.`,
        hint: 'If a disk is to be mounted there, mount it; else create that directory.',
      },
    );
  }
  return { what, path, real, isThere: found !== undefined };
}

export const unsuited = (path: string, why: string, detail?: string, hint?: string): ProgramError =>
  new ProgramError('target-unsuited', `cannot copy into ${path}: ${why}`, { detail, hint });

/** A link that leads nowhere: its disk may only not be mounted. */
export function refuseDangling(path: string): void {
  const aim = aimOf(path);
  if (aim === undefined) return;
  const why = 'it is a symbolic link to a directory that does not exist';
  throw unsuited(path, why, `It leads to ${aim}.`, 'Mount the disk of that directory, or remove the link.');
}

type Named = Pick<Place, 'what' | 'path'>;

/** With where they really are; what is wrong with a relative path is said elsewhere. */
export const realPlaces = (planned: readonly Named[]): (Named & Pick<Place, 'real'>)[] =>
  planned
    .filter(({ path }) => isAbsolute(path))
    .map(({ what, path }) => ({ what, path, real: realPlace(path) }));

/** What says another place for it. */
function elsewhere(what: string): string | undefined {
  if (what === 'pg_wal') return 'Choose another location with --waldir.';
  return what.startsWith('tablespace')
    ? 'Choose another location with --tablespace-mapping: on one machine a tablespace cannot be at the same place twice.'
    : undefined;
}

/** Throws for a place that is a directory of the source, or lies within one. */
export function refuseSourcePlaces(
  places: readonly (Named & Pick<Place, 'real'>)[],
  source: SourcePlaces,
): void {
  if (source.boot === '' || source.boot !== bootId()) return;
  const theirs = new Set(source.directories);
  for (const { what, path, real } of places) {
    for (const each of upwards(real)) {
      const found = lookAt(each);
      if (found === undefined || !theirs.has(`${found.dev}:${found.ino}`)) continue;
      throw each === real
        ? unsuited(path, 'it is a directory of the source itself', undefined, elsewhere(what))
        : unsuited(
            path,
            `it lies within ${each}, a directory of the source itself`,
            undefined,
            elsewhere(what),
          );
    }
  }
}

/** Throws for two places of which one is, or lies within, the other. */
export function refuseNested(places: readonly Place[]): void {
  for (const [index, one] of places.entries()) {
    for (const other of places.slice(index + 1)) {
      if (one.real === other.real) {
        throw unsuited(other.path, `it would be ${one.what} and ${other.what} at once`);
      }
      const [inner, outer] = isWithin(one.real, other.real) ? [one, other] : [other, one];
      if (!isWithin(inner.real, outer.real)) continue;
      throw unsuited(inner.path, `${inner.what} would lie within ${outer.what}, ${outer.path}`);
    }
  }
}

/** Throws `not-allowed` for a place that is none of these directories and lies in none, whatever is there. */
export function requireAllowed(planned: readonly Named[], allowed: readonly string[] | 'any'): void {
  if (allowed === 'any') return;
  const reals = allowed.map(realPlace);
  for (const { what, path } of planned) {
    const real = realPlace(path);
    if (reals.some((each) => isWithin(real, each))) continue;
    throw new ProgramError(
      'not-allowed',
      `cannot use ${path} for ${what}: it is not in a directory that is allowed for that`,
      {
        detail: allowed.length === 0 ? 'None is allowed.' : `Allowed is what lies in ${allowed.join(', ')}.`,
      },
    );
  }
}

const { R_OK, W_OK, X_OK } = constants;
const asTheServer =
  'That directory has to belong to the user that is to run the server, and the same user has to make the copy: over ssh it is the one that logs in.';

/** Throws where this process could not write, or what it makes would not be for the server. */
export function requireWritable({ path, real, isThere }: Place, hint = asTheServer): void {
  const directory = isThere ? real : dirname(real);
  try {
    accessSync(directory, R_OK | W_OK | X_OK);
  } catch (error) {
    const action = isThere ? `write into directory ${path}` : `create directory ${path} in ${directory}`;
    throw fromSystemError(error, `cannot ${action}`, errnoOf(error) === 'EROFS' ? forReadOnly : hint);
  }
  const owner = lookAt(directory)?.uid;
  const we = process.geteuid?.();
  // A directory above may be anybody's, if only it is open; but root's files would be of no use to the server.
  if (owner === undefined || we === undefined || owner === BigInt(we) || (!isThere && we !== 0)) return;
  throw new ProgramError(
    'permission-denied',
    `cannot copy into ${path}: ${directory} belongs to another user`,
    {
      detail: `Its owner has the user ID ${owner}; this runs as ${we}.`,
      hint,
    },
  );
}
