// The three things that rsync is asked for: to fetch files into a room, to say how files over there compare with those in a
// room, and to send files that are in a room. Names are of WAL files or lie in .twowarm/: none is an option or a pattern.
import { ProgramError } from '../../program/program-error.ts';
import { outFormat, readChanges, type Change } from './changes.ts';
import type { FarSide } from './far-side.ts';
import { runRsync } from './run.ts';

export interface Errand {
  far: FarSide;
  /** The end of "could not …", without the URL. */
  what: string;
  signal: AbortSignal;
}

/**
 * Names that are not there are passed over, which is what makes their absence certain: with exit code 0 the far side was in
 * the directory and found none. The directory itself has to be there. `--dirs`: of "epochs/" what is in it, and no deeper.
 */
const asking = ['--relative', '--dirs', '--ignore-missing-args', '-ii', `--out-format=${outFormat}`];

const toCompress = ['--compress'];

/** Fetches what of the names is there into the room, by the same names. Throws where one of them is no regular file. */
export async function fetchInto(
  room: string,
  names: readonly string[],
  { far, what, signal }: Errand,
): Promise<Map<string, Change>> {
  const words = [
    ...asking,
    '--perms',
    '--chmod=D700,F600',
    '--whole-file',
    '--',
    ...names.map(far.word),
    `${room}/`,
  ];
  const call = { what: `${what} ${far.url}`, words, goodToHave: toCompress };
  const changes = readChanges((await runRsync(far, call, signal)).stdout);
  requireFiles(names, changes, far);
  return changes;
}

/**
 * What of the names is there, compared by checksum with the file of the same name in the room: rsync computes it on both sides
 * (XXH128 where both know it, else MD5). Without `contents` only whether and how long.
 */
export async function lookAt(
  room: string,
  names: readonly string[],
  { far, what, signal }: Errand,
  contents = true,
): Promise<Map<string, Change>> {
  const how = contents ? ['--dry-run', '--checksum'] : ['--dry-run'];
  const words = [...asking, ...how, '--', ...names.map(far.word), `${room}/`];
  return readChanges((await runRsync(far, { what: `${what} ${far.url}`, words }, signal)).stdout);
}

/** The names in the directory and how long each is. */
export async function listAll(room: string, { far, what, signal }: Errand): Promise<Map<string, Change>> {
  const words = ['--dirs', '--dry-run', '-ii', `--out-format=${outFormat}`, '--', far.directory, `${room}/`];
  // 24: a file was removed, or a temporary one got its name, between its name and the look at it.
  const call = { what: `${what} ${far.url}`, words, alsoFine: [24] };
  return readChanges((await runRsync(far, call, signal)).stdout);
}

/**
 * Sends files of the room. What is there already stays as it is, and is not among the changes that come back. Each gets its
 * name when it is whole, and synced where the far side can (--fsync, since rsync 3.2.4); the directory is never synced.
 */
export async function send(
  room: string,
  names: readonly string[],
  { far, what, signal }: Errand,
): Promise<Map<string, Change>> {
  const words = [
    '--relative',
    '--perms',
    '--ignore-existing',
    '--whole-file',
    '-ii',
    `--out-format=${outFormat}`,
  ];
  const { stdout } = await runRsync(
    far,
    {
      what: `${what} ${far.url}`,
      words: [...words, '--', ...names, far.directory],
      goodToHave: ['--fsync', ...toCompress],
      workingDirectory: room,
    },
    signal,
  );
  return readChanges(stdout);
}

export function requireFiles(
  names: readonly string[],
  changes: ReadonlyMap<string, Change>,
  { url }: FarSide,
): void {
  const other = names.find((name) => changes.get(name)?.isFile === false);
  if (other !== undefined) throw new ProgramError('input-output', `${other} at ${url} is not a regular file`);
}
