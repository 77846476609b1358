// What copyToStandby says before it copies: the steps of a dry run, and each refusal whole, with real servers. Nothing is changed
// by any of them.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { program } from '../../harness/installation.ts';
import { run, type RunResult } from '../../harness/run.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { changesBetween, snapshot } from '../../harness/tree-snapshot.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { archiveCommand } from '../pair.ts';
import { baseBackup } from '../../harness/base-backup.ts';
import { inTurn } from '../../harness/share.ts';
import { configureStandby } from '../../harness/standby.ts';
import {
  archiveIn,
  copiedPair,
  copy,
  destinationFor,
  eventNames,
  writeToml,
  type CopiedPair,
} from './copied-pair.ts';
import { expectAccepted } from './verify-copy.ts';

let sandbox: Sandbox;
let pair: CopiedPair;
beforeAll(async () => {
  sandbox = makeSandbox('copy-refusals');
  pair = await copiedPair(sandbox, {
    major: 15,
    road: 'file',
    tables: false,
    initdbArgs: ['--data-checksums'],
  });
});
afterAll(async () => {
  await pair?.[Symbol.asyncDispose]();
  await sandbox?.dispose();
});

const call = (...words: string[]): Promise<RunResult> =>
  run(program('copyToStandby'), ['-D', pair.primary.dataDirectory, ...words], { timeoutMs: 120_000 });

const said = ({ code, stdout, stderr }: RunResult) => ({ code, stdout, stderr });
const refused = (code: number, ...lines: string[]) => ({
  ...{ code, stdout: '' },
  stderr: `copyToStandby: ERROR:  ${lines.join('\n')}\n`,
});

/** Sets them as a superuser would, for one call. */
async function withSettings<T>(settings: Record<string, string>, work: () => Promise<T>): Promise<T> {
  const { primary } = pair;
  for (const [name, value] of Object.entries(settings))
    await primary.query(`alter system set ${name} = '${value}'`);
  await primary.reload();
  for (const [name, value] of Object.entries(settings))
    await waitFor(`${name} to be in force`, async () => {
      return (await primary.value(`select current_setting('${name}')`)) === value;
    });
  try {
    return await work();
  } finally {
    for (const name of Object.keys(settings)) await primary.query(`alter system reset ${name}`);
    await primary.reload();
  }
}

const nextToArchive = 'DETAIL:  A copy that gets no WAL never becomes consistent.';

describe('the primary itself as the target', () => {
  it('is refused as what it is: nobody is told to stop the server that is copied', async () => {
    const { dataDirectory } = pair.primary;
    const { code, stderr } = await call('--to', `file:${dataDirectory}`);
    expect(code).toBe(81);
    expect(stderr).toContain(
      `copyToStandby: ERROR:  cannot copy into ${dataDirectory}: it is a directory of the source itself\n`,
    );
    expect(stderr).not.toContain('top it');
  });

  it('is refused while archiving is being proved, without waiting for it, and leaves it on hold', async () => {
    const { primary } = pair;
    const words = ['--wait', '1h', '--to', `file:${primary.dataDirectory}`];
    const failing = await withSettings({ archive_command: 'false' }, () => call(...words));
    expect({ code: failing.code, stdout: failing.stdout }).toEqual({ code: 81, stdout: '' });
    const archiving = async (state: string): Promise<string> =>
      (await run(program('twowarm'), ['archiving', state, '-D', primary.dataDirectory])).stdout;
    await archiving('hold');
    expect((await call('--dry-run')).stdout).toMatch(
      /^would switch archiving on \(it is on hold\), end a segment, /,
    );
    expect((await call(...words)).code).toBe(81);
    expect(await archiving('status')).toMatch(/^WARNING: archiving is on hold: /);
    await archiving('on');
  });
});

