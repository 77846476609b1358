// A real PostgreSQL cluster in a sandbox: started, asked, stopped and promoted with PostgreSQL's own programs, which
// run as the server user under an empty environment, like a service. How one comes about is create-cluster.ts.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Client, QueryResultRow } from 'pg';

import { inSession, rowsOf } from './pg-session.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';
import { run, type RunResult } from './run.ts';
import type { Sandbox } from './sandbox.ts';
import { appendSettings, type Settings } from './settings.ts';
import { waitFor } from './wait-for.ts';

/** pg_ctl's own limit; below a test's, so that a failure shows the server's log. */
const LIMIT_S = 40;

export class Cluster {
  readonly sandbox: Sandbox;
  readonly name: string;
  readonly postgres: PostgresBinaries;
  readonly port: number;
  /** The data directory's parent, the cluster's alone: twowarm's default home is `twowarm` in it. */
  readonly parent: string;
  readonly dataDirectory: string;
  readonly socketDirectory: string;
  readonly logFile: string;

  constructor(sandbox: Sandbox, name: string, postgres: PostgresBinaries, port: number) {
    this.sandbox = sandbox;
    this.name = name;
    this.postgres = postgres;
    this.port = port;
    this.parent = sandbox.directory(name);
    this.dataDirectory = join(this.parent, 'data');
    this.socketDirectory = sandbox.directory(join(name, 'socket'));
    this.logFile = join(this.parent, 'log');
  }

  /** For libpq and for primary_conninfo. */
  get conninfo(): string {
    return `host=${this.socketDirectory} port=${this.port} user=postgres dbname=postgres`;
  }

  /** The settings that make this cluster reachable, and no other. */
  get address(): Settings {
    return { listen_addresses: '127.0.0.1', port: this.port, unix_socket_directories: this.socketDirectory };
  }

  /** Appends to postgresql.conf, where the last one of a name counts; a reload or restart makes them effective. */
  setSettings(settings: Settings): void {
    appendSettings(join(this.dataDirectory, 'postgresql.conf'), settings);
  }

  /** Starts the server and waits until it accepts connections (with hot_standby off: until recovery has begun). */
  async start({ wait = true } = {}): Promise<void> {
    await this.#control('start', wait ? '-w' : '-W', '-l', this.logFile);
  }

  /** Stops it and waits for its end. */
  async stop(mode: 'smart' | 'fast' | 'immediate' = 'fast'): Promise<void> {
    await this.#control('stop', '-w', '-m', mode);
  }

  async reload(): Promise<void> {
    await this.#control('reload');
  }

  /** Promotes a standby; unless told otherwise waits until it accepts writes. */
  async promote({ wait = true } = {}): Promise<void> {
    await this.#control('promote', wait ? '-w' : '-W');
  }

  async isRunning(): Promise<boolean> {
    return (await this.pgCtl('status')).code === 0;
  }

  /** The postmaster's process id, as long as its lock file is there. */
  postmasterPid(): number | undefined {
    const file = join(this.dataDirectory, 'postmaster.pid');
    return existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : undefined;
  }

  /** The rows of one query in a session of its own. A switch of WAL files needs a call of its own: see rowsOf. */
  async query<Row extends QueryResultRow = QueryResultRow>(
    sql: string,
    params: unknown[] = [],
  ): Promise<Row[]> {
    return this.session((client) => rowsOf<Row>(client, sql, params));
  }

  /** The first column of the first row, as node-postgres gives it (bigint, numeric and pg_lsn as text). */
  async value<T = string>(sql: string, params: unknown[] = []): Promise<T> {
    const [row] = await this.query(sql, params);
    return Object.values(row ?? {})[0] as T;
  }

  /** Several queries in one session, which is closed whatever happens. */
  async session<T>(work: (client: Client) => Promise<T>): Promise<T> {
    return inSession(this, work);
  }

  /** Ends the current WAL segment and returns its name. Does not wait until it is archived. */
  async finishSegment(): Promise<string> {
    // Without a record of its own an unused segment would not be switched.
    await this.query("select pg_logical_emit_message(false, 'test', 'x')");
    return this.value('select pg_walfile_name(pg_switch_wal())');
  }

  /** Waits until PostgreSQL has marked a finished WAL file as archived. */
  async waitUntilArchived(walFile: string): Promise<void> {
    const status = join(this.dataDirectory, 'pg_wal', 'archive_status', walFile);
    // A file that was recycled since has neither mark.
    const archived = (): boolean => existsSync(`${status}.done`) || !existsSync(`${status}.ready`);
    await waitFor(`${walFile} to be archived by ${this.name}`, archived);
  }

  /** What the server, and the programs it started, have logged so far. */
  log(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : '';
  }

  /** Runs pg_ctl on this data directory; its exit code is in the result. */
  async pgCtl(action: string, ...args: string[]): Promise<RunResult> {
    return run(join(this.postgres.bindir, 'pg_ctl'), [action, '-D', this.dataDirectory, ...args]);
  }

  async #control(action: string, ...args: string[]): Promise<void> {
    const logged = existsSync(this.logFile) ? statSync(this.logFile).size : 0;
    const limit = action === 'reload' ? [] : ['-t', String(LIMIT_S)];
    const result = await this.pgCtl(action, ...args, ...limit);
    if (result.code === 0) return;
    const said = Buffer.from(this.log()).subarray(logged).toString();
    throw new Error(
      `pg_ctl ${action} of ${this.name} failed: ${result.stdout}${result.stderr}\nits log:\n${said}`,
    );
  }
}
