// twowarm check on a real chain: a primary that ships over ssh to a standby, and the standby that would ship back. First all is
// well; then what only a running server shows is broken, each link in turn.
import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../../harness/cluster.ts';
import { findPostgres } from '../../harness/postgres-binaries.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { giveToServerUser } from '../../harness/server-user.ts';
import { startSshd, type Sshd } from '../../harness/sshd.ts';
import { waitFor } from '../../harness/wait-for.ts';
import {
  archiveCommand,
  archiveOf,
  giveHome,
  makeArchive,
  makeStandby,
  restoreCommand,
  segmentsIn,
  shipRows,
  startPrimary,
  waitForRows,
} from '../../server/pair.ts';
import { sshSection, urlOf } from '../../transport/ssh/ssh-node.ts';
import { checkOf, found, type Answer } from './check.ts';

let sandbox: Sandbox;
let sshd: Sshd;
let primary: Cluster;
let standby: Cluster;
let before: string[];

const url = (name: string): string => urlOf(sshd, archiveOf(sandbox, name));

function configure(cluster: Cluster, other: string, more = ''): void {
  const node = `name = '${cluster.name}'\nconninfo = '${cluster.conninfo}'\n`;
  giveHome(cluster, `${node}[destination.${other}]\nurl = '${url(other)}'\n${more}${sshSection(sshd)}`);
}

/** The lines about some steps, and the exit code. */
async function said(cluster: Cluster, only: string, ...words: string[]) {
  const { code, stdout, stderr } = await checkOf(cluster.dataDirectory, '--only', only, ...words);
  if (stderr !== '') throw new Error(stderr);
  return { code, lines: stdout.trimEnd().split('\n').slice(1) };
}

async function answerOf(cluster: Cluster, ...words: string[]): Promise<Answer & { code: number | null }> {
  const { code, stdout } = await checkOf(cluster.dataDirectory, '--json', ...words);
  return { ...(JSON.parse(stdout) as Answer), code };
}

/** 'destination-road standby' for each that is not ok. */
const notOk = ({ steps }: Answer): string[] =>
  steps
    .filter(({ level }) => level !== 'ok')
    .map(({ id, subject, level }) => `${id} ${subject ?? ''} ${level}`);

const temporary = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('twowarm-check-'));

beforeAll(async () => {
  sandbox = makeSandbox('chain');
  sshd = await startSshd(sandbox);
  for (const name of ['primary', 'standby']) makeArchive(sandbox, name);
  primary = await startPrimary(sandbox, { postgres: findPostgres(15) });
  configure(primary, 'standby');
  before = (await said(primary, 'way-back,settings-in-force')).lines;
  primary.setSettings({ archive_timeout: '60', wal_log_hints: 'on' });
  await primary.stop();
  await primary.start();
  const rows = await shipRows(primary, 1);
  standby = await makeStandby(primary, { extra: { recovery_prefetch: 'off' } });
  configure(standby, 'primary');
  await standby.start();
  await waitForRows(standby, rows);
});

afterAll(async () => {
  await standby?.stop('immediate').catch(() => undefined);
  await primary?.stop('immediate').catch(() => undefined);
  await sshd?.stop();
  await sandbox?.dispose();
});

describe('a chain of which every link holds', () => {
  it('is OK on the primary, quickly, without a step that writes in the server', async () => {
    const answer = await answerOf(primary);
    expect(answer).toMatchObject({ code: 0, status: 'OK', node: 'primary', role: 'primary', hops: [] });
    expect(notOk(answer)).toEqual(['arbiter  skipped']);
    const ids = answer.steps.map(({ id }) => id);
    expect(ids).not.toContain('segment-end');
    expect(ids).toEqual(
      expect.arrayContaining([
        'archive-command',
        'archiver',
        'destination-write',
        'native-crypto',
        'return-way',
      ]),
    );
  });

  it('is followed from pg_wal to the standby and back out of its archive', async () => {
    const old = temporary();
    const answer = await answerOf(primary, '--full');
    expect(notOk(answer)).toEqual(['arbiter  skipped']);
    const segment = segmentsIn(sandbox).at(-1)!;
    const aMoment = expect.any(Number) as number;
    expect(answer.hops).toEqual([
      { segment, from: 'pg_wal', to: 'archive_command', ms: aMoment },
      { segment, from: 'pg_wal', to: 'standby', ms: aMoment },
      { segment, from: 'standby', to: 'restoreWALFile', ms: aMoment },
    ]);
    expect(answer.steps.find(({ id }) => id === 'segment-restored')).toMatchObject({
      subject: 'standby',
      findings: [
        {
          level: 'ok',
          message: `restored ${segment} from ${url('standby')} within ${answer.hops[2]!.ms} ms, byte for byte`,
        },
      ],
    });
    expect(temporary().filter((name) => !old.includes(name))).toEqual([]);
    expect(readdirSync(archiveOf(sandbox)).filter((name) => name.startsWith('.tmp.'))).toEqual([]);
  });

  it('is OK on the standby, which restores the newest segment and reaches the primary', async () => {
    const answer = await answerOf(standby, '--full');
    expect(answer).toMatchObject({ code: 0, status: 'OK', node: 'standby', role: 'standby' });
    expect(notOk(answer)).toEqual(['archive-cleanup-command  skipped', 'arbiter  skipped']);
    const newest = segmentsIn(sandbox).at(-1)!;
    expect(answer.hops).toEqual([
      {
        segment: newest,
        from: `file:${archiveOf(sandbox)}`,
        to: 'restoreWALFile',
        ms: expect.any(Number) as number,
      },
    ]);
    // Nobody was registered by that.
    expect(readdirSync(join(archiveOf(sandbox), '.twowarm', 'consumers'))).toHaveLength(1);
  });

  it('says in its first line what monitoring wants, and nothing at all with --quiet', async () => {
    const { code, stdout } = await checkOf(primary.dataDirectory, '--only', 'server,connection');
    expect({ code, first: stdout.split('\n')[0] }).toEqual({
      code: 0,
      first: 'OK: twowarm check on primary (primary): 2 checks: 2 ok',
    });
    expect(await checkOf(primary.dataDirectory, '--quiet')).toMatchObject({
      code: 0,
      stdout: '',
      stderr: '',
    });
  });
});