describe('a dry run', () => {
  it('says each step, and changes nothing', async () => {
    const { primary, standby } = pair;
    const archive = archiveIn(standby);
    const lsn = await primary.value('select pg_current_wal_insert_lsn()::text');
    const before = snapshot(standby.parent);
    const waldir = join(sandbox.path, 'other-wal');
    const result = await call('--dry-run', '--wait', '90s', '-j', '3', '--waldir', waldir);
    expect(said(result)).toEqual({
      code: 0,
      stderr: '',
      stdout: [
        `would end a segment, and wait up to 90s until it is at file:${archive}`,
        'would begin a backup of PostgreSQL 15 (checkpoint: fast)',
        `at ${standby.dataDirectory}: create directory ${standby.dataDirectory}`,
        `at ${standby.dataDirectory}: make pg_wal a symbolic link to ${sandbox.path}/other-wal`,
        `at ${standby.dataDirectory}: copy all files`,
        `would copy ${primary.dataDirectory}, with a look at the checksum of each page, 3 files at once`,
        'would remove there what the cluster does not have, in the directories of PostgreSQL only',
        'would end the backup, write backup_label, and pg_control last',
        `would wait until every segment that the copy needs is at file:${archive}`,
        '',
      ].join('\n'),
    });
    expect(changesBetween(before, snapshot(standby.parent))).toEqual([]);
    expect(await primary.value('select pg_current_wal_insert_lsn()::text')).toBe(lsn);
    expect(readdirSync(archive).filter((name) => name !== '.twowarm').length).toBeLessThanOrEqual(1);
  });

  it('is refused as the copy would be where its WAL could not be looked for', async () => {
    const archive = archiveIn(pair.standby);
    renameSync(archive, `${archive}.away`);
    const [dry, real] = [await call('--dry-run'), await call()];
    renameSync(`${archive}.away`, archive);
    expect(said(dry)).toEqual(said(real));
    expect(dry.stderr.split('\n')[0]).toMatch(/^copyToStandby: ERROR: {2}.*twowarm\/archive/);
    expect(existsSync(pair.standby.dataDirectory)).toBe(false);
  });

  it('says them as objects, too', async () => {
    const { code, stdout, stderr } = await call(
      '--dry-run',
      '--json',
      '--no-verify-checksums',
      '--checkpoint',
      'spread',
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events.slice(1, 2)).toEqual([
      { event: 'would', message: 'would begin a backup of PostgreSQL 15 (checkpoint: spread)' },
    ]);
    expect(events.map(({ message }) => message)).toContain(
      `would copy ${pair.primary.dataDirectory}, 8 files at once`,
    );
    const byTool = await call('--dry-run', '--method', 'pg_basebackup', '--no-verify-checksums');
    expect(byTool.stdout).toContain(`would copy ${pair.primary.dataDirectory}, in one stream\n`);
    expect(events.at(-1)).toEqual({
      event: 'end',
      outcome: 'would copy',
      found: {
        ...{ state: 'missing', leftovers: [], tablespaces: [], roomBytes: expect.any(Number) as number },
        steps: [`create directory ${pair.standby.dataDirectory}`, 'copy all files'],
      },
    });
  });
});

const lsn = '[0-9A-F]+/[0-9A-F]+';
const segment = '[0-9A-F]{24}';

describe('a copy', () => {
  it('says each step to people', async () => {
    const { standby } = pair;
    const { code, stdout, stderr } = await call();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const archive = `file:${archiveIn(standby)}`;
    const lines = [
      `archiving works: ${segment} has arrived at ${archive}`,
      'waiting for the checkpoint that a backup begins with',
      `the backup has begun at ${lsn}`,
      `from now on nothing can start in ${standby.dataDirectory} until the copy is complete`,
      'copied \\d+ files, \\d+\\.\\d MB in \\d+\\.\\d s \\(\\d+\\.\\d MB/s\\)',
      `the copy is complete: ${standby.dataDirectory}`,
      `${segment}, the last segment that it needs, has arrived at ${archive}`,
      `next, on the node of ${standby.dataDirectory}: configStandby, then start its server`,
    ];
    // How far it is comes as often as the copy takes long.
    const told = stdout.replaceAll(
      /^(waiting for [0-9A-F]{24} .*|\d+\.\d MB( of .*)?, \d+\.\d MB\/s(, .* left)?)\n/gm,
      '',
    );
    expect(told).toMatch(new RegExp(`^${lines.join('\\n')}\\n$`));
  });

  it('says each step as an object, with its figures', async () => {
    const { primary, standby } = pair;
    const events = (await copy(primary)).filter(({ event }) => !['progress', 'waiting'].includes(event));
    const text = (pattern: string): string => expect.stringMatching(new RegExp(`^${pattern}$`)) as string;
    const number = expect.any(Number) as number;
    const last = events.find(({ event }) => event === 'last-segment')!['segment'] as string;
    const figures = (event: object): object =>
      Object.fromEntries(Object.entries(event).filter(([field]) => field !== 'message'));
    expect(events.find(({ event }) => event === 'copied')!['message']).toMatch(/^compared \d+ files, /);
    expect(events.map(figures)).toEqual([
      { event: 'archiving-proved', segment: text(segment) },
      { event: 'checkpoint' },
      { event: 'begun', startLsn: text(lsn) },
      { event: 'prepared' },
      {
        event: 'copied',
        ...{ files: number, directories: number, bytes: number, removed: 0, ms: number, lineBytes: 0 },
      },
      { event: 'complete', endLsn: text(lsn) },
      { event: 'last-segment', segment: text(segment) },
      { event: 'next' },
      {
        event: 'end',
        outcome: 'copied',
        found: {
          ...{ state: 'data-directory', timeline: 1, databaseState: 'in production' },
          ...{ leftovers: [], tablespaces: [], steps: expect.any(Array) as string[] },
        },
        copied: {
          ...{ files: number, directories: number, sizeBytes: number, removed: 0, damaged: [], leftOut: [] },
        },
        lastSegment: last,
      },
    ]);
    rmSync(standby.dataDirectory, { recursive: true });
  });
});

