// Which node a copy goes to: a destination of the configuration says where its archive is, where its data directory, and how to
// get there.
import { ProgramError } from '../program/program-error.ts';
import { readRoadUrl } from '../program/road-url.ts';
import { didYouMean } from '../program/settings/did-you-mean.ts';
import type { Destination, Settings } from '../program/settings/settings.ts';
import type { SshRoad } from '../program/ssh-url.ts';

/** Where the data directory is. */
export type Place = { kind: 'here'; directory: string } | { kind: 'there'; road: SshRoad; directory: string };

export interface Chosen {
  /** Its archive is where the copy gets its WAL from. */
  destination: Destination;
  place: Place;
}

/** Which of the destinations a program means that is given no name. */
export interface Kind {
  /** In messages. */
  program: string;
  isMeant: (destination: Destination) => boolean;
  words: string;
}

export const standbyKind: Kind = {
  program: 'copyToStandby',
  isMeant: ({ policy }) => policy === 'required',
  words: 'required',
};

export const drKind: Kind = {
  program: 'copyToDR',
  isMeant: ({ policy }) => policy !== 'required',
  words: 'a fallback or best-effort',
};

const keyLine = (name: string): string => `data_directory = '/var/lib/postgresql/…' in [destination.${name}]`;

function byName(name: string, { destinations, configurationFile }: Settings): Destination {
  const found = destinations.find((each) => each.name === name);
  if (found !== undefined) return found;
  const names = destinations.map((each) => each.name);
  const meant = didYouMean(name, names);
  throw new ProgramError(
    'usage',
    `there is no destination "${name}"${meant === undefined ? '' : `; did you mean "${meant}"?`}`,
    { detail: `Those in ${configurationFile} are ${names.join(', ') || 'none'}.` },
  );
}

function byKind({ program, isMeant, words }: Kind, settings: Settings): Destination {
  const meant = settings.destinations.filter(isMeant);
  const withData = meant.filter(({ dataDirectory }) => dataDirectory !== undefined);
  const candidates = withData.length > 0 ? withData : meant;
  if (candidates.length === 1) return candidates[0]!;
  const names = candidates.map(({ name }) => name);
  const none = settings.destinations.map(({ name }) => name).join(', ') || 'none';
  throw new ProgramError(
    'usage',
    names.length === 0
      ? `no destination is ${words}`
      : `several destinations are ${words}: ${names.join(', ')}`,
    {
      detail: names.length === 0 ? `Those in ${settings.configurationFile} are ${none}.` : undefined,
      hint:
        settings.destinations.length === 0
          ? 'Add a [destination.<name>] there, with its url and data_directory.'
          : `Name the one to copy to: ${program} ${names[0] ?? 'NAME'}`,
    },
  );
}

/** `to`: another place for the data directory than the destination's own, as a URL. */
function placeOf(destination: Destination, to: string | undefined): Place {
  const road = readRoadUrl(to ?? destination.url);
  if (road.kind === 'directory')
    return { kind: 'here', directory: to === undefined ? dataDirectoryOf(destination) : road.directory };
  if (road.kind === 'ssh' && road.isSftp !== true) {
    return {
      kind: 'there',
      road,
      directory: to === undefined ? dataDirectoryOf(destination) : road.directory,
    };
  }
  if (to !== undefined)
    throw new ProgramError('usage', `cannot copy to "${to}"`, {
      hint: 'Write file:/directory, or ssh://user@host:port/directory.',
    });
  throw new ProgramError('usage', `cannot copy a data directory over ${destination.url}`, {
    detail: 'A base backup goes to a directory of this machine, or over ssh: to twowarm on the other one.',
    hint: 'Say where to: --to ssh://user@host:port/directory',
  });
}

function dataDirectoryOf({ name, dataDirectory }: Destination): string {
  if (dataDirectory !== undefined) return dataDirectory;
  throw new ProgramError(
    'settings',
    `the configuration does not say where the data directory of ${name} is`,
    {
      hint: `Add ${keyLine(name)}, or say it with --to.`,
    },
  );
}

/** Throws `usage` or `settings` where it is not clear. */
export function choose(
  kind: Kind,
  name: string | undefined,
  to: string | undefined,
  settings: Settings,
): Chosen {
  const destination = name === undefined ? byKind(kind, settings) : byName(name, settings);
  return { destination, place: placeOf(destination, to) };
}
