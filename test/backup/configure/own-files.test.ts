// What differs on a node: found in what was saved before a copy, proposed as a file of its own, and included; pg_hba.conf.
import { rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { autoConfHead, endWithInclude } from '../../../src/backup/configure/edit-settings.ts';
import { differences } from '../../../src/backup/configure/own-differences.ts';
import { configureCopy, makeCopy, textOf } from './node-to-configure.ts';

const none = new Map<string, number>();
const conf = (postgresqlConf: string, autoConf?: string) => ({ postgresqlConf, autoConf });

describe('the differences of a node', () => {
  it('are what its own files set otherwise than those that were copied, the last one of a name', () => {
    const saved = conf(
      "port = 1\nport = 5433\nwork_mem = '4MB'\nCluster_Name = 'two'\nsame = on\n",
      "jit = 'off'\n",
    );
    const copied = conf("port = 5432\nwork_mem='4MB'\nsame = on\nonly_there = 1\n", "jit = 'on'\n");
    expect(differences(saved, copied, none).settings).toEqual([
      ['port', '5433'],
      ['cluster_name', 'two'],
      ['jit', 'off'],
    ]);
  });

  it('hold nothing of recovery, and no includes', () => {
    const saved = conf(
      "include 'x'\nrestore_command = 'cp'\nprimary_conninfo = 'y'\nrecovery_target_time = 'z'\nhot_standby = off\n",
      "archive_cleanup_command = 'w'\n",
    );
    expect(differences(saved, conf(''), none).settings).toEqual([]);
  });

  it('leave out what is lower than the primary’s, where a hot standby must not be below', () => {
    const limits = new Map([
      ['max_connections', 200],
      ['max_wal_senders', 10],
    ]);
    expect(differences(conf('max_connections = 50\nmax_wal_senders = 20\n'), conf(''), limits)).toEqual({
      settings: [['max_wal_senders', '20']],
      tooLow: [{ name: 'max_connections', value: '50', primary: 200 }],
    });
  });
});

const older = 'twowarm/saved-configuration/20260101T000000Z';
const newer = 'twowarm/saved-configuration/20260102T000000Z';
const saved = {
  [`${older}/postgresql.conf`]: 'port = 1\n',
  [`${newer}/postgresql.conf`]: "port = 5433\nshared_buffers = '1GB'\n",
  [`${newer}/postgresql.auto.conf`]: autoConfHead,
  [`${newer}/pg_hba.conf`]: "local all all peer # this node's\n",
};

describe('configStandby after a copy', { concurrent: true }, () => {
  it('proposes the newest saved differences as a file of the node’s, includes it, and puts pg_hba.conf back', async () => {
    await using node = await makeCopy(15, saved);
    const own = node.path('twowarm/node/postgresql.conf');
    const dry = await configureCopy(node, '--dry-run');
    expect(dry.changed).toEqual([]);
    expect(dry.stdout).toContain(`--- /dev/null\n+++ ${own}\n@@ -0,0 +1,5 @@\n`);
    const { code, stderr } = await configureCopy(node);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(textOf(node, 'twowarm/node/postgresql.conf')).toBe(
      `# What differs on this node from the configuration of the primary, which a base backup brings.
# postgresql.conf includes this file at its end. configStandby made it, and does not change it any more; found in
# ${node.path(newer)}
port = '5433'
shared_buffers = '1GB'
`,
    );
    expect(textOf(node, 'data/postgresql.conf')).toBe(
      `# the primary's\nport = 5432\n# What differs on this node; written by configStandby.\ninclude_if_exists = '${own}'\n`,
    );
    expect(textOf(node, 'data/pg_hba.conf')).toBe("local all all peer # this node's\n");
    expect(await configureCopy(node)).toMatchObject({ code: 0, changed: [] });

    // Once the server was started the files in the data directory are the node's.
    rmSync(node.path('data/backup_label'));
    node.sandbox.file('data/pg_hba.conf', 'host all all all reject\n');
    expect(await configureCopy(node, '--former-primary')).toMatchObject({ code: 0, changed: [] });
    // What a person puts beside them counts always.
    node.sandbox.file('twowarm/node/pg_hba.conf', 'local all all md5\n');
    node.sandbox.file('twowarm/node/pg_ident.conf', 'map a b\n');
    expect((await configureCopy(node, '--former-primary')).code).toBe(0);
    expect(textOf(node, 'data/pg_hba.conf')).toBe('local all all md5\n');
    expect(textOf(node, 'data/pg_ident.conf')).toBe('map a b\n');
  });

  it('includes a file that is there as it is, whatever was saved', async () => {
    await using node = await makeCopy(12, { ...saved, 'twowarm/node/postgresql.conf': 'port = 6000\n' });
    node.sandbox.directory('twowarm/saved-configuration/.tmp.not-finished');
    const { code, stderr } = await configureCopy(node);
    expect(code).toBe(0);
    expect(stderr).toBe(
      `configStandby: WARNING:  before the copy this node also had settings of its own that are not in ${node.path('twowarm/node/postgresql.conf')}: shared_buffers
HINT:  They are in ${node.path(newer)}; put into the file what is to stay.
`,
    );
    expect(textOf(node, 'twowarm/node/postgresql.conf')).toBe('port = 6000\n');
    expect(textOf(node, 'data/postgresql.conf')).toContain('include_if_exists');
  });

  it('takes out the include of the node that the copy comes from, with or without a file of its own', async () => {
    const foreign = endWithInclude('port = 5432\n', '/of/the/other/node/postgresql.conf');
    await using node = await makeCopy(15, { 'data/postgresql.conf': foreign });
    expect(await configureCopy(node)).toMatchObject({ code: 0, stderr: '' });
    expect(textOf(node, 'data/postgresql.conf')).toBe('port = 5432\n');
    node.sandbox.file('data/postgresql.conf', foreign);
    node.sandbox.file('twowarm/node/postgresql.conf', 'port = 6000\n');
    expect(await configureCopy(node)).toMatchObject({ code: 0, stderr: '' });
    expect(textOf(node, 'data/postgresql.conf')).toBe(
      endWithInclude('port = 5432\n', node.path('twowarm/node/postgresql.conf')),
    );
  });

  it('leaves a configuration outside of the data directory alone', async () => {
    await using node = await makeCopy(15, { ...saved, 'twowarm/node/postgresql.conf': 'port = 6000\n' });
    for (const name of ['postgresql.conf', 'pg_hba.conf', 'pg_ident.conf']) rmSync(node.path(`data/${name}`));
    const { code, changed, stderr } = await configureCopy(node);
    expect(code).toBe(0);
    expect(changed.filter((change) => change.includes('data/'))).toEqual([
      'changed data/postgresql.auto.conf',
      'created data/standby.signal',
    ]);
    expect(stderr).toBe(
      `configStandby: WARNING:  what the server's files say is not known: could not read ${node.path('data/postgresql.conf')}: ENOENT
HINT:  A setting there may contradict what is configured here: twowarm check says so once the server runs.
`,
    );
  });

  it('says which of the node’s settings postgresql.auto.conf overrides', async () => {
    await using node = await makeCopy(15, {
      ...saved,
      'data/postgresql.auto.conf': `${autoConfHead}port = '5444'\n`,
    });
    const { code, stderr } = await configureCopy(node);
    expect(code).toBe(0);
    expect(stderr).toBe(
      `configStandby: WARNING:  port of this node is overridden by postgresql.auto.conf, which came with the copy
HINT:  Once the server runs: ALTER SYSTEM RESET port.
`,
    );
  });
});
