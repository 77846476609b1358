// The harness on real servers: what every other test here relies on.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { baseBackup } from './base-backup.ts';
import type { Cluster } from './cluster.ts';
import { copyTree } from './copy-tree.ts';
import { createCluster } from './create-cluster.ts';
import { freePort } from './free-port.ts';
import { installation } from './installation.ts';
import { embeddedPostgres, findPostgres } from './postgres-binaries.ts';
import { processesIn } from './processes.ts';
import { run, shell, startProgram } from './run.ts';
import { makeSandbox } from './sandbox.ts';
import { serverUser, serverUserCanEnter } from './server-user.ts';
import { configureStandby } from './standby.ts';
import { waitFor } from './wait-for.ts';
import { turnOf } from './share.ts';

describe.concurrent('a cluster', () => {
  const servers = [
    ['the machine', () => findPostgres()],
    ['embedded 10', () => embeddedPostgres(10)],
    ['embedded 18', () => embeddedPostgres(18)],
  ] as const;

  it.each(servers)('of %s starts, answers and leaves nothing behind', async (_, binaries) => {
    const sandbox = makeSandbox('cluster');
    const postgres = binaries();
    const cluster = await createCluster(sandbox, { postgres, name: 'one', settings: { work_mem: '3MB' } });
    expect(await cluster.isRunning()).toBe(false);
    await cluster.start();
    expect(await cluster.value('show server_version')).toMatch(new RegExp(`^${postgres.version}\\b`));
    expect(await cluster.value('select $1::int + 1 as n', [41])).toBe(42);
    expect(await cluster.value('show work_mem')).toBe('3MB');
    expect(cluster.log()).toContain('database system is ready');

    expect(processesIn(sandbox.path).length).toBeGreaterThan(1);
    await sandbox.dispose();
    expect(processesIn(sandbox.path)).toEqual([]);
    expect(existsSync(sandbox.path)).toBe(false);
  });
});

it('two clusters have system identifiers of their own', async () => {
  await using sandbox = makeSandbox('two');
  const identifiers: string[] = [];
  for (const name of ['one', 'other']) {
    const cluster = await createCluster(sandbox, { postgres: findPostgres(15), name });
    await cluster.start();
    identifiers.push(await cluster.value('select system_identifier from pg_control_system()'));
  }
  expect(new Set(identifiers).size).toBe(2);
});

describe.concurrent('a base backup', () => {
  it.each(turnOf([10, 15, 18], 2))(
    'of PostgreSQL %i follows by restore_command, and is promoted with every row',
    async (major) => {
      const sandbox = makeSandbox(`standby-${major}`);
      const archive = sandbox.directory('archive');
      const primary = await createCluster(sandbox, {
        postgres: findPostgres(major),
        name: 'primary',
        settings: {
          wal_level: 'replica',
          archive_mode: 'on',
          archive_command: `test ! -f ${archive}/%f && cp %p ${archive}/%f`,
        },
      });
      await primary.start();
      await primary.query('create table t (n int)');
      await primary.query('create unlogged table u as select 1 as n');

      const standby = await baseBackup(primary, { to: 'standby' });
      expect(readdirSync(join(standby.dataDirectory, 'pg_wal'))).not.toContain('000000010000000000000001');
      configureStandby(standby, {
        restoreCommand: `cp ${archive}/%f %p`,
        mode: 'standby',
        extra: { wal_retrieve_retry_interval: '100ms' },
      });
      await standby.start();

      await insertAndArchive(primary, 1, 1_000);
      await waitFor(
        'the rows on the standby',
        async () => (await standby.value('select count(*) from t')) === '1000',
      );
      expect(await standby.value('select pg_is_in_recovery()')).toBe(true);

      await insertAndArchive(primary, 1_001, 2_000);
      await primary.stop('fast');
      await standby.promote();
      expect(await standby.query('select count(*), sum(n) from t')).toEqual([
        { count: '2000', sum: '2001000' },
      ]);
      expect(await standby.value('select count(*) from u')).toBe('0');
      await standby.query('insert into t values (0)');

      await sandbox.dispose();
      expect(processesIn(sandbox.path)).toEqual([]);
      expect(existsSync(sandbox.path)).toBe(false);
    },
  );

  async function insertAndArchive(primary: Cluster, from: number, to: number): Promise<void> {
    await primary.query('insert into t select generate_series($1::int, $2::int)', [from, to]);
    await primary.waitUntilArchived(await primary.finishSegment());
  }
});

describe('a program', () => {
  it('runs as the server user with nothing but a plain PATH', async () => {
    const { stdout } = await run('env', []);
    expect(stdout).toBe('PATH=/usr/bin:/bin\n');
    expect((await shell('id -u')).stdout.trim()).toBe(String(serverUser().uid));
    expect(await shell('echo $A; cat; exit 3', { env: { A: 'b' }, input: 'c' })).toMatchObject({
      code: 3,
      signal: null,
      stdout: 'b\nc',
    });
  });

  it('that does not end in time is killed with what it started', async () => {
    await using sandbox = makeSandbox('late');
    const late = shell('sleep 60 & sleep 60', { cwd: sandbox.path, timeoutMs: 200 });
    await expect(late).rejects.toThrow('did not end within 200 ms');
    await waitFor('both to be gone', () => processesIn(sandbox.path).length === 0);
  });

  it('is ended with its sandbox, however stubborn', async () => {
    const sandbox = makeSandbox('stubborn');
    const stubborn = startProgram('/bin/sh', ['-c', "trap '' TERM; echo on; while :; do sleep 0.1; done"], {
      cwd: sandbox.path,
    });
    await waitFor('the program', () => processesIn(sandbox.path).length > 0);
    await sandbox.dispose();
    expect((await stubborn.result).code).toBeNull();
  });
});

describe('the installation', () => {
  it('can be used by the server user', async () => {
    expect(serverUserCanEnter(installation())).toBe(true);
    const node = join(installation(), 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
    expect((await run(node, ['--version'])).stdout).toMatch(/^v24\./);
  });
});

describe('a copy of a tree', () => {
  it.each(['link', 'copy'] as const)(
    'by %s is open to the server user, whatever the original is',
    async (mode) => {
      await using sandbox = makeSandbox('copy');
      sandbox.file('closed/bin/tool', '#!/bin/sh\necho done\n', 0o700);
      const copy = join(sandbox.path, 'copy');
      copyTree(join(sandbox.path, 'closed'), copy, mode);
      expect(statSync(join(copy, 'bin', 'tool')).mode & 0o777).toBe(0o755);
      expect(statSync(join(sandbox.path, 'closed', 'bin', 'tool')).mode & 0o777).toBe(0o700);
      expect((await run(join(copy, 'bin', 'tool'), [])).stdout).toBe('done\n');
      expect(readdirSync(sandbox.path).sort()).toEqual(['closed', 'copy']);
    },
  );
});

it('ports are given once', async () => {
  const ports = await Promise.all(Array.from({ length: 50 }, freePort));
  expect(new Set(ports).size).toBe(50);
});

it('waiting in vain says for what, and what was last seen', async () => {
  await expect(waitFor('Godot', () => null, { limitMs: 50 })).rejects.toThrow(
    'for: Godot (last value: null)',
  );
  const failing = (): boolean => {
    throw new Error('no road');
  };
  await expect(waitFor('Godot', failing, { limitMs: 50 })).rejects.toThrow('last error: no road');
});
