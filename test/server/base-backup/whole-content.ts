// All that a cluster holds, as something to compare: each table of each database with its number of rows and a checksum over all
// of them. And whether its indexes agree with its tables.
import { join } from 'node:path';
import { Client } from 'pg';
import { expect } from 'vitest';
import type { Cluster } from '../../harness/cluster.ts';
import { run } from '../../harness/run.ts';

async function inDatabase<T>(
  cluster: Cluster,
  database: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const { socketDirectory, port } = cluster;
  const client = new Client({
    host: socketDirectory,
    port,
    user: 'postgres',
    database,
    query_timeout: 60_000,
  });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function column(client: Client, sql: string): Promise<string[]> {
  const { rows } = await client.query<Record<string, string>>(sql);
  return rows.map((row) => Object.values(row)[0]!);
}

export const databasesOf = (cluster: Cluster): Promise<string[]> =>
  inDatabase(cluster, 'postgres', (client) =>
    column(client, 'select datname from pg_database where datallowconn and not datistemplate order by 1'),
  );

/** While a server recovers nobody can read those that are unlogged. */
const ownTables = `select oid::regclass::text from pg_class where relkind = 'r'
  and (relpersistence = 'p' or relpersistence = 'u' and not pg_is_in_recovery()) and relnamespace = 'public'::regnamespace order by 1`;

async function tablesOf(client: Client, database: string): Promise<[string, string][]> {
  const found: [string, string][] = [];
  for (const table of await column(client, ownTables)) {
    // Whatever the indexes say.
    await client.query(
      'set enable_indexscan = off; set enable_indexonlyscan = off; set enable_bitmapscan = off',
    );
    const [row] = await column(
      client,
      `select count(*) || ' rows, ' || coalesce(md5(string_agg(each, '' order by each)), '') from (select md5(t::text) as each from ${table} t) s`,
    );
    found.push([`${database}.${table}`, row!]);
  }
  return found;
}

/** '<database>.<table>' → '4000 rows, <md5 of all rows>'. Unlogged tables are among them, which a promotion empties. */
export async function wholeContent(cluster: Cluster): Promise<Record<string, string>> {
  const all: [string, string][] = [];
  for (const database of await databasesOf(cluster))
    all.push(...(await inDatabase(cluster, database, (client) => tablesOf(client, database))));
  return Object.fromEntries(all);
}

/** Of every index of the catalogue and of tables: that each row of its table is in it, where the version can (from 11 on). */
const checkIndexes = (major: number): string => `select count(bt_index_check(${
  major >= 11 ? 'index => c.oid, heapallindexed => true' : 'c.oid'
})) from pg_index i join pg_class c on c.oid = i.indexrelid
  where c.relam = (select oid from pg_am where amname = 'btree') and c.relpersistence <> 't' and i.indisvalid`;

/** Throws where an index and its table do not agree: by amcheck, which the cluster has to have as an extension. */
export async function expectSound(cluster: Cluster): Promise<void> {
  const { major, bindir, kind } = cluster.postgres;
  const databases = await databasesOf(cluster);
  for (const database of databases)
    await inDatabase(cluster, database, async (client) => {
      await client.query('create extension if not exists amcheck');
      expect(Number((await column(client, checkIndexes(major)))[0])).toBeGreaterThan(100);
    });
  if (kind !== 'system' || major < 14) return;
  const { socketDirectory: host, port } = cluster;
  const how = ['-h', host, '-p', String(port), '-U', 'postgres', '--heapallindexed'];
  const { code, stdout, stderr } = await run(
    join(bindir, 'pg_amcheck'),
    [...how, ...databases.flatMap((each) => ['-d', each])],
    { timeoutMs: 120_000 },
  );
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' });
}
