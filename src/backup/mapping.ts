// Where tablespaces lie at the target: --tablespace-mapping, and what of tablespace_map has to say so.
import { besideOf, type Tablespace } from '../postgres/tablespaces.ts';
import { ProgramError } from '../program/program-error.ts';

const wrong = (word: string, why: string): ProgramError =>
  new ProgramError('usage', `cannot use the tablespace mapping "${word}": ${why}`, {
    hint: 'Write OLDDIR=NEWDIR, two absolute directories; an = within them as \\=.',
  });

/** Reads OLDDIR=NEWDIR, as pg_basebackup takes it. */
function readMapping(word: string): [string, string] {
  const parts = word.split(/(?<!\\)=/);
  if (parts.length !== 2) throw wrong(word, 'it has no single = between two directories');
  const [from, to] = parts.map((part) => part.replaceAll('\\=', '=').replace(/(?<=.)\/+$/, '')) as [
    string,
    string,
  ];
  if (!from.startsWith('/') || !to.startsWith('/')) throw wrong(word, 'both directories must be absolute');
  return [from, to];
}

/**
 * The tablespaces at the target: mapped, else where the target has them already, else where they are at the source. Those within
 * the data directory are copied with it. A mapping of what is no tablespace is refused.
 */
export function mapTablespaces(
  tablespaces: readonly Tablespace[],
  words: readonly string[],
  atTarget: readonly Tablespace[] = [],
): Tablespace[] {
  const mapping = new Map(words.map(readMapping));
  for (const from of mapping.keys()) {
    if (tablespaces.some(({ location }) => location === from)) continue;
    const known = tablespaces.map(({ location }) => location).join(', ') || 'none';
    throw new ProgramError('usage', `there is no tablespace in ${from}`, {
      detail: `Those of this cluster are in ${known}.`,
    });
  }
  const there = new Map(atTarget.map(({ oid, location }) => [oid, location]));
  return besideOf(tablespaces).map(({ oid, location }) => ({
    ...{ oid, location: mapping.get(location) ?? there.get(oid) ?? location },
  }));
}

/**
 * Throws where the cluster has other tablespaces now than it had: what is in a new one would be lacking in the copy, and
 * tablespace_map would have its link made to where it is at the primary.
 */
export function requireSameTablespaces(before: readonly Tablespace[], now: readonly Tablespace[]): void {
  const within = (all: readonly Tablespace[], { oid, location }: Tablespace): boolean =>
    all.some((each) => each.oid === oid && each.location === location);
  const come = now.filter((each) => !within(before, each));
  const gone = before.filter((each) => !within(now, each));
  if (come.length === 0 && gone.length === 0) return;
  const told = [
    ...come.map(({ oid, location }) => `Tablespace ${oid} is at ${location} now, and was not there.`),
    ...gone.map(({ oid, location }) => `Tablespace ${oid} was at ${location}, and is not there now.`),
  ];
  throw new ProgramError(
    'busy',
    'the tablespaces of the cluster have changed since it was looked at: nothing was copied',
    { detail: told.join(' '), hint: 'Call again.' },
  );
}

/** A backslash, a line feed and a carriage return have a backslash before them (xlog.c, do_pg_backup_start). */
const escaped = (path: string): string => path.replace(/[\\\n\r]/g, '\\$&');

/**
 * tablespace_map for the target. Byte for byte the server's, but for the lines of tablespaces that lie elsewhere there: the server
 * would make the links again, to the directories of the primary.
 */
export function mapFor(
  map: Buffer,
  atSource: readonly Tablespace[],
  atTarget: readonly Tablespace[],
): Buffer {
  const moved = atTarget.filter(({ oid, location }) =>
    atSource.some((source) => source.oid === oid && source.location !== location),
  );
  if (moved.length === 0) return map;
  const lines = map.toString('latin1').match(/(?:\\[^]|[^\\\n])*\n/g) ?? [];
  const written = lines.map((line) => {
    const other = moved.find(({ oid }) => line.startsWith(`${oid} `));
    return other === undefined
      ? line
      : `${other.oid} ${Buffer.from(escaped(other.location)).toString('latin1')}\n`;
  });
  return Buffer.from(written.join(''), 'latin1');
}
