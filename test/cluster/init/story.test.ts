// A newcomer's primary, with nothing but what twowarm init writes, sets and prints: it archives, and twowarm check is green.
import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../../harness/cluster.ts';
import { createCluster } from '../../harness/create-cluster.ts';
import { program } from '../../harness/installation.ts';
import { findPostgres } from '../../harness/postgres-binaries.ts';
import { run } from '../../harness/run.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { startSshd, type Sshd } from '../../harness/sshd.ts';
import { makeSshKey, type SshKey } from '../../harness/ssh-keys.ts';
import { urlOf } from '../../transport/ssh/ssh-node.ts';
import { checkOf, type Answer } from '../check/check.ts';

let sandbox: Sandbox;
let primary: Cluster;
let sshd: Sshd;
let key: SshKey;

beforeAll(async () => {
  sandbox = makeSandbox('init-story');
  sandbox.directory('db2');
  sshd = await startSshd(sandbox);
  key = await makeSshKey(sandbox, 'key');
  sshd.removeKeys();
  primary = await createCluster(sandbox, { postgres: findPostgres(15), name: 'p' });
  await primary.start();
});
afterAll(async () => {
  await primary?.stop('immediate');
  await sshd?.stop();
  await sandbox?.dispose();
});

interface Planned {
  outcome: string;
  settings: { name: string; now: string; needsRestart: boolean }[];
  applied: { name: string; fault: string | null }[] | null;
  pgHba: { line: string; why: string }[];
  authorizedKeys: { line: string }[];
  hostKeys: unknown[];
  check: { exitCode: number; answer: Answer };
}

async function init(...words: string[]): Promise<Planned> {
  const all = ['init', '-D', primary.dataDirectory, '--role', 'primary', '--name', 'db1', '--json', ...words];
  const { code, stdout, stderr } = await run(program('twowarm'), all);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as Planned;
}

const archive = (): string[] => [
  ...['--destination', `db2=${urlOf(sshd, join(sandbox.path, 'db2'))}`, '--known-hosts', sshd.knownHosts],
  ...['--identity', key.path],
];

describe('a primary that is set up by twowarm init', () => {
  it('is asked for what is in force, and nothing of it is changed without being told to', async () => {
    const planned = await init(...archive(), '--conninfo', primary.conninfo, '--dry-run');
    expect(planned.settings.map(({ name, now, needsRestart }) => [name, now, needsRestart])).toEqual([
      ['archive_mode', 'off', true],
      ['archive_command', '', false],
      ['archive_timeout', '0', false],
      ['wal_log_hints', 'off', true],
    ]);
    expect({ applied: planned.applied, pgHba: planned.pgHba }).toEqual({ applied: null, pgHba: [] });
    expect(
      await primary.value("select count(*)::int from pg_file_settings where sourcefile like '%auto.conf'"),
    ).toBe(0);
  });

  it('says which line of pg_hba.conf would let it in where it was refused', async () => {
    const planned = await init(
      ...archive(),
      '--conninfo',
      `${primary.conninfo} user=nobody_at_all`,
      '--dry-run',
    );
    expect(planned.pgHba).toEqual([
      {
        line: expect.stringMatching(/^local {3}postgres {3}\S+ {3}peer$/) as string,
        why: 'twowarm asks the local server as its own user, and was refused: role "nobody_at_all" does not exist',
      },
    ]);
  });

  it('archives, and the check is green, once the settings are applied and the server was started again', async () => {
    const done = await init(...archive(), '--conninfo', primary.conninfo, '--apply-settings');
    expect({ outcome: done.outcome, applied: done.applied }).toEqual({
      outcome: 'written',
      applied: ['archive_mode', 'archive_command', 'archive_timeout', 'wal_log_hints'].map((name) => ({
        name,
        fault: null,
      })),
    });
    expect({ exitCode: done.check.exitCode, hostKeys: done.hostKeys }).toEqual({ exitCode: 2, hostKeys: [] });
    const hintOf = (id: string) =>
      done.check.answer.steps.find((step) => step.id === id)!.findings.map(({ hint }) => hint);
    const restart = `start the server again: pg_ctl restart -D ${primary.dataDirectory}`;
    expect([hintOf('archive-mode'), hintOf('way-back')]).toEqual([
      [`archive_mode = on is in the files already; ${restart}`],
      [`wal_log_hints = on is in the files already; ${restart}`],
    ]);
    // As it is printed: the one thing that the other node needs.
    appendFileSync(sshd.authorizedKeys, `${done.authorizedKeys[0]!.line}\n`);
    // What needs no restart is in force by a reload.
    await waitFor('archive_timeout', async () => (await primary.value('show archive_timeout')) === '1min');
    await primary.stop();
    await primary.start();
    const segment = await primary.finishSegment();
    await primary.waitUntilArchived(segment);
    expect(existsSync(join(sandbox.path, 'db2', segment))).toBe(true);

    const { code, stdout } = await checkOf(primary.dataDirectory, '--full', '--json');
    const { status, steps } = JSON.parse(stdout) as Answer;
    expect(steps.filter(({ level }) => level !== 'ok' && level !== 'skipped')).toEqual([]);
    expect({ code, status }).toEqual({ code: 0, status: 'OK' });
    const again = await init(...archive(), '--conninfo', primary.conninfo);
    expect({ outcome: again.outcome, settings: again.settings, exitCode: again.check.exitCode }).toEqual({
      outcome: 'unchanged',
      settings: [],
      exitCode: 0,
    });
  });
});
