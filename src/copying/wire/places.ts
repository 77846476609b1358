// The source and the surroundings of a copy as JSON, and what a look and a preparation have found.
import { Message } from '../../transport/wire/messages.ts';
import type { Found, Outside, Prepared, SourceCluster } from '../target.ts';
import { invalid } from './records.ts';

export const outsideToJson = ({ tablespaces, walDirectory }: Outside): object => ({
  tablespaces: tablespaces.map(({ oid, location }) => ({ oid, location })),
  ...(walDirectory !== undefined && { wal_directory: walDirectory }),
});

const oid = /^[1-9][0-9]{0,9}$/;

/** Which places may be written, the near target judges. */
export const readOutside = (message: Message): Outside => ({
  tablespaces: (message.maybeParts('tablespaces') ?? []).map((each) => ({
    oid: each.matching('oid', oid),
    location: absolute(each, 'location'),
  })),
  walDirectory:
    message.maybeText('wal_directory') === undefined ? undefined : absolute(message, 'wal_directory'),
});

/** No more than a path: whoever makes one of it knows what it may be. */
const absolute = (message: Message, key: string): string => message.matching(key, /^\/[^\0]*$/);

export const sourceToJson = (source: SourceCluster): object => ({
  system_identifier: source.systemIdentifier,
  version: source.version,
  catalog_version: source.catalogVersion,
  segment_size: source.segmentSize,
  timeline: source.timeline,
  lsn: source.lsn.toString(),
  boot: source.boot,
  directories: source.directories,
});

export const readSource = (message: Message): SourceCluster => ({
  systemIdentifier: message.matching('system_identifier', /^[0-9]{1,20}$/),
  version: message.matching('version', /^[0-9]{1,3}(\.[0-9]{1,3})?$/),
  catalogVersion: message.count('catalog_version'),
  segmentSize: message.count('segment_size'),
  timeline: message.count('timeline'),
  lsn: BigInt(message.matching('lsn', /^[0-9]{1,20}$/)),
  boot: message.text('boot'),
  directories: message.texts('directories', (each) => /^[0-9]+:[0-9]+$/.test(each)),
});

export const foundToJson = (found: Found): object => ({
  state: found.state,
  timeline: found.timeline,
  database_state: found.databaseState,
  running: found.isRunning,
  leftovers: found.leftovers,
  quarantine: found.quarantine,
  wal_directory: found.walDirectory,
  tablespaces: found.tablespaces.map(({ oid, location }) => ({ oid, location })),
  room_bytes: found.roomBytes,
  steps: found.steps,
});

const states: readonly Found['state'][] = ['missing', 'empty', 'data-directory', 'unfinished'];

/** Its texts are shown to a person: no control characters of the far side's choice. */
const isPlain = (text: string): boolean => !/\p{Cc}/u.test(text);

function plainText(message: Message, key: string): string | undefined {
  const text = message.maybeText(key);
  if (text === undefined || isPlain(text)) return text;
  throw invalid(`"${key}" has control characters`);
}

const maybe = <K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> =>
  value === undefined ? {} : ({ [key]: value } as Record<K, V>);

export const readFound = (message: Message): Found => ({
  state: message.oneOf('state', states),
  ...maybe('timeline', message.maybeCount('timeline')),
  ...maybe('databaseState', plainText(message, 'database_state')),
  ...(message.isTrue('running') && { isRunning: true as const }),
  leftovers: message.texts('leftovers', isPlain),
  ...maybe('quarantine', plainText(message, 'quarantine')),
  ...maybe('walDirectory', plainText(message, 'wal_directory')),
  tablespaces: (message.maybeParts('tablespaces') ?? []).map((each) => ({
    oid: each.matching('oid', oid),
    location: each.matching('location', /^[^\p{Cc}]+$/u),
  })),
  ...maybe('roomBytes', message.maybeCount('room_bytes')),
  steps: message.texts('steps', isPlain),
});

export const preparedToJson = ({ quarantined, warnings }: Prepared): object => ({ quarantined, warnings });

export const readPrepared = (message: Message): Prepared => ({
  quarantined: message.texts('quarantined', isPlain),
  warnings: message.texts('warnings', isPlain),
});
