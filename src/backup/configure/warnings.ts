// What deserves a warning although it keeps nobody from configuring the standby: settings that will not do what they should.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseBoolean } from '../../postgres/parse-configuration.ts';
import { leadsHere } from '../../postgres/leads-here.ts';
import type { ServerSettings } from '../../postgres/server-settings.ts';
import type { Report } from '../../program/print-error.ts';
import { unreadArchive } from '../../transport/unread-archive.ts';
import { ownConfigurationIn, type LeftOut } from './own-files.ts';
import type { FilePlan, Wanted } from './plan-files.ts';
import type { Origin } from './refusals.ts';

/** PostgreSQL's defaults, 10 to 18. */
const defaults: Readonly<Record<string, number>> = {
  max_connections: 100,
  max_worker_processes: 8,
  max_wal_senders: 10,
  max_prepared_transactions: 0,
  max_locks_per_transaction: 64,
};
/** From here on a hot standby pauses replay where it cannot go on; before it did not start. */
const pausesInstead = 14;

function ofUnread({ complete, problem }: ServerSettings): Report[] {
  if (complete) return [];
  return [
    {
      message: `what the server's files say is not known: ${problem ?? 'they cannot be read'}`,
      hint: 'A setting there may contradict what is configured here: twowarm check says so once the server runs.',
    },
  ];
}

/** postgresql.auto.conf comes after all files, but the command line comes after it. */
function ofOverridden({ set, after }: FilePlan): Report[] {
  return set
    .filter(([name, value]) => after.get(name) !== undefined && after.get(name) !== value)
    .map(([name]) => ({
      message: `${name} is set on the command line that the server was last started with, or in an included file, and that wins`,
      hint: 'Start it without that option (postmaster.opts in the data directory has the last command line).',
    }));
}

function ofLimits(
  { after }: FilePlan,
  { major, settings: { home } }: Wanted,
  limits: ReadonlyMap<string, number>,
): Report[] {
  if (parseBoolean(after.get('hot_standby') ?? 'on') === false) return [];
  return [...limits].flatMap(([name, primary]) => {
    const own = Number(after.get(name) ?? (after.complete ? defaults[name] : undefined));
    // NaN, for what cannot be read, is not less.
    if (!(own < primary)) return [];
    const what =
      major < pausesInstead ? 'it does not start as a hot standby' : 'replay stops, or it does not start';
    return [
      {
        message: `${name} is ${own} on this node, but ${primary} on the primary: with less ${what}`,
        hint: `Set it to at least ${primary}, in ${ownConfigurationIn(home)} or where this node sets it.`,
      },
    ];
  });
}

function ofConninfo(
  { after, waits, dropsOwnConninfo }: FilePlan,
  { mode, settings, primaryConninfo }: Wanted,
): Report[] {
  if (dropsOwnConninfo)
    return [
      {
        message: 'primary_conninfo led to this very node, which would stream from itself: it is taken out',
        hint: "Where this standby is to stream, give the primary's with --primary-conninfo.",
      },
    ];
  const conninfo = (after.get('primary_conninfo') ?? '').trim();
  if (conninfo === '' || mode === 'warm') return [];
  const isOwn = leadsHere(conninfo, after.get, 'likely');
  const own: Report[] = isOwn
    ? [
        {
          message: 'primary_conninfo leads to this very node',
          hint: "Give the primary's with --primary-conninfo, or none with --primary-conninfo ''.",
        },
      ]
    : [];
  if (waits || settings.restore.wait === 'off' || primaryConninfo === undefined) return own;
  return [
    ...own,
    {
      message: 'restore_command does not wait for segments: primary_conninfo is set, and PostgreSQL streams',
    },
  ];
}

function ofOwnFile(wanted: Wanted, { after }: FilePlan): Report[] {
  const own = wanted.own.find(({ path }) => path.endsWith('/node/postgresql.conf'))?.after;
  const overridden = [...(own ?? '').matchAll(/^([a-z_.]+) = '(.*)'$/gm)].filter(
    ([, name, value]) => after.get(name!) !== value!.replaceAll("''", "'").replaceAll('\\\\', '\\'),
  );
  return overridden.map(([, name]) => ({
    message: `${name} of this node is overridden by postgresql.auto.conf, which came with the copy`,
    hint: `Once the server runs: ALTER SYSTEM RESET ${name}.`,
  }));
}

/** Segments that a primary had not archived: a standby does not archive them, and they may be nowhere else. */
function ofLeftovers(dataDirectory: string, origin: Origin): Report[] {
  if (origin !== 'former-primary') return [];
  const status = join(dataDirectory, 'pg_wal', 'archive_status');
  const left = existsSync(status)
    ? readdirSync(status)
        .filter((name) => name.endsWith('.ready'))
        .sort()
    : [];
  if (left.length === 0) return [];
  const [first] = left as [string];
  return [
    {
      message: `${left.length} WAL ${left.length === 1 ? 'file was' : 'files were'} never archived here, the first is ${first.slice(0, -'.ready'.length)}`,
      detail:
        'A standby does not archive them; where no other node has them, their rows are in this data directory alone.',
      hint: `If they belong to the timeline that goes on: archiveWALFile pg_wal/NAME NAME, in ${dataDirectory}.`,
    },
  ];
}

/** What was saved of this node before the copy, and is not carried over. */
export function ofLeftOut(left: LeftOut | undefined, home: string): Report[] {
  if (left === undefined) return [];
  const tooLow = left.tooLow.map(({ name, value, primary }) => ({
    message: `${name} = ${value} of this node was left out: the primary has ${primary}`,
    hint: 'With less a hot standby does not start, or stops replaying.',
  }));
  if (left.missing.length === 0) return tooLow;
  return [
    ...tooLow,
    {
      message: `before the copy this node also had settings of its own that are not in ${ownConfigurationIn(home)}: ${left.missing.join(', ')}`,
      hint: `They are in ${left.from}; put into the file what is to stay.`,
    },
  ];
}

export function warningsOf(
  wanted: Wanted,
  plan: FilePlan,
  origin: Origin,
  limits: ReadonlyMap<string, number>,
): Report[] {
  const unread = unreadArchive(wanted.settings);
  return [
    ...ofUnread(plan.after),
    ...ofOverridden(plan),
    ...ofLimits(plan, wanted, limits),
    ...ofConninfo(plan, wanted),
    ...ofOwnFile(wanted, plan),
    ...ofLeftovers(wanted.dataDirectory, origin),
    ...(unread === undefined ? [] : [unread]),
  ];
}
