// twowarm check over a server that does not run, whose settings are judged by its files: archive_command, restore_command, and
// what contradicts each other.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { program } from '../../harness/installation.ts';
import { makeNode, type NodeFixture } from '../../harness/node-fixture.ts';
import { settingsText, type Settings } from '../../harness/settings.ts';
import { giveToServerUser } from '../../harness/server-user.ts';
import { inTurn } from '../../harness/share.ts';
import { found, said } from './check.ts';

let node: NodeFixture;
beforeAll(async () => {
  node = await makeNode('check-settings');
});
afterAll(() => node[Symbol.asyncDispose]());
beforeEach(() => node.mode('none'));

const set = (settings: Settings): void => {
  node.sandbox.file('data/postgresql.conf', settingsText(settings));
};

const archive = program('archiveWALFile');
const line = `HINT:  In postgresql.conf: archive_command = '${archive} %p %f'`;
const lost = 'DETAIL:  PostgreSQL takes a segment that could not be stored for archived, and removes it.';

async function archiveCommand(text: string): Promise<{ code: number | null; lines: string[] }> {
  set({ archive_mode: 'on', archive_command: text });
  return said(node, 'archive-command');
}

const critical = (message: string, ...more: string[]) => ({
  code: 2,
  lines: found('CRITICAL', 'archive-command', message, ...more),
});
const warning = (message: string, ...more: string[]) => ({
  code: 1,
  lines: found('WARNING', 'archive-command', message, ...more),
});

