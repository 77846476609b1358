// What we read beside what real servers read: each file of the property tests, each setting by each way to make it.
import { appendFileSync, readFileSync, renameSync } from 'node:fs';
import { join, normalize } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseBoolean, parseConfiguration } from '../../src/postgres/parse-configuration.ts';
import { programDirectoryFromOpts } from '../../src/postgres/postmaster-options.ts';
import { readServerSettings } from '../../src/postgres/server-settings.ts';
import { majorVersion } from '../../src/postgres/version.ts';
import type { Cluster } from '../harness/cluster.ts';
import { createCluster } from '../harness/create-cluster.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { turnOf } from '../harness/share.ts';
import { anyLines } from './arbitraries.ts';

interface FileSetting {
  sourcefile: string;
  sourceline: number;
  name: string | null;
  setting: string;
}

/** What the server reads in each of some files, as our own parser would say it. */
async function asServerReads(server: Cluster, directory: string): Promise<Map<string, unknown>> {
  const rows = await server.query<FileSetting>(
    `select sourcefile, sourceline, name, setting from pg_file_settings where sourcefile like $1 order by seqno`,
    [`${directory}/%`],
  );
  const read = new Map<string, { assignments: unknown[]; problem?: unknown }>();
  for (const { sourcefile, sourceline, name, setting } of rows) {
    const file = read.get(sourcefile) ?? { assignments: [] };
    read.set(sourcefile, file);
    if (name === null) file.problem = { problem: 'syntax error', line: sourceline };
    else file.assignments.push({ name: name.toLowerCase(), value: setting });
  }
  return read;
}

