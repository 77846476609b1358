// Looks at a target and changes nothing: what is there, whether a copy may go there, and what it would do.
import { homeBeside } from '../../program/home.ts';
import { serverAtWorkIn } from '../../postgres/server-at-work.ts';
import type { Found, Outside, SourceCluster } from '../target.ts';
import { judgeContent, type Content } from './content.ts';
import { leftoversIn, quarantineFor, type Leftovers } from './leftovers.ts';
import type { NearOptions } from './near-target.ts';
import { refuseHeld } from './own-lock.ts';
import {
  placeAt,
  realPlaces,
  refuseNested,
  refuseSourcePlaces,
  requireAllowed,
  requireWritable,
  type Place,
} from './places.ts';
import { refusePlacesOfServers } from './places-of-servers.ts';
import { refuseRunningServer } from './refuse-server.ts';
import { roomFor } from './room.ts';
import { hasOwnConfiguration } from './saved-configuration.ts';
import { stepsOf } from './steps.ts';
import { linksIn, placeTablespaces, type TablespacePlace } from './tablespaces.ts';
import { placeWal, type WalPlaces } from './wal-place.ts';

/** All that a preparation needs to know. */
export interface Situation {
  /** The data directory. */
  place: Place;
  content: Content | { state: 'missing' };
  tablespaces: readonly TablespacePlace[];
  /** Links in pg_tblspc, with their aims as they are written. */
  links: readonly { oid: string; location: string }[];
  /** Those of them that the source has no tablespace for: oid and aim. */
  strayLinks: readonly { oid: string; aim: string }[];
  wal: WalPlaces;
  leftovers: Leftovers;
  /** Where they would go. */
  quarantine: string;
  /** twowarm's home beside the data directory; need not be there. */
  home: string;
  savesConfiguration: boolean;
}

/** Finds out, or refuses. Reads only what is needed to tell. */
export function survey(
  options: NearOptions,
  source: SourceCluster,
  outside: Outside,
  mayRun = false,
): Situation {
  const place = placeAt('the data directory', options.directory);
  const home = homeBeside(place.real);
  // First of all: a server of the source runs in its directory, and nobody should think of stopping it.
  refuseSourcePlaces([place], source);
  if (place.isThere && !mayRun) refuseRunningServer(place.real);
  requireWritable(place);
  const content = place.isThere ? judgeContent(place.real, source) : { state: 'missing' as const };
  requireAllowed(plannedIn(outside), options.allowed);
  // Before it is said of one that it is not empty: nobody should think of emptying it.
  refuseSourcePlaces(realPlaces(plannedIn(outside)), source);
  const tablespaces = placeTablespaces(place.real, outside.tablespaces);
  const wal = placeWal(place.real, outside.walDirectory);
  judgeOutside(place, tablespaces, wal, source);
  const leftovers =
    wal.now === undefined ? { names: [], missing: [] } : leftoversIn(wal.now.real, hasDied(content));
  const timeline = 'timeline' in content ? content.timeline : undefined;
  const oids = new Set(tablespaces.map(({ oid }) => oid));
  const links = [...linksIn(place.real)].map(([oid, location]) => ({ oid, location }));
  const savesConfiguration = content.state === 'data-directory' && hasOwnConfiguration(place.real, home);
  if (leftovers.names.length > 0 || savesConfiguration) requireHome(home);
  return {
    place,
    content,
    tablespaces,
    links,
    strayLinks: links
      .filter(({ oid }) => !oids.has(oid))
      .map(({ oid, location }) => ({ oid, aim: location })),
    wal,
    leftovers,
    quarantine: quarantineFor(home, leftovers.names, timeline),
    home,
    savesConfiguration,
  };
}

/** It was a primary that wrote, and had no time to shut down: nobody has taken its last segment. */
const hasDied = (content: Situation['content']): boolean =>
  'databaseState' in content &&
  ['in production', 'in crash recovery', 'shutting down'].includes(content.databaseState ?? '');

/** What must not be lost goes there, so it has to be possible before anything is changed. */
function requireHome(home: string): void {
  const place = placeAt("twowarm's home", home);
  const hint = `What must not be lost is put there. Create it as a directory of the data directory's owner, with mode 0700.`;
  requireWritable(place, hint);
}

const plannedIn = ({ tablespaces, walDirectory }: Outside): { what: string; path: string }[] => [
  ...tablespaces.map(({ oid, location }) => ({ what: `tablespace ${oid}`, path: location })),
  ...(walDirectory === undefined ? [] : [{ what: 'pg_wal', path: walDirectory }]),
];

function judgeOutside(
  place: Place,
  tablespaces: readonly TablespacePlace[],
  { now, isLink, wanted }: WalPlaces,
  source: SourceCluster,
): void {
  const planned = wanted === undefined ? tablespaces : [...tablespaces, wanted];
  // A link that stays as it is was put there by somebody of this machine: where it leads need not be allowed.
  const all = isLink && now !== undefined && wanted === undefined ? [...planned, now] : planned;
  refuseNested([place, ...all]);
  refuseSourcePlaces(now === undefined ? all : [...all, now], source);
  refusePlacesOfServers(all, place.real);
  for (const each of all) requireWritable(each);
}

/** As target.ts promises it. */
export async function look(
  options: NearOptions,
  source: SourceCluster,
  outside: Outside,
  signal: AbortSignal,
  mayRun = false,
): Promise<Found> {
  signal.throwIfAborted();
  const situation = survey(options, source, outside, mayRun);
  refuseHeld(situation.place.real);
  const { content, leftovers, quarantine, wal } = situation;
  // How much of what is there would be kept nobody knows yet.
  const isNew = content.state === 'missing' || content.state === 'empty';
  const roomBytes = isNew ? await roomFor(situation.place) : undefined;
  signal.throwIfAborted();
  const walDirectory = wal.wanted?.path ?? (wal.isLink ? wal.now?.real : undefined);
  return {
    ...content,
    ...(mayRun && serverAtWorkIn(situation.place.real) !== undefined && { isRunning: true as const }),
    leftovers: leftovers.names,
    ...(leftovers.names.length > 0 && { quarantine }),
    ...(walDirectory !== undefined && { walDirectory }),
    tablespaces: situation.links,
    ...(roomBytes !== undefined && { roomBytes }),
    steps: stepsOf(situation),
  };
}
