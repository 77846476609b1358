// SQL on a cluster of the tests: one session for one piece of work, closed whatever happens. No pool, so that nothing
// keeps a server from stopping.
import { Client, type QueryResultRow } from 'pg';

export interface SessionAddress {
  socketDirectory: string;
  port: number;
}

const LIMIT_MS = 40_000;

/** Connects as postgres to the database postgres, does the work, and closes the session. */
export async function inSession<T>(at: SessionAddress, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({
    host: at.socketDirectory,
    port: at.port,
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

/**
 * The rows of a query. Several statements in one text (possible without parameters only) are one transaction, and the
 * rows are the last one's.
 */
export async function rowsOf<Row extends QueryResultRow>(
  client: Client,
  sql: string,
  params: unknown[],
): Promise<Row[]> {
  const result = await (params.length === 0 ? client.query<Row>(sql) : client.query<Row>(sql, params));
  const last = Array.isArray(result) ? (result.at(-1) as typeof result) : result;
  return last.rows;
}
