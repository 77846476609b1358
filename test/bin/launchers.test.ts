// The launchers: found through links and from anywhere, deaf to what the environment says to other Node programs, and
// truthful when there is nothing to launch.
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { installation, program } from '../harness/installation.ts';
import { makeNode, quoted, silent } from '../harness/node-fixture.ts';
import { run, shell } from '../harness/run.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { inTurn } from '../harness/share.ts';
import { segmentNamed } from '../harness/wal-files.ts';
import { copyInstallation } from './own-installation.ts';

const name = segmentNamed(0x21);
const asked = ['--version'];
const answered = {
  code: 0,
  stdout: expect.stringMatching(/^archiveWALFile \(twowarm\) /) as string,
  stderr: '',
};

describe('a launcher is found', () => {
  inTurn(2).each<[string, (sandbox: Sandbox) => string]>([
    [
      'through a symbolic link',
      ({ path }) => (symlinkSync(program('archiveWALFile'), `${path}/a`), `${path}/a`),
    ],
    [
      'through a relative link',
      ({ path }) => (
        symlinkSync(installation(), `${path}/inst`),
        symlinkSync('inst/bin/archiveWALFile', `${path}/a`),
        `${path}/a`
      ),
    ],
    [
      'through a chain of links',
      ({ path }) => {
        mkdirSync(`${path}/deep`);
        symlinkSync(program('archiveWALFile'), `${path}/deep/c`);
        symlinkSync('deep/c', `${path}/b`);
        symlinkSync(`${path}/b`, `${path}/a`);
        return `${path}/a`;
      },
    ],
  ])('%s', async (_, link) => {
    await using sandbox = makeSandbox('bin-link');
    expect(await run(link(sandbox), asked)).toMatchObject(answered);
  });

  it('by sh in its own directory, and by sh as a link there', async () => {
    await using sandbox = makeSandbox('bin-sh');
    const bin = join(installation(), 'bin');
    expect(await shell('sh archiveWALFile --version', { cwd: bin })).toMatchObject(answered);
    symlinkSync(installation(), sandbox.path + '/inst');
    symlinkSync('inst/bin/archiveWALFile', sandbox.path + '/a');
    expect(await shell('sh a --version', { cwd: sandbox.path })).toMatchObject(answered);
  });

  it("by somebody who may not read the working directory, as root's after su", async () => {
    await using sandbox = makeSandbox('bin-closed');
    const closed = sandbox.directory('closed');
    const command = `cd ${quoted(closed)} && chmod 300 . && ${quoted(program('twowarm'))} --version && chmod 0 . && ${quoted(program('archiveWALFile'))} --version`;
    expect(await shell(command)).toMatchObject({ code: 0, stderr: '' });
  });

  it('by a relative path', async () => {
    const paths = ['bin/archiveWALFile', '../installation/bin/archiveWALFile'];
    for (const path of paths)
      expect(await shell(`${path} --version`, { cwd: installation() })).toMatchObject(answered);
  });

  it('on the PATH', async () => {
    const PATH = `${join(installation(), 'bin')}:/usr/bin:/bin`;
    expect(await shell('archiveWALFile --version', { env: { PATH } })).toMatchObject(answered);
  });

  it('in a directory with spaces and quotes in its name', async () => {
    await using sandbox = makeSandbox('bin-odd');
    const odd = join(sandbox.path, `it's "the" $HOME dir`);
    symlinkSync(installation(), odd);
    expect(await run(join(odd, 'bin', 'archiveWALFile'), asked)).toMatchObject(answered);
  });

  it('and its arguments come through as they are', async () => {
    const words = ['a  b', '*', "it's", '$HOME', '"', '\\'];
    const { stderr } = await run(program('archiveWALFile'), [...words]);
    expect(stderr.split('\n')[0]).toBe('archiveWALFile: ERROR:  too many arguments, the first is "it\'s"');
  });
});

describe('the environment', () => {
  inTurn(2).each([
    ['NODE_OPTIONS', '--bad'],
    ['NODE_OPTIONS', '--require /nonexistent.js'],
    ['NODE_PATH', '/nonexistent'],
    ['NODE_EXTRA_CA_CERTS', '/nonexistent.pem'],
    ['NODE_COMPILE_CACHE', '/nonexistent'],
  ])('%s=%s means other programs', async (variable, value) => {
    await using node = await makeNode('bin-environment');
    node.segment(name);
    const line = [program('archiveWALFile'), `pg_wal/${name}`, name].map(quoted).join(' ');
    expect(await node.sh(line, { env: { [variable]: value } })).toEqual(silent([`created db2/${name}`]));
  });

  it('may be empty, without even a PATH', async () => {
    await using node = await makeNode('bin-empty');
    node.segment(name);
    const line = `env -i ${[program('archiveWALFile'), `pg_wal/${name}`, name].map(quoted).join(' ')}`;
    expect(await node.sh(line)).toEqual(silent([`created db2/${name}`]));
  });
});

describe('a bug in the program', () => {
  inTurn(2).each([
    ['recovery', 200],
    ['standby', 1],
    ['none', 1],
  ] as const)('is told with its stack, and under %s restoreWALFile answers %i', async (mode, code) => {
    await using node = await makeNode('bin-bug', { used: false });
    node.mode(mode);
    const root = await copyInstallation(node.sandbox, true);
    const bundle = join(root, 'dist/restoreWALFile.cjs');
    const original = readFileSync(bundle, 'utf8');
    rmSync(bundle);
    writeFileSync(
      bundle,
      `process.nextTick(() => { throw new TypeError("x is not\\na function"); });${original}`,
    );
    const line = `${quoted(join(root, 'bin/restoreWALFile'))} ${name} pg_wal/RECOVERYXLOG`;
    const { stderr, ...rest } = await node.sh(line);
    expect(rest).toMatchObject({ code, stdout: '' });
    const lines = stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toBe('restoreWALFile: ERROR:  internal error: x is not\\x0aa function');
    expect(lines[1]).toMatch(/^DETAIL: {2}TypeError: x is not \| a function \| .* at /);
    expect(lines[2]).toBe('HINT:  This is a bug in twowarm. Please report it with this message.');
  });
});
