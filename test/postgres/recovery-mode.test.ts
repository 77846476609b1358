// The mode that we read beside the mode that servers before 12 are in, for every spelling of standby_mode; and what the
// launcher, which has only sh, makes of the same files: it may doubt a standby, and never takes a recovery for one.
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRecoveryMode } from '../../src/postgres/recovery-mode.ts';
import type { Cluster } from '../harness/cluster.ts';
import { createCluster } from '../harness/create-cluster.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { run } from '../harness/run.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { turnOf } from '../harness/share.ts';
import { root } from '../house/sources.ts';
import { waitFor } from '../harness/wait-for.ts';

/** What follows "restore_command = 'false'" in recovery.conf, and what a server is then: undefined when it refuses. */
const files: [text: string, server: 'standby' | 'recovery' | undefined, launcher?: 'doubts'][] = [
  ...['on', 'ON', "'on'", "'On'", "'true'", 'tr', 'T', "'yes'", 'y', "'1'", '1'].map(
    (value): [string, 'standby'] => [`standby_mode = ${value}`, 'standby'],
  ),
  ...['off', "'OFF'", 'of', "'false'", 'f', "'no'", 'N', "'0'", '0'].map((value): [string, 'recovery'] => [
    `standby_mode = ${value}`,
    'recovery',
  ]),
  ...['o', "''", "'onn'", "'truely'", "' on'", '01', "'not on'", "'enabled'", "off 'on'"].map(
    (value): [string, undefined] => [`standby_mode = ${value}`, undefined],
  ),
  ['', 'recovery'],
  ['standby_mode=on', 'standby'],
  ['standby_mode on', 'standby'],
  ["\tstandby_mode\t=\t'on'\t# comment", 'standby'],
  ['standby_mode on#off', 'standby'],
  ['standby_mode = on\r', 'standby'],
  ["standby_mode'on'", 'standby', 'doubts'],
  ["standby_mode = '\\157\\156'", 'standby', 'doubts'],
  ["standby_mode = 'o\\n'", undefined],
  ["standby_mode = '\\o\\166\\0'", undefined],
  ["standby_mode = 'tr\\165e'", 'standby', 'doubts'],
  ["standby_mode = 'on\\0ff'", 'standby', 'doubts'],
  ["# standby_mode = 'on'", 'recovery'],
  ["#standby_mode = 'on'\n#standby_mode = on", 'recovery'],
  ["standby_mode = 'on'\nstandby_mode = 'off'", 'recovery'],
  ["standby_mode = 'off'\nstandby_mode = 'on'", 'standby'],
  ["standby_mode = off # 'on'", 'recovery'],
  ["standby_mode = 'off' # turn on", 'recovery'],
  ['standby_mode = no # yes, one day', 'recovery'],
  ["standby_mode = 'false' # was: true", 'recovery'],
  ['standby_mode = 0 #1', 'recovery'],
  ["trigger_file = 'standby_mode = on'", 'recovery'],
  ["recovery_end_command = 'x'\nstandby_mode = on", 'standby'],
  ["recovery_end_command = 'x\\\\'\nstandby_mode = off", 'recovery'],
  ["include 'more.conf'", 'standby', 'doubts'],
  ["standby_mode = on\ninclude 'less.conf'", 'recovery'],
  ["standby_mode = off\ninclude 'more.conf'", 'standby', 'doubts'],
  ["include 'none.conf'", undefined],
  ["standby_mode = on\ninclude_if_exists 'none.conf'", 'standby', 'doubts'],
  ['standby_mode = on\nstandby_mode', undefined],
  ['standby_mode_of_mine = on', undefined],
  ["standby_mode = on\nstandby_mode'off'", 'recovery'],
  ['standby_mode = on\n\rstandby_mode = off', 'recovery'],
  ["standby_mode = off\nstandby_mode = 'on'# off", 'standby'],
  ['standby_mode = off #\n\r\nstandby_mode\ton\r', 'standby'],
  ['standby_mode == on', undefined],
];
const more = "standby_mode = 'on'\n";
const less = "standby_mode = 'off'\n";

/** The launcher's own answer, from an installation that has nothing to launch; sh may be dash or bash. */
async function launcherIn(sandbox: Sandbox, data: string): Promise<string> {
  const copy = join(sandbox.path, 'restoreWALFile');
  cpSync(join(root, 'bin/restoreWALFile'), copy);
  const shells = [['/bin/sh'], ['/bin/bash', '--posix']];
  const codes = await Promise.all(
    shells.map(async ([shell, ...options]) => {
      const { code } = await run(shell!, [...options, copy, 'x', 'y'], { cwd: data, user: 'self' });
      return code === 200 ? 'recovery' : code === 1 ? 'standby' : `exit code ${code}`;
    }),
  );
  return [...new Set(codes)].join(' or ');
}