describe('the servers', () => {
  it('whose old primary could not come back are warned of', () => {
    expect(before).toEqual([
      ...found('ok', 'settings-in-force', 'the server does what its files say (3 settings compared)'),
      ...found(
        'WARNING',
        'way-back',
        'neither data checksums nor wal_log_hints are on: pg_rewind refuses',
        'DETAIL:  After a failover the old primary comes back only by copyToStandby, which has to read all of both.',
        'HINT:  Set wal_log_hints = on in postgresql.conf and start the server again, or stop it and run pg_checksums --enable.',
      ),
    ]);
  });

  it('that do not do what their files say are told what is missing', async () => {
    const conninfo = 'host=db2 password=hush';
    primary.setSettings({
      archive_command: 'cp %p /x/%f',
      wal_log_hints: 'off',
      primary_conninfo: conninfo,
    });
    const [reload, restart] = ['reload', 'restart'].map(
      (action) => `pg_ctl ${action} -D ${primary.dataDirectory}`,
    );
    const lines = await said(primary, 'settings-in-force,archive-command');
    primary.setSettings({
      archive_command: archiveCommand(),
      wal_log_hints: 'on',
      primary_conninfo: '',
    });
    expect(lines).toEqual({
      code: 1,
      lines: [
        ...found(
          'WARNING',
          'settings-in-force',
          'archive_command, primary_conninfo are changed in the files, but not in the server',
          // A connection string may hold a password: it is not shown.
          `DETAIL:  The server has archive_command = "${archiveCommand()}".`,
          `HINT:  Reload it: ${reload}. Where that changes nothing, a later file or ALTER SYSTEM says otherwise, or the server was started with other options.`,
        ),
        ...found(
          'WARNING',
          'settings-in-force',
          'wal_log_hints is changed, and the server has to be started again for that',
          `HINT:  Start it again: ${restart}`,
        ),
        // What the server does is judged, not what it will do.
        ...found('ok', 'archive-command', `archive_command is ours: ${archiveCommand()}`),
      ],
    });
  });

  it('that refuse a line of their files are shown it', async () => {
    const file = join(primary.dataDirectory, 'postgresql.auto.conf');
    writeFileSync(file, "archive_timeout = 'soon'\n");
    const answer = await answerOf(primary, '--only', 'settings-in-force');
    writeFileSync(file, '');
    expect(answer.steps[0]!.findings).toContainEqual({
      level: 'critical',
      message: `the server refuses archive_timeout in ${file}:1: setting could not be applied`,
      detail: 'With such a line it takes nothing of its files at a reload, and does not start.',
      hint: 'Correct the line.',
      figures: {},
    });
  });

  it('that lead elsewhere, or nowhere, are UNKNOWN as far as they must be asked', async () => {
    giveHome(
      primary,
      `conninfo = '${standby.conninfo}'\n[destination.standby]\nurl = '${url('standby')}'\n${sshSection(sshd)}`,
    );
    const { code, lines } = await said(primary, 'connection,archiver,segment-end', '--full');
    configure(primary, 'standby');
    expect({ code, lines }).toEqual({
      code: 3,
      lines: [
        ...found(
          'UNKNOWN',
          'connection',
          `could not connect to the server: ${standby.socketDirectory}:${standby.port} leads to another server than the one of this data directory (process ${primary.postmasterPid()})`,
          `HINT:  Correct node.conninfo in ${primary.parent}/twowarm/twowarm.toml, or pg_hba.conf: the owner of the data directory must be let in by the socket.`,
        ),
        ...found('skipped', 'archiver', 'the server cannot be asked; 0 files wait in pg_wal'),
        ...found('skipped', 'segment-end', 'not judged: connection is unknown'),
      ],
    });
  });

  it('whose replay is paused stand still', async () => {
    await standby.query('select pg_wal_replay_pause()');
    const lsn = await standby.value('select pg_last_wal_replay_lsn()');
    const { code, lines } = await said(standby, 'replay');
    await standby.query('select pg_wal_replay_resume()');
    expect({ code, lines }).toEqual({
      code: 2,
      lines: found(
        'CRITICAL',
        'replay',
        `replay is paused at ${lsn}`,
        'HINT:  select pg_wal_replay_resume()',
      ),
    });
  });
});

