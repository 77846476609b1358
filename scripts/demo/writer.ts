// Writes rows to the primary in small transactions, and remembers of each one what the primary promised to keep.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';

import { parseLsn } from '../../src/wal/lsn.ts';
import type { Cluster } from '../../test/harness/cluster.ts';

/** A transaction that PostgreSQL has acknowledged. */
export interface Transaction {
  firstId: number;
  lastId: number;
  /** A position in the WAL at or after the end of its commit record. */
  lsn: bigint;
  /** performance.now() when the acknowledgement came. */
  committedMs: number;
}

const switchEveryMs = 1000;
const pauseMs = 5;
/** Transactions that a machine with no time to spare writes all the same, so that there is something to count. */
const fewest = 25;

export class Writer {
  readonly transactions: Transaction[] = [];
  private readonly primary: Cluster;

  constructor(primary: Cluster) {
    this.primary = primary;
  }

  /** The number of rows committed so far; ids count from 1 without gaps. */
  get committed(): number {
    return this.transactions.at(-1)?.lastId ?? 0;
  }

  /** Writes for so long, and at least a few transactions. */
  async run(durationMs: number): Promise<void> {
    await this.primary.session(async (client) => {
      const end = performance.now() + durationMs;
      for (
        let nextSwitch = performance.now() + switchEveryMs;
        performance.now() < end || this.transactions.length < fewest;
      ) {
        await this.commit(client);
        if (performance.now() >= nextSwitch) {
          // A statement of its own: in one transaction with rows, their commit would land in the next segment.
          await client.query('select pg_switch_wal()');
          nextSwitch += switchEveryMs;
        }
        await sleep(pauseMs);
      }
    });
  }

  /** One transaction of one to five rows. */
  private async commit(client: Client): Promise<void> {
    const firstId = this.committed + 1;
    const lastId = firstId + (this.transactions.length % 5);
    await client.query(
      "insert into ledger select id, 'entry ' || id from generate_series($1::int, $2::int) id",
      [firstId, lastId],
    );
    const committedMs = performance.now();
    const position = await client.query<{ lsn: string }>('select pg_current_wal_insert_lsn() as lsn');
    const lsn = parseLsn(position.rows[0]?.lsn ?? '');
    if (lsn === undefined) throw new Error('the primary did not tell its position in the WAL');
    this.transactions.push({ firstId, lastId, lsn, committedMs });
  }
}
