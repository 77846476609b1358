// The one declaration of every configuration key: its check, its default in words, what it is for. The reader, the
// "did you mean", conf-templates/twowarm.toml, docs/options.md and configSetup are all made from this file and destination-keys.ts.
// It loads zod, so the hot path reads cached settings instead (load.ts).
import { z } from 'zod';
import { lacksOfUrl } from '../road-promises.ts';
import { destination, destinations } from './destination-keys.ts';
import { duration, keyWords, path, roadUrl, space, text, unless } from './key-parts.ts';
import { rsync } from './rsync-section.ts';
import { ssh } from './ssh-section.ts';

const node = z.strictObject({
  name: text().optional().register(keyWords, {
    summary: "This node's name in messages, logs and status.",
    default: 'the host name',
    example: "'db1'",
  }),
  role: z.enum(['dr']).optional().register(keyWords, {
    summary:
      "'dr': this is the node for disasters, which twowarm check does not miss a destination of. The other roles change, and are seen by the server.",
    example: "'dr'",
  }),
  data_directory: path().register(keyWords, {
    summary: "PostgreSQL's data directory on this node.",
    example: "'/var/lib/postgresql/15/main'",
    required: true,
  }),
  pg_bindir: path().optional().register(keyWords, {
    summary: "The directory of PostgreSQL's programs (pg_ctl).",
    default: 'found',
    example: "'/usr/lib/postgresql/15/bin'",
  }),
  conninfo: text().optional().register(keyWords, {
    summary: 'How to connect to the local server, as a libpq connection string.',
    default: 'found: the socket and port in postmaster.pid, database postgres',
    example: "'host=/var/run/postgresql dbname=postgres'",
  }),
  start_command: text()
    .optional()
    .register(keyWords, { summary: 'Starts the local server.', default: 'pg_ctl start' }),
  stop_command: text()
    .optional()
    .register(keyWords, { summary: 'Stops the local server.', default: 'pg_ctl stop' }),
  reload_command: text()
    .optional()
    .register(keyWords, { summary: 'Reloads its configuration.', default: 'pg_ctl reload' }),
});

const archive = z.strictObject({
  directory: path().optional().register(keyWords, {
    summary: 'The archive of this node: the WAL that it keeps. It must exist; no program creates it.',
    default: '<home>/archive',
    example: "'/var/lib/postgresql/15/twowarm/archive'",
  }),
  consumer_warn_after: duration().default(86_400_000).register(keyWords, {
    summary:
      'How long a registered reader of an archive may stay away before twowarm consumers list, and pruning that is held up by it, warn. It keeps what it needs all the same, until somebody removes it: twowarm consumers remove.',
    default: "'1d'",
    example: "'1d'",
  }),
  space_warn_below: space().default({ percent: 10 }).register(keyWords, {
    summary:
      "The free space of an archive's disk, as a share or as a size, below which the same warn. '0%' never does.",
    default: "'10%'",
    example: "'10%'",
  }),
});

const archiveAsync = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .register(keyWords, {
      summary: 'Ship ahead with a resident pusher.',
      default: 'false',
      missing: 'true',
      notBuilt: unless(false, 'asynchronous archiving'),
    }),
});

const restore = z.strictObject({
  sources: z.array(roadUrl()).min(1, 'must name at least one source').optional().register(keyWords, {
    summary:
      'Where restore_command looks, in this order: file:/directory, ssh://user@host:port/directory, or sftp:, rsync: and rsync+ssh: as for a destination.',
    default: "['file:<archive.directory>']",
    example: "['file:/var/lib/postgresql/15/twowarm/archive']",
  }),
  time_limit: duration().default(120_000).register(keyWords, {
    summary: 'How long fetching one file from one source may take.',
    default: "'2min'",
    example: "'2min'",
  }),
  retry_limit: duration().default(10_000).register(keyWords, {
    summary:
      'How long an answer of "cannot know" is tried again before it is given; for a history file at most 5 s.',
    default: "'10s'",
    example: "'10s'",
  }),
  trigger_file: path().optional().register(keyWords, {
    summary:
      'The file that ends waiting: with "smart", or empty, what is there is restored first; with "fast" nothing more is.',
    default: '<home>/trigger',
    example: "'/var/lib/postgresql/15/twowarm/trigger'",
  }),
  wait: z.enum(['auto', 'warm', 'off']).default('auto').register(keyWords, {
    summary:
      "Whether restore_command waits for a segment that is not there yet. 'auto': under standby.signal, unless PostgreSQL streams (primary_conninfo) or would not replay while it waits (recovery_prefetch, from 15 on). 'warm': always, also under recovery.signal, which otherwise is a point-in-time recovery.",
    default: "'auto'",
    example: "'auto'",
  }),
  prune: z.boolean().default(false).register(keyWords, {
    summary:
      "Remove segments before %r from the sources that are directories once a segment is restored: under standby.signal, or where wait = 'warm'. What another reader needs stays, as far as the archive knows its readers: who restores with restoreWALFile %f %p %r, runs twowarm prune %r or relays from it is registered there (twowarm consumers list). A reader that uses cp or pg_standby, or leaves %r out, is not, nor is a base backup that nobody has begun to restore.",
    default: 'false',
    example: 'false',
  }),
});

/** A reservation that two nodes could make at the same time would be none. */
function refuseAsArbiter(url: string, context: z.RefinementCtx): void {
  if (!lacksOfUrl(url).includes('not-exclusive')) return;
  const message =
    'cannot be reached over rsync: a reservation must be exclusive; write file: on its machine, or ssh:, which needs twowarm there';
  context.addIssue({ code: 'custom', message });
}

const cluster = z.strictObject({
  arbiter: roadUrl().superRefine(refuseAsArbiter).optional().register(keyWords, {
    summary:
      'The one archive that timelines are reserved at before a promotion, the same on every node; best on a machine of its own. Without it two standbys that are triggered at once both become primaries.',
    default: 'none: nothing is reserved',
    example: "'file:/mnt/dr/archive'",
  }),
});

const log = z.strictObject({
  file: path().optional().register(keyWords, {
    summary: 'A file for one JSON object per event (also of successes). Text always goes to stderr.',
    default: 'none',
    example: "'/var/log/postgresql/twowarm.json'",
  }),
});

const distribution = z.strictObject({
  directory: text()
    .regex(
      /^(?!-)(?!.*(^|\/)\.\.?(\/|$))[^\p{Cc}]*[^\p{Cc}/]$/u,
      'must be a path without "." and ".." in it and without a slash at its end',
    )
    .default('.local/lib/twowarm')
    .register(keyWords, {
      summary:
        'Where distrib2warm keeps twowarm on the other nodes, absolute, or below the home of the user who logs in there. Programs are called there at <directory>/current/bin/.',
      default: "'.local/lib/twowarm'",
      example: "'/opt/twowarm'",
    }),
});

/** Every section; `destination` is a table of them by name. */
export const sections = {
  node,
  archive,
  archive_async: archiveAsync,
  destination,
  restore,
  ssh,
  rsync,
  cluster,
  distribution,
  log,
};

export const configurationSchema = z.strictObject({
  node,
  archive: archive.prefault({}),
  archive_async: archiveAsync.prefault({}),
  destination: destinations,
  restore: restore.prefault({}),
  ssh: ssh.prefault({}),
  rsync: rsync.prefault({}),
  cluster: cluster.prefault({}),
  distribution: distribution.prefault({}),
  log: log.prefault({}),
});

export type Configuration = z.output<typeof configurationSchema>;
