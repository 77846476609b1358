// Where a copy's tablespaces go. A location has to be free, or the one that this data directory has already under the same
// oid: then the directory of this version in it is ours, and nothing else is.
import { readdirSync, readlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { errnoOf, fromSystemError, ProgramError } from '../../program/program-error.ts';
import { namesIn } from './content.ts';
import { placeAt, unsuited, type Place } from './places.ts';
import { realPlace } from './real-places.ts';

export interface TablespacePlace extends Place {
  oid: string;
  /** Whether the link in pg_tblspc leads there already. */
  isLinked: boolean;
}

const isOid = (name: string): boolean => /^[1-9]\d{0,9}$/.test(name);

/** The aims of the symbolic links in pg_tblspc, by oid, as they are written. */
export function linksIn(dataDirectory: string): Map<string, string> {
  const directory = join(dataDirectory, 'pg_tblspc');
  try {
    const links = readdirSync(directory, { withFileTypes: true }).filter(
      (entry) => entry.isSymbolicLink() && isOid(entry.name),
    );
    return new Map(links.map(({ name }) => [name, readlinkSync(join(directory, name))]));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return new Map();
    throw fromSystemError(error, `could not read directory "${directory}"`);
  }
}

/** The places of the planned tablespaces; throws for a location that is taken. */
export function placeTablespaces(
  dataDirectory: string,
  planned: readonly { oid: string; location: string }[],
): TablespacePlace[] {
  const links = linksIn(dataDirectory);
  return planned.map(({ oid, location }) => {
    if (!isOid(oid)) throw new ProgramError('target-path', `"${oid}" is no object ID of a tablespace`);
    const place = placeAt(`tablespace ${oid}`, location);
    const aim = links.get(oid);
    const isLinked = aim !== undefined && realPlace(resolve(dataDirectory, 'pg_tblspc', aim)) === place.real;
    if (!isLinked && place.isThere) refuseTaken(place, aim);
    return { ...place, oid, isLinked };
  });
}

function refuseTaken({ what, path, real }: Place, aim: string | undefined): void {
  if (namesIn(real).length === 0) return;
  const there = aim === undefined ? 'has no such tablespace yet' : `has it at ${aim}`;
  throw unsuited(
    path,
    `it is to be ${what}, but is not empty`,
    `The data directory ${there}.`,
    'Choose another location with --tablespace-mapping, or remove what is there if nobody needs it.',
  );
}