describe('a server that does not archive', () => {
  it('by archive_command is refused at once', async () => {
    const line = `archive_command = '${program('archiveWALFile')} %p %f'`;
    const result = await withSettings({ archive_command: '' }, () => call());
    expect(said(result)).toEqual(
      refused(
        57,
        'the server does not archive: archive_command is empty',
        nextToArchive,
        `HINT:  As a superuser: alter system set ${line}; select pg_reload_conf();`,
      ),
    );
    expect(existsSync(pair.standby.dataDirectory)).toBe(false);
  });

  it.each([
    [
      '/nonexistent/archiveWALFile %p %f',
      'archive_command cannot run /nonexistent/archiveWALFile: exit code 127',
      ['DETAIL:  It says: /bin/sh: 1: exec: /nonexistent/archiveWALFile: not found'],
    ],
    [
      'no-such-program %p /srv/%f',
      'archive_command cannot run no-such-program: there is no such program',
      [],
    ],
  ])(
    'since there is no such program is refused at once, also by a dry run: %s',
    async (command, message, detail) => {
      const line = `archive_command = '${program('archiveWALFile')} %p %f'`;
      const hint = `HINT:  Install it there, or correct the path. In postgresql.conf: ${line}`;
      for (const words of [['--dry-run'], []]) {
        const result = await withSettings({ archive_command: command }, () => call(...words));
        expect(said(result)).toEqual(refused(57, message, ...detail, hint));
      }
      expect(existsSync(pair.standby.dataDirectory)).toBe(false);
    },
  );

  inTurn(2).each([
    ['fails', 'false', true],
    ['does as if', 'true', false],
  ])(
    'to where the copy would get its WAL from, since archive_command %s, is refused after a while',
    async (_, command, isFailing) => {
      const { standby } = pair;
      const wait = isFailing ? '12s' : '4s';
      const result = await withSettings({ archive_command: command }, () => call('--wait', wait));
      const archive = `file:${archiveIn(standby)}`;
      const failing = `archive_command fails with ${segment}; the log of the server says why, and the server tries again within a minute\n`;
      expect(result.code).toBe(57);
      expect(result.stdout).toMatch(
        new RegExp(`^waiting for ${segment} to arrive at ${archive}\n${isFailing ? failing : ''}$`),
      );
      expect(result.stderr).toMatch(
        new RegExp(
          `^copyToStandby: WARNING:  archive_command does not call archiveWALFile\\nDETAIL:  It is: ${command}\\n` +
            `HINT:  That is right only if it brings each segment to ${archive}\\.\\n` +
            `copyToStandby: ERROR:  [0-9A-F]{24} did not arrive at file:${archiveIn(standby)} within ${wait}\\n` +
            `DETAIL:  The log of the server says what archive_command said\\.${isFailing ? ` archive_command fails with ${segment}\\.` : ' The server counts it as archived, for archive_command has succeeded with it\\.'}\\n` +
            'HINT:  twowarm check --full follows a segment and says where it stays; --wait gives it longer\\.\\n$',
        ),
      );
      expect(existsSync(standby.dataDirectory)).toBe(false);
    },
  );
});

