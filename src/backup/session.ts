// The one session of a base backup: PostgreSQL is in backup mode from its beginning to its end, whatever becomes of us, for it
// is a non-exclusive backup, which the server itself ends when the session is gone (its documentation, "Making a Base Backup
// Using the Low Level API"). The functions have other names before 15.
import { connect, sqlState, type Session } from '../postgres/client.ts';
import { notRunning } from '../postgres/not-running.ts';
import { readPostmaster } from '../postgres/postmaster-file.ts';
import type { Tablespace } from '../postgres/tablespaces.ts';
import type { ThisNode } from '../postgres/this-node.ts';
import { ProgramError } from '../program/program-error.ts';
import { unlessAborted } from '../program/unless-aborted.ts';
import { parseLsn } from '../wal/lsn.ts';

/** Functions got their names of today. */
const renamed = 15;

/** What the server says of itself. */
export interface ServerFacts {
  major: number;
  catalogVersion: number;
  isRecovering: boolean;
  hasChecksums: boolean;
  blockSize: number;
  blocksInSegment: number;
  walLevel: string;
  archiveMode: string;
  archiveCommand: string;
  archiveLibrary: string;
  /** Relative to the data directory or absolute; only before 15. */
  temporaryStatistics: string | undefined;
}

/** What ends a backup. */
export interface EndOfBackup {
  lsn: bigint;
  /** Byte for byte. */
  label: Buffer;
  /** Byte for byte; empty where there are no tablespaces. */
  tablespaceMap: Buffer;
}

/** Rows of Tablespace: all but those that every cluster has, in the order of their numbers. */
const tablespacesSql =
  "select oid::text as oid, pg_tablespace_location(oid) as location from pg_tablespace where pg_tablespace_location(oid) <> '' order by pg_tablespace.oid";

const factsSql = `select current_setting('server_version_num') as version,
  (select catalog_version_no from pg_control_system()) as catalog,
  pg_is_in_recovery() as recovering, current_setting('data_checksums') as checksums,
  current_setting('block_size') as block, (select setting from pg_settings where name = 'segment_size') as segment,
  current_setting('wal_level') as level, current_setting('archive_mode') as mode,
  current_setting('archive_command') as command, current_setting('archive_library', true) as library,
  current_setting('stats_temp_directory', true) as statistics`;

interface FactsRow extends Record<string, unknown> {
  version: string;
  catalog: number;
  recovering: boolean;
  checksums: string;
  block: string;
  segment: string;
  level: string;
  mode: string;
  command: string;
  library: string | null;
  statistics: string | null;
}

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

function lsnOf(text: string): bigint {
  const lsn = parseLsn(text);
  if (lsn === undefined) throw new Error(`the server says "${text}", which is no LSN`);
  return lsn;
}

/** What went wrong at the server, in its own words. */
function atServer(what: string, error: unknown): Error {
  if (error instanceof ProgramError) return error;
  const { message } = error as Error;
  const isRefusal = sqlState(error) === '42501';
  return new ProgramError('server-fault', `could not ${what}: ${message}`, {
    hint: isRefusal
      ? 'Connect as a superuser, or grant execute on the functions of base backups to that user: node.conninfo in twowarm.toml says who connects.'
      : undefined,
    cause: error,
  });
}

export class BackupSession {
  private readonly session: Session;
  /** Another session of the same kind. */
  private readonly another: () => Promise<Session>;
  private major = 0;
  private before: Promise<unknown> = Promise.resolve();

  private constructor(session: Session, another: () => Promise<Session>) {
    this.session = session;
    this.another = another;
  }

  /** Connects to the running server of the node; `server-not-running` where none does. */
  static async open({ settings }: ThisNode, program: string): Promise<BackupSession> {
    const { dataDirectory } = settings;
    const postmaster = readPostmaster(dataDirectory);
    if (postmaster === undefined)
      throw notRunning(
        settings,
        'A base backup is made of a running primary.',
        'If no other node was promoted in its place, start it',
      );
    try {
      const { conninfo } = settings.server;
      const session = await connect(postmaster, dataDirectory, conninfo, program, { patient: true });
      const another = () => connect(postmaster, dataDirectory, conninfo, program);
      const backup = new BackupSession(session, another);
      // Whatever the server's defaults are for sessions that wait: this one waits for the copy.
      await backup.rows(
        "select set_config(name, '0', false) from pg_settings where name in ('statement_timeout', 'idle_session_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout')",
      );
      return backup;
    } catch (error) {
      throw atServer(`connect to the server in ${dataDirectory}`, error);
    }
  }

  /** False once the connection is lost: the server has ended the backup then. */
  isOpen(): boolean {
    return this.session.isOpen();
  }

