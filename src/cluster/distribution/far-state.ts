// What a look at the far side has found, read from what the script says.
import type { FarLine } from './far-script.ts';
import { textOf, textsOf } from './far-script.ts';

export interface FarVersion {
  name: string;
  sizeBytes: number;
}

export interface FarState {
  user: string;
  system: string;
  machine: string;
  /** Where the versions are, absolute. */
  directory: string;
  /** Programs that are needed and not there. */
  lacks: readonly string[];
  /** What decompresses there, best first. */
  decompressors: readonly string[];
  /** Undefined where df does not say. */
  freeBytes: number | undefined;
  /** What keeps the directory from being used. */
  unwritable: string | undefined;
  inside: string | undefined;
  foreign: string | undefined;
  /** Names of versions. */
  current: string | undefined;
  previous: string | undefined;
  next: string | undefined;
  versions: readonly FarVersion[];
  /** Archives that a key of authorized_keys is limited to by the program of this directory. */
  locks: readonly string[];
  /** Programs of this directory that the server's configuration names; 'relay': a unit of systemd or a line of cron does. */
  names: readonly string[];
  /** The user of a server there whose data directory this login cannot look into. */
  server: string | undefined;
  /** What of the path to the directory only its owner and its group may enter, from below. */
  closed: readonly string[];
}

/** Behind the name of the file system, which may have blanks in it: blocks, used, available, percent, directory. */
function freeIn(df: string): number | undefined {
  const [, available] = /\s\d+\s+\d+\s+(-?\d+)\s+\d+%\s/.exec(df) ?? [];
  return available === undefined ? undefined : Number(available) * 1024;
}

function versionIn(text: string): FarVersion {
  const [name, kilobytes] = text.split(' ');
  return { name: name!, sizeBytes: Number(kilobytes) * 1024 };
}

export function readFarState(lines: readonly FarLine[]): FarState {
  const one = (word: string): string => textOf(lines, word) ?? '';
  const links = Object.fromEntries(
    textsOf(lines, 'link').map((text) => {
      const at = text.indexOf(' ');
      return [text.slice(0, at), text.slice(at + 1).replace(/^versions\//, '')];
    }),
  );
  return {
    user: one('user'),
    system: one('system'),
    machine: one('machine'),
    directory: one('directory'),
    lacks: textsOf(lines, 'lacks'),
    decompressors: textsOf(lines, 'has'),
    freeBytes: freeIn(one('free')),
    unwritable: textOf(lines, 'unwritable'),
    inside: textOf(lines, 'inside'),
    foreign: textOf(lines, 'foreign'),
    current: links['current'],
    previous: links['previous'],
    next: links['next'],
    versions: textsOf(lines, 'version').map(versionIn),
    locks: textsOf(lines, 'locks'),
    names: textsOf(lines, 'names'),
    server: textOf(lines, 'server'),
    closed: textsOf(lines, 'closed'),
  };
}