describe('a server that recovers', () => {
  it('is no source', async () => {
    const replica = await baseBackup(pair.primary, { to: 'replica' });
    configureStandby(replica, {
      restoreCommand: `cp '${archiveIn(pair.standby)}/%f' '%p'`,
      mode: 'standby',
      extra: { recovery_prefetch: 'off' },
    });
    writeToml(replica, destinationFor(pair.standby));
    await replica.start();
    const result = await run(program('copyToStandby'), ['-D', replica.dataDirectory]);
    expect(said(result)).toEqual(
      refused(
        43,
        'cannot copy from this node: its server recovers',
        'HINT:  Call copyToStandby on the primary.',
      ),
    );
    expect(existsSync(pair.standby.dataDirectory)).toBe(false);
    await replica.stop('immediate');
  });
});

describe('--method pg_basebackup', () => {
  it('reads the cluster with the tool of PostgreSQL, into the same kind of copy', async () => {
    const { primary, standby } = pair;
    const events = await copy(primary, ['--method', 'pg_basebackup']);
    expect(eventNames(events)).toEqual([
      ...['archiving-proved', 'prepared', 'copied', 'complete', 'last-segment', 'next', 'end'],
    ]);
    // Its manifest has another checksum: PostgreSQL's CRC-32C.
    await expectAccepted(standby, archiveIn(standby));
    expect(readFileSync(join(standby.dataDirectory, 'backup_label'), 'utf8')).toMatch(
      /^LABEL: twowarm copyToStandby$/m,
    );
    rmSync(standby.dataDirectory, { recursive: true });
  });

  it('is refused for a cluster with tablespaces, which it cannot write into one stream', async () => {
    const location = sandbox.directory('space');
    await pair.primary.query(`create tablespace beside location '${location}'`);
    const result = await call('--method', 'pg_basebackup');
    await pair.primary.query('drop tablespace beside');
    expect(said(result)).toEqual(
      refused(
        2,
        'pg_basebackup cannot write a cluster with tablespaces into one stream',
        `DETAIL:  Its tablespaces are in ${location}.`,
        'HINT:  Leave --method out: twowarm copies them.',
      ),
    );
    expect(existsSync(pair.standby.dataDirectory)).toBe(false);
  });

  it('is refused where there is only an older one, before anything changes', async () => {
    await using other = makeSandbox('copy-tool');
    await using newer = await copiedPair(other, { major: 16, road: 'file', tables: false });
    const words = ['-D', newer.primary.dataDirectory, '--method', 'pg_basebackup'];
    const result = await run(program('copyToStandby'), words, { timeoutMs: 120_000 });
    expect(result.code).toBe(33);
    expect(result.stderr).toMatch(
      /^copyToStandby: ERROR: {2}cannot find pg_basebackup of PostgreSQL 16\nDETAIL: {2}(\/usr\/bin\/pg_basebackup is of PostgreSQL 15\.|It is neither .*)\nHINT: {2}Install PostgreSQL's client programs, set node\.pg_bindir in \S+, or leave --method out\.\n$/,
    );
    expect(existsSync(newer.standby.dataDirectory)).toBe(false);
    await newer.primary.stop('immediate');
  });
});

describe('a server that was started without archiving', () => {
  inTurn(2).each([
    [
      { archive_mode: 'off' },
      'the server does not archive: archive_mode is off',
      `Set archive_mode = on and archive_command = '${program('archiveWALFile')} %p %f', and start the server again.`,
    ],
    [
      { archive_mode: 'off', wal_level: 'minimal', max_wal_senders: 0 },
      'the server writes too little WAL: wal_level is minimal',
      'Set wal_level = replica, and start the server again.',
    ],
  ])('is refused: %s', async (settings, message, hint) => {
    const { primary, standby } = pair;
    await primary.stop();
    primary.setSettings(settings);
    await primary.start();
    expect(said(await call())).toEqual(refused(57, message, nextToArchive, `HINT:  ${hint}`));
    expect(existsSync(standby.dataDirectory)).toBe(false);
    await primary.stop();
    primary.setSettings({
      archive_mode: 'on',
      wal_level: 'replica',
      max_wal_senders: 10,
      archive_command: archiveCommand(),
    });
    await primary.start();
  });
});
