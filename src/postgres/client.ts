// The one door to pg: a short session with the local server, found by postmaster.pid or by node.conninfo. Bounded in
// every call: a server that does not answer must not hold up the one who asks.
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { Client, DatabaseError, type ClientConfig, type QueryResultRow } from 'pg';
import { errnoOf } from '../program/program-error.ts';
import { parseConninfo, type Conninfo } from './conninfo.ts';
import type { Postmaster } from './postmaster-file.ts';

export type { QueryResultRow } from 'pg';

/** How long connecting, and one query, may take, in ms. */
const limitMs = 3000;

export interface Session {
  /** The rows of one statement, values as pg gives them (bigint and pg_lsn as text). */
  rows<Row extends QueryResultRow>(sql: string): Promise<Row[]>;
  /** False once the connection is lost. */
  isOpen(): boolean;
  close(): Promise<void>;
}

/** Connects as the configuration says; else by the socket, as the owner of the data directory, to postgres. `patient`: a query may take as long as it takes, and what it sets up ends with the session. */
export async function connect(
  postmaster: Postmaster,
  dataDirectory: string,
  conninfo: string | undefined,
  program: string,
  { patient = false } = {},
): Promise<Session> {
  const said = conninfo === undefined ? {} : parseConninfo(conninfo);
  const client = new Client({
    ...addressOf(said, postmaster, dataDirectory),
    ssl: sslOf(said),
    application_name: program,
    connectionTimeoutMillis: limitMs,
    query_timeout: patient ? 0 : limitMs,
  });
  let open = true;
  const lost = (): void => void (open = false);
  client.on('error', lost);
  client.on('end', lost);
  await withPassfile(said.passfile, () => client.connect());
  await expectServer(client, postmaster, patient);
  return {
    rows: async <Row extends QueryResultRow>(sql: string) => {
      const result = await client.query<Row>(sql);
      // Several statements in one text: the rows are the last one's.
      const last = (Array.isArray(result) ? result.at(-1) : result) as typeof result;
      return last.rows;
    },
    isOpen: () => open,
    close: () => client.end().catch(() => undefined),
  };
}

/**
 * A connection string that was copied from another node leads to that node, and what is meant for this server would
 * be done there: only a process of this postmaster is one to talk to.
 */
async function expectServer(client: Client, { pid }: Postmaster, isOwnSession: boolean): Promise<void> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const isServer = isChildOf(pid, rows[0]!.pid);
  if (isServer && !(isOwnSession && isPooled(client, rows[0]!.pid))) return;
  await client.end().catch(() => undefined);
  if (isServer)
    throw new Error(
      `${client.host}:${client.port} is a connection pooler, whose session with the server would go on after this one`,
    );
  throw new Error(
    `${client.host}:${client.port} leads to another server than the one of this data directory (process ${pid})`,
  );
}

/** A pooler has told of another process, as the one to cancel, than the one that answers. */
function isPooled(client: Client, pid: number): boolean {
  const { processID } = client as unknown as { processID: number | null };
  return processID !== null && processID !== pid;
}

/** Whether the other process is a child; also where the system does not let us see it. */
function isChildOf(parent: number, pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
  } catch (error) {
    return errnoOf(error) === 'EACCES' || errnoOf(error) === 'EPERM';
  }
}

/** SQLSTATE insufficient_privilege. */
export const notAllowed = '42501';

/** Whether the server itself said no, and how ('42883', SQLSTATE); undefined for a connection that failed. */
export const sqlState = (error: unknown): string | undefined =>
  error instanceof DatabaseError ? error.code : undefined;

function ownUser(): { name: string; home: string | undefined } {
  try {
    const { username, homedir } = userInfo();
    return { name: username, home: homedir };
  } catch {
    // A user id without a name, as in containers.
    return { name: 'postgres', home: process.env['HOME'] };
  }
}

function addressOf(said: Conninfo, postmaster: Postmaster, dataDirectory: string): ClientConfig {
  const { socketDirectory, listenAddress } = postmaster;
  const anyAddress = listenAddress === '*' || listenAddress === '0.0.0.0' || listenAddress === '::';
  const found = socketDirectory ?? (anyAddress ? 'localhost' : listenAddress) ?? 'localhost';
  const host = said.hostaddr || said.host || found;
  return {
    // Relative: to the directory that the server works in.
    host: host === socketDirectory && !isAbsolute(host) ? join(dataDirectory, host) : host,
    port: said.port ? Number(said.port) : postmaster.port,
    user: said.user || ownUser().name,
    database: said.dbname || 'postgres',
    ...(said.password ? { password: said.password } : {}),
    ...(said.options ? { options: said.options } : {}),
  };
}

/** Without sslmode, or with one that only prefers it: none, as the server is on this machine. */
function sslOf({ sslmode, sslrootcert, sslcert, sslkey }: Conninfo): ClientConfig['ssl'] {
  if (sslmode === undefined || ['disable', 'allow', 'prefer'].includes(sslmode)) return false;
  return {
    rejectUnauthorized: sslmode.startsWith('verify-'),
    ...(sslmode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
    ...(sslrootcert ? { ca: readFileSync(sslrootcert) } : {}),
    ...(sslcert ? { cert: readFileSync(sslcert) } : {}),
    ...(sslkey ? { key: readFileSync(sslkey) } : {}),
  };
}

/** pg finds the passwords in PGPASSFILE; without it in HOME, which is root's where root's hand became the server's. */
async function withPassfile(passfile: string | undefined, work: () => Promise<unknown>): Promise<void> {
  const { home } = ownUser();
  const before = process.env['PGPASSFILE'];
  const path = passfile ?? before ?? (home === undefined ? undefined : join(home, '.pgpass'));
  if (path !== undefined) process.env['PGPASSFILE'] = path;
  try {
    await work();
  } finally {
    if (before === undefined) delete process.env['PGPASSFILE'];
    else process.env['PGPASSFILE'] = before;
  }
}