describe.each(turnOf([10, 12, 15, 18], 2))('PostgreSQL %i', { timeout: 120_000 }, (major) => {
  let sandbox: Sandbox;
  let server: Cluster;
  let configurationFile: string;
  /** Absolute, and the server user's. */
  const write = (name: string, text: string): string => sandbox.file(name, text);

  beforeAll(async () => {
    sandbox = makeSandbox(`settings${major}`);
    server = await createCluster(sandbox, { postgres: findPostgres(major), name: 'a' });
    // As Debian does it: the configuration is not in the data directory.
    configurationFile = write('etc/main.conf', '');
    renameSync(join(server.dataDirectory, 'postgresql.conf'), configurationFile);
    appendFileSync(
      configurationFile,
      [
        `data_directory = '${server.dataDirectory}'`,
        `hba_file = '${server.dataDirectory}/pg_hba.conf'`,
        `ident_file = '${server.dataDirectory}/pg_ident.conf'`,
        "include 'more/first.conf'",
        "INCLUDE_IF_EXISTS = 'more/missing.conf'",
        "include_if_exists 'more/second.conf' # there",
        "include_dir 'conf.d'",
        'archive_mode = on',
        "Archive_Command = 'test ! -f ''/x y/%f'' && \\146alse \\\\ # \\'\\303\\251\\''",
        'log_line_prefix = first',
        "log_line_prefix'%m [%p] '",
        "#max_wal_senders = 7\ntwowarm.Own_Setting = 'Case'",
        'wal_keep_nothing.x = 1\r',
        'hot_standby off',
        'checkpoint_completion_target = 0.75',
        'wal_level = replica#close',
        "archive_timeout = '1min'",
        'work_mem = 5MB',
        "cluster_name = 'of the file'",
        'include_if_exists lines\n',
      ].join('\n'),
    );
    write(
      'etc/more/first.conf',
      "include '../more/deeper.conf'\nmax_wal_senders = 3\nsuperuser_reserved_connections = 1\n",
    );
    write('etc/more/deeper.conf', "max_wal_senders = 2\nmax_worker_processes = '9'");
    write('etc/more/second.conf', "bgwriter_delay = '150ms'\ndeadlock_timeout = 2s\n");
    write('etc/conf.d/20.conf', 'vacuum_cost_limit = 20\nvacuum_cost_delay = 3');
    write('etc/conf.d/3.conf', 'vacuum_cost_limit = 3\n');
    write('etc/conf.d/Z.conf', 'vacuum_cost_page_hit = 9\n');
    write('etc/conf.d/a.conf', 'vacuum_cost_page_hit = 8\n');
    write('etc/conf.d/.hidden.conf', 'vacuum_cost_limit = 1\n');
    write('etc/conf.d/no.conf~', 'vacuum_cost_limit = 2\n');
    sandbox.directory('etc/conf.d/directory.conf');
    const options = [
      `-c config_file=${configurationFile}`,
      '-c cluster-name="command line"',
      '--log_min_duration_statement=17s',
      '-cmax_locks_per_transaction=70',
      '-S 3000',
      '-c log_line_prefix=%p',
      '-c log_line_prefix=%t',
    ].join(' ');
    const started = await server.pgCtl('start', '-w', '-l', server.logFile, '-o', options);
    expect(started.code, `${started.stdout}${server.log()}`).toBe(0);
    await server.query("alter system set archive_timeout = '2min'");
    await server.query("alter system set deadlock_timeout = '3s'");
    await server.query(`alter system set search_path = 'it''s', "a\\b"`);
    await server.query('alter system set maintenance_work_mem = 4096');
    await server.reload();
  });
  afterAll(async () => {
    await server.stop('immediate');
    await sandbox.dispose();
  });

  it('has the settings that we read, whichever file, include, quoting or option they come from', async () => {
    const { complete, problem, get } = readServerSettings(server.dataDirectory);
    expect({ complete, problem }).toEqual({ complete: true, problem: undefined });
    const names = [
      ...['archive_mode', 'archive_command', 'archive_timeout', 'log_line_prefix', 'twowarm.own_setting'],
      ...['hot_standby', 'checkpoint_completion_target', 'wal_level', 'work_mem', 'cluster_name', 'port'],
      ...['max_wal_senders', 'max_worker_processes', 'superuser_reserved_connections', 'bgwriter_delay'],
      ...[
        'deadlock_timeout',
        'vacuum_cost_limit',
        'vacuum_cost_delay',
        'vacuum_cost_page_hit',
        'search_path',
      ],
      ...[
        'maintenance_work_mem',
        'max_locks_per_transaction',
        'log_min_duration_statement',
        'listen_addresses',
      ],
      ...['unix_socket_directories', 'data_directory', 'config_file', 'shared_buffers', 'wal_keep_nothing.x'],
    ];
    await server.session(async (client) => {
      for (const name of names) {
        const ours = get(name);
        expect(ours, name).toBeDefined();
        const shown = 'select current_setting($1) as value';
        const before = (await client.query<{ value: string }>(shown, [name])).rows[0]!.value;
        const fixed = await client.query(
          "select 1 from pg_settings where name = $1 and context in ('postmaster', 'internal', 'sighup')",
          [name],
        );
        // Where the server has units of its own, setting it to what we read must change nothing.
        if (fixed.rowCount === 0) {
          await client.query('select set_config($1, $2, false)', [name, ours]);
          expect((await client.query<{ value: string }>(shown, [name])).rows[0]!.value, name).toBe(before);
        } else {
          expect(ours, name).toBe(before);
        }
      }
    });
  });

  it('has no other settings by file or option than those that we read', async () => {
    const { get } = readServerSettings(server.dataDirectory);
    const rows = await server.query<{ name: string }>(
      "select name from pg_settings where source in ('configuration file', 'command line')",
    );
    expect(rows.length).toBeGreaterThan(20);
    expect(rows.map(({ name }) => name.toLowerCase()).filter((name) => get(name) === undefined)).toEqual([]);
    expect(get('recovery_target_time')).toBeUndefined();
  });

  it('reads every file that we say, and no other', async () => {
    const { files } = readServerSettings(server.dataDirectory);
    const rows = await server.query<{ sourcefile: string }>(
      'select distinct sourcefile from pg_file_settings',
    );
    const unread = rows
      .map(({ sourcefile }) => normalize(sourcefile))
      .filter((file) => !files.includes(file));
    expect(unread).toEqual([]);
    expect(files.map((file) => file.slice(sandbox.path.length + 1)).sort()).toEqual(
      [
        ...['a/data/postgresql.auto.conf', 'a/data/postmaster.opts', 'etc/conf.d', 'etc/conf.d/20.conf'],
        ...['etc/conf.d/3.conf', 'etc/conf.d/Z.conf', 'etc/conf.d/a.conf', 'etc/conf.d/directory.conf'],
        ...['etc/lines', 'etc/main.conf', 'etc/more/deeper.conf', 'etc/more/first.conf'],
        ...['etc/more/missing.conf', 'etc/more/second.conf'],
        ...(major < 12 ? ['a/data/recovery.conf'] : []),
      ].sort(),
    );
  });

  it('tells its programs and its version by its data directory', () => {
    expect(programDirectoryFromOpts(server.dataDirectory)).toBe(server.postgres.bindir);
    expect(majorVersion(server.dataDirectory)).toBe(major);
  });

  it('takes and refuses the same lines', async () => {
    const texts = fc.sample(anyLines, 600);
    const files = texts.map((text, index) => write(`lines/${index}.conf`, text));
    write('etc/lines', files.map((file) => `include '${file}'\n`).join(''));
    const theirs = await asServerReads(server, join(sandbox.path, 'lines'));
    write('etc/lines', '');
    const nothing = { assignments: [] };
    const wrong = files
      .map((file) => ({
        text: readFileSync(file, 'utf8'),
        ours: parseConfiguration(readFileSync(file, 'latin1')),
        theirs: theirs.get(file) ?? nothing,
      }))
      .filter(({ ours, theirs: other }) => JSON.stringify(ours) !== JSON.stringify(other));
    expect(wrong).toEqual([]);
    expect([...theirs.values()].filter((read) => 'problem' in (read as object)).length).toBeGreaterThan(50);
  });

  it('takes and refuses the same Booleans', async () => {
    const words = ['on', 'off', 'true', 'false', 'yes', 'no'];
    const parts = words.flatMap((word) => [...word].map((_, end) => word.slice(0, end + 1)));
    const texts = [
      ...parts,
      ...parts.map((part) => part.toUpperCase()),
      '',
      '0',
      '1',
      '2',
      'onn',
      'offs',
      ' on',
      '-1',
    ];
    await server.session(async (client) => {
      for (const text of texts) {
        const told = await client
          .query<{ value: string }>("select set_config('enable_sort', $1, false) as value", [text])
          .then(({ rows }) => rows[0]!.value === 'on')
          .catch(() => undefined);
        expect(parseBoolean(text), JSON.stringify(text)).toBe(told);
      }
    });
  });
});