  async facts(): Promise<ServerFacts> {
    const [row] = await this.rows<FactsRow>(factsSql);
    const found = row!;
    this.major = Math.floor(Number(found.version) / 10_000);
    return {
      major: this.major,
      catalogVersion: Number(found.catalog),
      isRecovering: found.recovering,
      hasChecksums: found.checksums === 'on',
      blockSize: Number(found.block),
      blocksInSegment: Number(found.segment),
      walLevel: found.level,
      archiveMode: found.mode,
      archiveCommand: found.command,
      archiveLibrary: found.library ?? '',
      temporaryStatistics: found.statistics ?? undefined,
    };
  }

  /** Where the server writes now, and on which timeline; only of a primary. */
  async position(): Promise<{ timeline: number; lsn: bigint }> {
    const [row] = await this.rows<{ name: string; lsn: string }>(
      'select pg_walfile_name(pg_current_wal_insert_lsn()) as name, pg_current_wal_insert_lsn()::text as lsn',
    );
    return { timeline: Number.parseInt(row!.name.slice(0, 8), 16), lsn: lsnOf(row!.lsn) };
  }

  async tablespaces(): Promise<Tablespace[]> {
    return this.rows<Tablespace & Record<string, unknown>>(tablespacesSql);
  }

  /** Ends the current segment, with a message in it that changes nothing; where the segment ended. */
  async endSegment(): Promise<bigint> {
    // Each by itself: a switch in the transaction of the message would come before its commit.
    await this.rows("select pg_logical_emit_message(false, 'twowarm', 'base backup')");
    const [row] = await this.rows<{ lsn: string }>('select pg_switch_wal()::text as lsn');
    return lsnOf(row!.lsn);
  }

  /** Begins; where replay has to begin. `fast`: the checkpoint is made at once, else over minutes, of which `stop` ends the wait. */
  async begin(label: string, fast: boolean, stop: AbortSignal): Promise<bigint> {
    const words = `${literal(label)}, ${fast ? 'true' : 'false'}`;
    const call = this.major >= renamed ? `pg_backup_start(${words})` : `pg_start_backup(${words}, false)`;
    const [{ pid }] = (await this.rows<{ pid: number }>('select pg_backend_pid() as pid')) as [
      { pid: number },
    ];
    const begun = this.rows<{ lsn: string }>(`select ${call}::text as lsn`, 'begin the backup');
    try {
      const [row] = await unlessAborted(begun, stop);
      return lsnOf(row!.lsn);
    } catch (error) {
      begun.catch(() => undefined);
      if (stop.aborted) await this.endFromOutside(pid);
      throw error;
    }
  }

  /** While it waits for a checkpoint a session does not notice that nobody is there any more. */
  private async endFromOutside(pid: number): Promise<void> {
    try {
      const session = await this.another();
      await session.rows(`select pg_terminate_backend(${pid})`).finally(() => session.close());
    } catch {
      // It ends by itself, after the checkpoint.
    }
  }

  /** Ends it without waiting for the archive: we look for the segments where they have to be. */
  async end(): Promise<EndOfBackup> {
    const call = this.major >= renamed ? 'pg_backup_stop(false)' : 'pg_stop_backup(false, false)';
    const bytes = (column: string): string => `convert_to(coalesce(${column}, ''), getdatabaseencoding())`;
    const [row] = await this.rows<{ lsn: string; label: Buffer; map: Buffer }>(
      `select lsn::text as lsn, ${bytes('labelfile')} as label, ${bytes('spcmapfile')} as map from ${call}`,
      'end the backup',
    );
    return { lsn: lsnOf(row!.lsn), label: row!.label, tablespaceMap: row!.map };
  }

  async lastFailure(): Promise<string | undefined> {
    const [row] = await this.rows<{ name: string | null; newer: boolean | null }>(
      'select last_failed_wal as name, last_archived_time is null or last_failed_time > last_archived_time as newer from pg_stat_archiver',
    );
    return row?.newer === true ? (row.name ?? undefined) : undefined;
  }

  /** Whether archive_command has succeeded for that segment, or for a later one of its timeline. */
  async countsAsArchived(name: string): Promise<boolean> {
    const [row] = await this.rows<{ name: string | null }>(
      'select last_archived_wal as name from pg_stat_archiver',
    );
    const last = row?.name?.slice(0, name.length) ?? '';
    return last.slice(0, 8) === name.slice(0, 8) && last >= name;
  }

  /** The server ends a backup that is under way. */
  close(): Promise<void> {
    return this.session.close();
  }

  private async rows<Row extends Record<string, unknown>>(
    sql: string,
    what = 'ask the server',
  ): Promise<Row[]> {
    // One after the other: what is asked beside it waits here, and not in the library.
    const asked = this.before.then(() => this.session.rows<Row>(sql));
    this.before = asked.catch(() => undefined);
    try {
      return await asked;
    } catch (error) {
      throw atServer(what, error);
    }
  }
}
