// A real PostgreSQL cluster in a sandbox: created, started, asked, stopped and promoted with PostgreSQL's own
// programs, which run as the server user under an empty environment, like a service.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Client, type QueryResultRow } from 'pg';

import { freePort } from './free-port.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';
import { run, type RunResult } from './run.ts';
import type { Sandbox } from './sandbox.ts';
import { appendSettings, type Settings } from './settings.ts';
import { waitFor } from './wait-for.ts';

const LIMIT_S = 60;
const LIMIT_MS = LIMIT_S * 1_000;

export interface ClusterOptions {
  postgres: PostgresBinaries;
  /** Names the cluster's directory in the sandbox; keep it short, a socket's path is limited to 107 bytes. */
  name: string;
  initdbArgs?: readonly string[];
  settings?: Settings;
}

/** A new cluster, not started: `<sandbox>/<name>/data`, superuser postgres, trust, loopback only, small memory. */
export async function createCluster(sandbox: Sandbox, options: ClusterOptions): Promise<Cluster> {
  const { postgres, name, initdbArgs = [], settings = {} } = options;
  const cluster = await placeCluster(sandbox, name, postgres);
  const args = ['--no-sync', '--locale=C', '-E', 'UTF8', '-A', 'trust', '-U', 'postgres', ...initdbArgs];
  const result = await run(join(postgres.bindir, 'initdb'), [...args, '-D', cluster.dataDirectory]);
  if (result.code !== 0) throw new Error(`initdb failed: ${result.stdout}${result.stderr}`);
  cluster.setSettings({ shared_buffers: '16MB', max_connections: 30, ...cluster.address(), ...settings });
  return cluster;
}

/** Directories and a port for a cluster whose data directory comes from elsewhere, say from a base backup. */
export async function placeCluster(
  sandbox: Sandbox,
  name: string,
  postgres: PostgresBinaries,
): Promise<Cluster> {
  const parent = sandbox.directory(name);
  if (existsSync(join(parent, 'data'))) throw new Error(`the sandbox already has a cluster ${name}`);
  return new Cluster(sandbox, name, postgres, sandbox.directory(join(name, 'socket')), await freePort());
}

export class Cluster {
  readonly sandbox: Sandbox;
  readonly name: string;
  readonly postgres: PostgresBinaries;
  /** The data directory's parent, the cluster's alone: twowarm's default home is `twowarm` in it. */
  readonly parent: string;
  readonly dataDirectory: string;
  readonly socketDirectory: string;
  readonly logFile: string;
  readonly port: number;

  constructor(
    sandbox: Sandbox,
    name: string,
    postgres: PostgresBinaries,
    socketDirectory: string,
    port: number,
  ) {
    this.sandbox = sandbox;
    this.name = name;
    this.postgres = postgres;
    this.parent = join(sandbox.path, name);
    this.dataDirectory = join(this.parent, 'data');
    this.logFile = join(this.parent, 'log');
    this.socketDirectory = socketDirectory;
    this.port = port;
  }

  /** For libpq and for primary_conninfo. */
  get conninfo(): string {
    return `host=${this.socketDirectory} port=${this.port} user=postgres dbname=postgres`;
  }

  /** The settings that make this cluster reachable, and no other. */
  address(): Settings {
    return { listen_addresses: '127.0.0.1', port: this.port, unix_socket_directories: this.socketDirectory };
  }

  /** Appends to postgresql.conf; `reload()` or `restart` makes them count. */
  setSettings(settings: Settings): void {
    appendSettings(join(this.dataDirectory, 'postgresql.conf'), settings);
  }

  /** Starts the server and waits until it accepts connections (a warm standby: until recovery has begun), or does not. */
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

  /** The postmaster's process id, while there is one. */
  postmasterPid(): number | undefined {
    const file = join(this.dataDirectory, 'postmaster.pid');
    return existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : undefined;
  }

  /**
   * One query in a session of its own, its rows. Several statements in one text are one transaction, and the rows are
   * the last one's: a switch of WAL files needs a call of its own.
   */
  async query<Row extends QueryResultRow = QueryResultRow>(
    sql: string,
    params: unknown[] = [],
  ): Promise<Row[]> {
    return this.session(async (client) => {
      // With parameters the extended protocol is used, which allows one statement only.
      const result = await (params.length === 0 ? client.query<Row>(sql) : client.query<Row>(sql, params));
      const last = Array.isArray(result) ? (result.at(-1) as typeof result) : result;
      return last.rows;
    });
  }

  /** The first column of the first row, as node-postgres gives it (bigint and pg_lsn as text). */
  async value<T = string>(sql: string, params: unknown[] = []): Promise<T> {
    const [row] = await this.query(sql, params);
    return Object.values(row ?? {})[0] as T;
  }

  /** Several queries in one session, which is closed whatever happens. */
  async session<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const client = new Client({
      host: this.socketDirectory,
      port: this.port,
      user: 'postgres',
      database: 'postgres',
      connectionTimeoutMillis: LIMIT_MS,
      query_timeout: LIMIT_MS,
    });
    client.on('error', () => undefined); // A server that dies under us is reported by the query.
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
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
    await waitFor(
      `${walFile} archived by ${this.name}`,
      () => existsSync(`${status}.done`) || !existsSync(`${status}.ready`),
    );
  }

  /** What the server, and the programs it started, have logged so far. */
  log(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : '';
  }

  /** Runs pg_ctl on this data directory; its exit code is in the result. */
  async pgCtl(action: string, ...args: string[]): Promise<RunResult> {
    return run(join(this.postgres.bindir, 'pg_ctl'), [action, '-D', this.dataDirectory, ...args], {
      timeoutMs: LIMIT_MS * 2,
    });
  }

  async #control(action: string, ...args: string[]): Promise<void> {
    const sizeBefore = existsSync(this.logFile) ? statSync(this.logFile).size : 0;
    const limit = action === 'reload' ? [] : ['-t', String(LIMIT_S)];
    const result = await this.pgCtl(action, ...args, ...limit);
    if (result.code === 0) return;
    const said = this.log().slice(sizeBefore);
    throw new Error(
      `pg_ctl ${action} of ${this.name} failed: ${result.stdout}${result.stderr}\nits log:\n${said}`,
    );
  }
}