describe('archive_command', () => {
  it('that is ours is run once, and fine', async () => {
    expect(await archiveCommand(`"${archive}" %p %f`)).toEqual({
      code: 0,
      lines: found('ok', 'archive-command', `archive_command is ours: "${archive}" %p %f`),
    });
    expect(
      await archiveCommand(`${program('twowarm')} archiveWALFile --config ${node.home}/twowarm.toml %p %f`),
    ).toMatchObject({
      code: 0,
    });
  });

  it('that is empty, or only says yes, keeps nothing', async () => {
    expect(await archiveCommand('')).toEqual(critical('archive_command is not set', line));
    expect(await archiveCommand('/bin/true')).toEqual(
      critical('archive_command says yes and does nothing: /bin/true', line),
    );
  });

  it('that calls another program is not ours', async () => {
    expect(await archiveCommand('cp %p /mnt/%f')).toEqual(
      critical('archive_command does not call archiveWALFile', 'DETAIL:  It is: cp %p /mnt/%f', line),
    );
    expect(await archiveCommand("archiveWALFile '%p %f")).toEqual(
      critical('archive_command is no command line: a quote does not end', line),
    );
  });

  inTurn(2).each(['|| true', '; true', '| logger'])(
    'of which "%s" hides the exit code loses WAL',
    async (end) => {
      expect(await archiveCommand(`${archive} %p %f ${end}`)).toEqual(
        critical(`archive_command hides the exit code of archiveWALFile: "${end}"`, lost, line),
      );
    },
  );

  it('with other words, or --dry-run, is called in vain', async () => {
    expect(await archiveCommand(`${archive} %f %p`)).toEqual(
      critical('archive_command calls archiveWALFile with "%f %p", but its last words must be %p %f', line),
    );
    expect(await archiveCommand(`${archive} --dry-run %p %f`)).toEqual(
      critical('archive_command calls archiveWALFile with --dry-run: nothing is stored', line),
    );
  });

  it('by a relative path depends on where it is run', async () => {
    expect(await archiveCommand('bin/archiveWALFile %p %f')).toEqual(
      critical(
        'archive_command names bin/archiveWALFile without its directory',
        'DETAIL:  The server looks for it in the data directory.',
        'HINT:  Write the absolute path of the program.',
      ),
    );
    const { code, lines } = await archiveCommand('archiveWALFile %p %f');
    expect(code).toBe(2);
    expect(lines[0]).toContain('archive_command cannot run archiveWALFile: exit code 127');
    expect(lines).toEqual(
      expect.arrayContaining(
        found('WARNING', 'archive-command', 'archive_command names archiveWALFile without its directory'),
      ),
    );
  });

  it('whose program is missing or may not be run cannot work', async () => {
    const elsewhere = node.path('gone/archiveWALFile');
    const { code, lines } = await archiveCommand(`${elsewhere} %p %f`);
    expect({ code, first: lines[0], last: lines.at(-1) }).toEqual({
      code: 2,
      first: found(
        'CRITICAL',
        'archive-command',
        `archive_command cannot run ${elsewhere}: exit code 127`,
      )[0],
      last: '          HINT:  Install twowarm there, or correct the path; the user of the server must be able to run it.',
    });
    const closed = node.sandbox.file('closed/archiveWALFile', '#!/bin/sh\n', 0o600);
    expect((await archiveCommand(`${closed} %p %f`)).lines[0]).toBe(
      found('CRITICAL', 'archive-command', `archive_command cannot run ${closed}: exit code 126`)[0],
    );
  });

  it("that is another program of that name, or another version, is not this twowarm's", async () => {
    const other = node.sandbox.file('other/archiveWALFile', '#!/bin/sh\necho 2warm 1.0\n', 0o755);
    expect(await archiveCommand(`${other} %p %f`)).toEqual(
      critical(
        `archive_command calls another archiveWALFile than twowarm's: ${other}`,
        'DETAIL:  It says: 2warm 1.0',
        'HINT:  Correct the path.',
      ),
    );
    writeFileSync(other, '#!/bin/sh\necho "archiveWALFile (twowarm) 0.0.9"\n');
    expect(await archiveCommand(`${other} %p %f`)).toEqual(
      warning(
        'archive_command calls twowarm 0.0.9, but this is twowarm 0.1.0',
        `DETAIL:  It is ${other}.`,
        'HINT:  Correct the path, or remove the other installation.',
      ),
    );
  });

  it('with another configuration is about another node', async () => {
    const other = node.path('other.toml');
    copyFileSync(`${node.home}/twowarm.toml`, other);
    chmodSync(other, 0o600);
    giveToServerUser(other);
    const expected = critical(
      `archive_command uses another configuration: ${other}`,
      `DETAIL:  This check is about ${node.home}/twowarm.toml.`,
      `HINT:  Name the same one in archive_command and here: --config ${node.home}/twowarm.toml`,
    );
    expect(await archiveCommand(`${archive} --config ${other} %p %f`)).toEqual(expected);
    expect(await archiveCommand(`TWOWARM_CONFIG=${other} ${archive} %p %f`)).toEqual(expected);
  });

  it('whose messages go to nowhere leaves nothing for the log, and a starter is only warned of', async () => {
    expect(await archiveCommand(`${archive} %p %f 2>/dev/null`)).toEqual(
      warning(
        'archive_command sends what archiveWALFile says away: "2> /dev/null"',
        'DETAIL:  The reason of a failure stands nowhere else than in the log of the server.',
        line,
      ),
    );
    expect(await archiveCommand(`timeout 60 ${archive} %p %f`)).toEqual(
      warning(
        'archive_command starts archiveWALFile by "timeout"',
        `DETAIL:  It has to pass on the exit code and the signals. ${lost.slice('DETAIL:  '.length)}`,
        `HINT:  twowarm has time limits of its own. ${line.slice('HINT:  '.length)}`,
      ),
    );
  });

  it('counts on a standby from the promotion on', async () => {
    node.mode('standby');
    expect(await archiveCommand('cp %p /mnt/%f')).toEqual(
      warning(
        'archive_command does not call archiveWALFile',
        'DETAIL:  It is: cp %p /mnt/%f It counts once this standby is promoted.',
        line,
      ),
    );
  });
});

