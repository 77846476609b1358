// What is read of pg_control beside what servers of each version say themselves.
import { describe, expect, it } from 'vitest';

import { readControlRecovery } from '../../src/postgres/control-recovery.ts';
import { debianCluster } from '../../src/postgres/debian-layout.ts';
import { formatLsn } from '../../src/wal/lsn.ts';
import { createCluster } from '../harness/create-cluster.ts';
import { EMBEDDED_MAJORS, findPostgres } from '../harness/postgres-binaries.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { majorsOf } from '../harness/share.ts';

const settings = {
  max_connections: 37,
  max_worker_processes: 11,
  max_wal_senders: 13,
  max_prepared_transactions: 5,
  max_locks_per_transaction: 71,
};

describe('pg_control', { timeout: 60_000 }, () => {
  it.each([...new Set([...majorsOf(EMBEDDED_MAJORS), 10])])(
    'has the limits of the primary, and where its last checkpoint is: PostgreSQL %i',
    async (major) => {
      await using sandbox = makeSandbox('control');
      const cluster = await createCluster(sandbox, {
        postgres: findPostgres(major),
        name: 'one',
        settings: { ...settings, fsync: false },
      });
      await cluster.start();
      await cluster.query('checkpoint');
      const sql = 'select checkpoint_lsn::text from pg_control_checkpoint()';
      const checkpoint = await cluster.value(sql);
      const { max_wal_senders: senders, ...others } = settings;
      const limits = { ...others, ...(major < 12 ? {} : { max_wal_senders: senders }) };
      const found = readControlRecovery(cluster.dataDirectory)!;
      expect(Object.fromEntries(found.limits)).toEqual(limits);
      expect(formatLsn(found.checkpoint)).toBe(checkpoint);
      // A primary has no such point.
      expect([found.minRecoveryPoint, found.minRecoveryTimeline]).toEqual([0n, 0]);
      await cluster.stop();
    },
  );

  it('of a version that is not known says nothing', async () => {
    await using sandbox = makeSandbox('control-new');
    const bytes = Buffer.alloc(8192);
    bytes.writeUInt32LE(9900, 8);
    bytes.writeDoubleLE(1234567, 208);
    sandbox.file('data/global/pg_control', bytes);
    expect(readControlRecovery(sandbox.path + '/data')).toBeUndefined();
  });
});

describe('the configuration of a cluster outside of its data directory', () => {
  it('is the one that names the data directory, of its version', async () => {
    await using sandbox = makeSandbox('debian');
    const [data, other] = [sandbox.directory('lib/main'), sandbox.directory('lib/other')];
    sandbox.file('etc/15/a/postgresql.conf', `data_directory = '${other}'\n`);
    const wanted = sandbox.file('etc/15/main/postgresql.conf', `data_directory = '${data}'\t# comment\n`);
    sandbox.file('etc/16/main/postgresql.conf', `data_directory = '${data}'\n`);
    const root = `${sandbox.path}/etc`;
    expect(debianCluster(data, 15, root)).toEqual({
      ...{ version: '15', name: 'main' },
      ...{ postgresqlConf: wanted, dataDirectory: data },
    });
    expect(debianCluster(data, 14, root)).toBeUndefined();
    expect(debianCluster(`${sandbox.path}/lib`, 15, root)).toBeUndefined();
  });
});