describe('a segment on its way', () => {
  it('that the archiver does not get away fails the chain in words, quick and full', async () => {
    renameSync(archiveOf(sandbox), `${archiveOf(sandbox)}-away`);
    const segment = await primary.finishSegment();
    await waitFor(
      'archive_command to fail',
      async () => (await primary.value('select last_failed_wal from pg_stat_archiver')) === segment,
    );
    const answer = await answerOf(primary, '--full', '--only', 'archiver,destination-road,segment');
    renameSync(`${archiveOf(sandbox)}-away`, archiveOf(sandbox));
    expect(answer.code).toBe(2);
    const words = Object.fromEntries(answer.steps.map(({ id, findings }) => [id, findings[0]!.message]));
    expect(words['archiver']).toMatch(
      new RegExp(`^archive_command fails: ${segment} \\d+ m?s ago, and the last success was \\d+ m?s ago$`),
    );
    expect(words).toMatchObject({
      'destination-road': `could not open ${url('standby')}: the archive directory ${archiveOf(sandbox)} does not exist`,
      'segment-end': 'not judged: archiver is critical',
      'segment-archived': 'not judged: archiver is critical',
    });
    // The archiver tries again a minute later, or with the next file.
    await primary.waitUntilArchived(await primary.finishSegment());
  });

  it('that waits for a destination that hangs is given up with its time', async () => {
    sshd.pause();
    try {
      const answer = await answerOf(primary, '--full', '--only', 'segment-archived', '--timeout', '2s');
      const [step] = answer.steps;
      expect(answer.code).toBe(2);
      expect(step!.findings[0]!.message).toMatch(/^[0-9A-F]{24} was not archived within 1600ms$/);
      expect(answer.hops).toEqual([
        { segment: step!.findings[0]!.message.slice(0, 24), from: 'pg_wal', to: 'archive_command', ms: null },
      ]);
    } finally {
      sshd.resume();
    }
    await primary.waitUntilArchived(await primary.finishSegment());
  });

  it('that an idle fallback does not have is no fault, and its road is tested', async () => {
    const dr = sandbox.directory('dr/archive');
    configure(
      primary,
      'standby',
      `[destination.dr]\nurl = 'file:${dr}'\npolicy = 'fallback'\nfor = ['standby']\n`,
    );
    const answer = await answerOf(primary, '--full', '--only', 'segment', '--timeout', '8s');
    configure(primary, 'standby');
    const arrived = answer.steps.filter(({ id }) => id === 'segment-arrived');
    expect(arrived.map(({ subject, level }) => [subject, level])).toEqual([
      ['standby', 'ok'],
      ['dr', 'skipped'],
    ]);
    expect(answer.hops.find(({ to }) => to === 'dr')).toMatchObject({ ms: null });
    expect(existsSync(join(dr, '.twowarm'))).toBe(false);
  });

  it('that is damaged in the archive does not come back, and a standby is told before it needs it', async () => {
    const newest = segmentsIn(sandbox).at(-1)!;
    const damaged = join(archiveOf(sandbox), `${newest.slice(0, 23)}F`);
    writeFileSync(damaged, Buffer.alloc(16 * 1024 * 1024));
    giveToServerUser(damaged);
    const { code, lines } = await said(standby, 'newest-restored', '--full');
    rmSync(damaged);
    const name = `${newest.slice(0, 23)}F`;
    const source = `file:${archiveOf(sandbox)}`;
    expect(code).toBe(2);
    expect(lines[0]).toBe(
      found(
        'CRITICAL',
        `newest-restored ${source}`,
        `could not restore ${name}, the newest one, from ${source}: exit code 1`,
      )[0],
    );
    expect(lines[1]).toContain(
      `DETAIL:  restoreWALFile says: restoreWALFile: ERROR:  will not restore ${name} from ${source}`,
    );
  });
});

describe('a server that is down', () => {
  it('is the first thing that is said; its files are judged all the same', async () => {
    await standby.stop();
    const { code, lines } = await said(standby, 'server,connection,restore-command');
    expect({ code, lines }).toEqual({
      code: 2,
      lines: [
        ...found(
          'CRITICAL',
          'server',
          `the server in ${standby.dataDirectory} is not running`,
          'DETAIL:  pg_control says: shut down in recovery. Its settings are judged by its files.',
          `HINT:  Start it: pg_ctl start -D ${standby.dataDirectory}`,
        ),
        ...found('ok', 'restore-command', `restore_command is ours: ${restoreCommand()}`),
        ...found('skipped', 'connection', 'not judged: server is critical'),
      ],
    });
  });
});