describe('archive_mode, archive_timeout and the way back', () => {
  it('are off where nobody has set them', async () => {
    set({});
    expect(await said(node, 'archive-mode')).toEqual({
      code: 2,
      lines: found(
        'CRITICAL',
        'archive-mode',
        'archive_mode is off: nothing is archived',
        'HINT:  Set archive_mode = on in postgresql.conf; it needs a restart of the server.',
      ),
    });
    expect(await said(node, 'archive-timeout')).toEqual({
      code: 1,
      lines: found(
        'WARNING',
        'archive-timeout',
        'archive_timeout is 0: a segment leaves this node only when it is full',
        'DETAIL:  What a quiet primary commits in the meantime is lost with it, however long that is.',
        'HINT:  Set archive_timeout = 60 in postgresql.conf, and reload the server.',
      ),
    });
    expect(await said(node, 'way-back')).toEqual({
      code: 1,
      lines: found(
        'WARNING',
        'way-back',
        'neither data checksums nor wal_log_hints are on: pg_rewind refuses',
        'DETAIL:  After a failover the old primary comes back only by copyToStandby, which has to read all of both.',
        'HINT:  Set wal_log_hints = on in postgresql.conf and start the server again, or stop it and run pg_checksums --enable.',
      ),
    });
  });

  it('are known by pg_control where the server cannot be asked', async () => {
    const control = readFileSync(node.path('data/global/pg_control'));
    // data_checksum_version, where 15 has it.
    const withChecksums = Buffer.from(control);
    withChecksums.writeUInt32LE(1, 252);
    node.sandbox.file('data/global/pg_control', withChecksums);
    const { code, lines } = await said(node, 'way-back');
    node.sandbox.file('data/global/pg_control', control);
    expect({ code, lines }).toEqual({
      code: 0,
      lines: found('ok', 'way-back', 'data checksums are on: pg_rewind can bring an old primary back'),
    });
  });

  it('with an archive_library are in vain', async () => {
    set({ archive_mode: 'on', archive_library: 'basic_archive' });
    expect(await said(node, 'archive-mode')).toEqual({
      code: 2,
      lines: found(
        'CRITICAL',
        'archive-mode',
        'archive_library is "basic_archive": archive_command is not called',
        'DETAIL:  With it archive_command is not called, and twowarm sees no segment.',
        "HINT:  Set archive_library = '' in postgresql.conf, and reload the server.",
      ),
    });
  });

  it('are as they should be', async () => {
    set({ archive_mode: 'on', archive_timeout: '5min', wal_log_hints: 'on' });
    expect((await said(node, 'archive-mode,archive-timeout,way-back')).lines).toEqual([
      ...found('ok', 'archive-mode', 'archive_mode is on, and no archive_library is set'),
      ...found('ok', 'archive-timeout', 'at most 5min of commits wait for a segment to end'),
      ...found('ok', 'way-back', 'wal_log_hints is on: pg_rewind can bring an old primary back'),
    ]);
    set({ archive_mode: 'on', wal_level: 'minimal', archive_timeout: '2h' });
    expect((await said(node, 'archive-mode,archive-timeout')).lines).toEqual([
      ...found(
        'CRITICAL',
        'archive-mode',
        'wal_level is minimal: no standby can be made of such WAL',
        'HINT:  Set wal_level = replica in postgresql.conf; it needs a restart of the server. Then take a new base backup.',
      ),
      ...found(
        'WARNING',
        'archive-timeout',
        'archive_timeout is 2h: as much as that can be lost',
        'HINT:  Set archive_timeout = 60 in postgresql.conf, and reload the server.',
      ),
    ]);
    node.mode('standby');
    set({ archive_mode: 'always' });
    expect((await said(node, 'archive-mode')).lines[0]).toBe(
      found(
        'WARNING',
        'archive-mode',
        'archive_mode is always: this standby archives what was archived already',
      )[0],
    );
  });
});
