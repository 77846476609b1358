// What PostgreSQL's own settings should be, where they are not: one declaration a setting, each with the reason in a sentence.
// Nothing is changed here.
import { hasDataChecksums } from '../../postgres/data-checksums.ts';
import { settingLine } from '../../program/installation.ts';
import { formatDuration } from '../../program/settings/quantities.ts';
import type { LocalServer } from '../check/local-server.ts';
import type { NodeRole } from './answers.ts';
import type { LocalCluster } from './local-cluster.ts';

export interface ProposedSetting {
  name: string;
  /** As SQL and pg_settings have it, without quotes. */
  value: string;
  /** The line for postgresql.conf. */
  line: string;
  /** What is in force now, or will be with the files as they are; '' is PostgreSQL's default. */
  now: string;
  why: string;
  /** Whether it counts only from the next start of the server on. */
  needsRestart: boolean;
}

export interface Circumstances {
  server: LocalServer;
  dataDirectory: string;
  role: NodeRole;
  segmentBytes: number;
  /** Asked for by name; undefined: a minute, where nothing else is set. */
  archiveTimeoutMs: number | undefined;
  /** Whether standbys are to stream, too. */
  streams: boolean;
}

type Rule = (circumstances: Circumstances) => ProposedSetting[];

const inQuotes = (value: string): string =>
  /^[A-Za-z0-9_.]+$/.test(value) ? value : `'${value.replaceAll("'", "''")}'`;

function proposal(
  { server }: Circumstances,
  name: string,
  value: string,
  needsRestart: boolean,
  why: string,
): ProposedSetting {
  const line = `${name} = ${inQuotes(value)}`;
  return { name, value, line, now: server.setting(name), why, needsRestart };
}

const archiveMode: Rule = (c) => {
  const now = c.server.setting('archive_mode').toLowerCase();
  if (c.server.isOn('archive_mode') === true || (now === 'always' && c.role === 'primary')) return [];
  const why =
    now === 'always'
      ? 'with always a standby archives once more what was archived already'
      : 'PostgreSQL calls archive_command only then; on a standby from its promotion on';
  return [proposal(c, 'archive_mode', 'on', true, why)];
};

const walLevel: Rule = (c) =>
  c.server.setting('wal_level').toLowerCase() === 'minimal'
    ? [proposal(c, 'wal_level', 'replica', true, 'no standby can be made of the WAL of minimal')]
    : [];

const archiveLibrary: Rule = (c) =>
  c.server.setting('archive_library') === ''
    ? []
    : [proposal(c, 'archive_library', '', false, 'with a library archive_command is not called')];

/** What the line for postgresql.conf says, as the server has it then. */
export function ourArchiveCommand(): string {
  const line = settingLine('archive_command', 'archiveWALFile', '%p %f');
  return line.slice(line.indexOf("'") + 1, -1).replaceAll("''", "'");
}

const archiveCommand: Rule = (c) => {
  const shown = c.server.setting('archive_command');
  const now = shown === '(disabled)' ? (c.server.files.get('archive_command') ?? '') : shown;
  const ours = ourArchiveCommand();
  if (now === ours) return [];
  const why =
    now.trim() === ''
      ? 'it ships each finished segment to every destination'
      : `it ships each finished segment to every destination; what it calls now ends: ${now}`;
  return [{ ...proposal(c, 'archive_command', ours, false, why), now }];
};

const dayMs = 86_400_000;
const gigabyte = 1024 ** 3;

const archiveTimeout: Rule = (c) => {
  const now = c.server.timeMs('archive_timeout', 's') ?? 0;
  const wanted = c.archiveTimeoutMs ?? (now === 0 ? 60_000 : now);
  if (now === wanted) return [];
  const most = ((dayMs / wanted) * c.segmentBytes) / gigabyte;
  const cost = most < 10 ? most.toFixed(1) : String(Math.round(most));
  const why = `at most ${formatDuration(wanted)} of commits are lost with this node; a server that writes all the time but little then ships up to ${cost} GB a day, most of it zeros, which compression = 'zstd' makes small`;
  return [proposal(c, 'archive_timeout', String(wanted / 1000), false, why)];
};

const walLogHints: Rule = (c) => {
  const { server, dataDirectory } = c;
  if (server.isOn('wal_log_hints') === true || server.isOn('data_checksums') === true) return [];
  // Of a copy that is yet to come nobody knows: the primary is told.
  if (!server.letsUsIn && hasDataChecksums(dataDirectory) !== false) return [];
  const why =
    'there are no data checksums: with the hints in the WAL pg_rewind can bring this node back after a failover, without a copy of everything';
  return [proposal(c, 'wal_log_hints', 'on', true, why)];
};

const isWaiting = ({ role, streams }: Circumstances): boolean => role !== 'primary' && !streams;

const recoveryPrefetch: Rule = (c) =>
  isWaiting(c) &&
  (c.server.major ?? 0) >= 15 &&
  (c.server.setting('recovery_prefetch') === '' || c.server.isOn('recovery_prefetch') !== false)
    ? [
        proposal(
          c,
          'recovery_prefetch',
          'off',
          false,
          'from 15 on PostgreSQL otherwise does not replay what it has while restore_command waits',
        ),
      ]
    : [];

const retryInterval: Rule = (c) =>
  c.role === 'primary' || (c.server.timeMs('wal_retrieve_retry_interval', 'ms') ?? 5000) < 5000
    ? []
    : [
        proposal(
          c,
          'wal_retrieve_retry_interval',
          '500ms',
          false,
          'for as long a segment lies there where restore_command does not wait for it',
        ),
      ];

const hotStandby: Rule = (c) =>
  c.role !== 'primary' && c.server.isOn('hot_standby') === false
    ? [proposal(c, 'hot_standby', 'on', true, 'the standby may be read, and asked how far it is')]
    : [];

/** A standby that streams, its successor while it changes over, and a base backup. */
const senders = 3;

const walSenders: Rule = (c) => {
  const shown = c.server.setting('max_wal_senders');
  const now = shown === '' ? ((c.server.major ?? 10) < 10 ? 0 : 10) : Number(shown);
  return c.streams && now < senders
    ? [proposal(c, 'max_wal_senders', String(senders), true, 'each standby that streams takes one')]
    : [];
};

const rules: readonly Rule[] = [
  ...[walLevel, archiveMode, archiveLibrary, archiveCommand, archiveTimeout, walLogHints],
  ...[hotStandby, recoveryPrefetch, retryInterval, walSenders],
];

/** Whether postgresql.conf is yet to come, with the data of the primary; on Debian it is not among them. */
export const isBrought = ({ state, postgresqlConf }: LocalCluster, role: NodeRole): boolean =>
  state !== 'there' && role !== 'primary' && postgresqlConf === undefined;

/** Only what differs from what is in force. */
export const proposeSettings = (circumstances: Circumstances): ProposedSetting[] =>
  rules.flatMap((rule) => rule(circumstances));
