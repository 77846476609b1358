// A client that writes all the while a cluster is copied: rows come and change, tables and indexes are made and dropped, so that
// files grow, shrink and vanish under the copy.
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { Cluster } from '../../harness/cluster.ts';

/** Between two rounds, in ms: what it writes has to be archived, too. */
const pauseMs = 15;

export const loadTables = `
  create table ledger (n int primary key, text text);
  create table pairs (id int primary key, value int, note text);
  create index pairs_note on pairs (note);
  insert into pairs select i, 0, md5(i::text) from generate_series(1, 4000) i;
  create table grown (n int, filler text);
  create unlogged table unlogged (n int primary key);
  insert into unlogged select generate_series(1, 5000);
`;

/** Everything of a round: `n` counts them. */
function* statements(n: number): Generator<string> {
  yield `insert into ledger select (select coalesce(max(n), 0) from ledger) + i, repeat(md5(i::text), 3) from generate_series(1, 20) i`;
  yield `update pairs set value = value + 1, note = md5(note) where id % 40 = ${n % 40}`;
  yield `create table churn_${n} as select i, md5(i::text) as text from generate_series(1, 300) i`;
  yield `create index on churn_${n} (text)`;
  if (n > 3) yield `drop table if exists churn_${n - 3}`;
  yield `insert into grown select i, repeat('x', 200) from generate_series(1, 200) i`;
  if (n % 7 === 0) yield 'truncate grown';
  yield `insert into unlogged values (${10_000 + n})`;
}

export class WriteLoad implements AsyncDisposable {
  /** Rounds that are committed. */
  rounds = 0;
  private readonly client: Client;
  private readonly first: number;
  private isStopping = false;
  private ended: Promise<unknown> = Promise.resolve();

  private constructor({ socketDirectory, port }: Cluster, first: number) {
    this.client = new Client({ host: socketDirectory, port, user: 'postgres', database: 'postgres' });
    this.client.on('error', () => undefined);
    this.first = first;
  }

  /** Begins to write; the tables of loadTables are there. `first`: how many rounds others have made there before. */
  static async start(cluster: Cluster, first = 1): Promise<WriteLoad> {
    const load = new WriteLoad(cluster, first);
    await load.client.connect();
    // Temporary relations, whose files no copy takes.
    await load.client.query('create temp table mine as select generate_series(1, 5000) as n');
    load.ended = load.write().catch((error: unknown) => error);
    return load;
  }

  private async write(): Promise<void> {
    for (let n = this.first; !this.isStopping; n++) {
      for (const statement of statements(n)) await this.client.query(statement);
      this.rounds += 1;
      await sleep(pauseMs);
    }
  }

  /** Ends it after a whole round; throws what it failed with. How many rounds there were, with those before. */
  async stop(): Promise<number> {
    this.isStopping = true;
    const error = await this.ended;
    await this.client.end();
    if (error !== undefined) throw error as Error;
    return this.first + this.rounds;
  }

  /** Its server may be gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.isStopping = true;
    await this.ended;
    await this.client.end().catch(() => undefined);
  }
}