describe('recovery.conf', () => {
  it.each(files)('%j: a server is then %s', async (text, server, launcher) => {
    await using sandbox = makeSandbox('mode');
    sandbox.file('PG_VERSION', '10\n');
    sandbox.file('more.conf', more);
    sandbox.file('less.conf', less);
    for (const end of ['', '\n']) {
      sandbox.file('recovery.conf', `restore_command = 'false'\n${text}${end}`);
      expect(readRecoveryMode(sandbox.path)).toBe(server ?? 'recovery');
      if (server === undefined) continue;
      const said = launcher === 'doubts' ? 'recovery' : server;
      expect(await launcherIn(sandbox, sandbox.path), 'the launcher').toBe(said);
    }
  });

  it('that cannot be read is a recovery, as for the launcher', async () => {
    await using sandbox = makeSandbox('mode');
    sandbox.file('PG_VERSION', '10\n');
    expect(readRecoveryMode(sandbox.path)).toBe('none');
    sandbox.directory('recovery.conf');
    expect(readRecoveryMode(sandbox.path)).toBe('recovery');
    expect(await launcherIn(sandbox, sandbox.path)).toBe('recovery');
  });

  describe.each([10, 11])('on a server of PostgreSQL %i', { timeout: 300_000 }, (major) => {
    let sandbox: Sandbox;
    let cluster: Cluster;
    beforeAll(async () => {
      sandbox = makeSandbox(`mode${major}`);
      cluster = await createCluster(sandbox, { postgres: findPostgres(major), name: 'a' });
      sandbox.file('a/data/more.conf', more);
      sandbox.file('a/data/less.conf', less);
    });
    afterAll(() => sandbox.dispose());

    it('is what the server makes of it', async () => {
      const wrong: unknown[] = [];
      // A start for each.
      for (const [text, server] of turnOf(files, 6, major)) {
        sandbox.file('a/data/recovery.conf', `restore_command = 'false'\n${text}\n`);
        const begin = cluster.log().length;
        await cluster.pgCtl('start', '-W', '-l', cluster.logFile);
        const said = /entering (standby) mode|starting archive (recovery)|FATAL: /;
        const match = await waitFor(`PostgreSQL ${major} to say its mode`, () =>
          said.exec(cluster.log().slice(begin)),
        );
        const mode = match[1] ?? match[2];
        if (mode !== server) wrong.push({ text, mode });
        await waitFor('it to be gone', async () => {
          await cluster.pgCtl('stop', '-m', 'immediate');
          return cluster.postmasterPid() === undefined;
        });
      }
      expect(wrong).toEqual([]);
    });
  });
});

describe('signal files', () => {
  it.each<[string, string[], string]>([
    ['15', ['standby.signal'], 'standby'],
    ['15', ['recovery.signal'], 'recovery'],
    ['15', ['standby.signal', 'recovery.signal'], 'standby'],
    ['12', [], 'none'],
    ['11', ['standby.signal'], 'none'],
    ['9.6', ['recovery.signal'], 'none'],
    ['10', ['standby.signal', 'recovery.conf'], 'recovery'],
    ['no version', ['standby.signal'], 'standby'],
    ['no version', ['recovery.signal'], 'recovery'],
  ])('of version %s with %j mean %s', async (version, names, mode) => {
    await using sandbox = makeSandbox('mode');
    sandbox.file('PG_VERSION', `${version}\n`);
    for (const name of names) sandbox.file(name, '');
    expect(readRecoveryMode(sandbox.path)).toBe(mode);
    const launched = await launcherIn(sandbox, sandbox.path);
    expect(launched).toBe(mode === 'recovery' ? 'recovery' : 'standby');
  });

  it('are read as before where the version cannot be read', async () => {
    await using sandbox = makeSandbox('mode');
    sandbox.file('standby.signal', '');
    expect(readRecoveryMode(sandbox.path)).toBe('standby');
    expect(await launcherIn(sandbox, sandbox.path)).toBe('standby');
    rmSync(join(sandbox.path, 'standby.signal'));
    sandbox.file('recovery.signal', '');
    expect(readRecoveryMode(sandbox.path)).toBe('recovery');
    expect(await launcherIn(sandbox, sandbox.path)).toBe('recovery');
  });
});
