// What a user installs: the packed tarball, unpacked, with the runtime beside it.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { installation } from '../harness/installation.ts';
import { pack } from '../harness/npm-pack.ts';
import { run } from '../harness/run.ts';
import { makeSandbox } from '../harness/sandbox.ts';

const root = join(import.meta.dirname, '..', '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

describe('the packed tarball', () => {
  it('holds the programs, the bundles, the templates, the documents and the man pages, and nothing else', async () => {
    await using sandbox = makeSandbox('pack');
    const { files } = pack(sandbox.path);
    const kinds = files.map((file) =>
      file
        .replace(/^(dist\/cold|dist\/hot|dist\/man|docs|conf-templates)\/.*/, '$1')
        .replace(/^dist\/[a-zA-Z0-9_-]+\.(cjs|js)$/, 'dist/*.$1'),
    );
    expect([...new Set(kinds)].sort()).toEqual(
      [
        'ARCHITECTURE.md',
        'CHANGELOG.md',
        'LICENSE',
        'README.md',
        'bin/archiveWALFile',
        'bin/configSetup',
        'bin/configStandby',
        'bin/copyToDR',
        'bin/copyToStandby',
        'bin/distrib2warm',
        'bin/launch.sh',
        'bin/pg_standby',
        'bin/restoreWALFile',
        'bin/rsyncDR',
        'bin/triggerStandby',
        'bin/twowarm',
        'conf-templates',
        'dist/*.cjs',
        'dist/*.js',
        'dist/LICENSES',
        'dist/cold',
        'dist/hot',
        'dist/man',
        'dist/twowarm.bash',
        'docs',
        'package.json',
      ].sort(),
    );
  });

  it('runs where it is unpacked, with the runtime hoisted beside it as npm does it', async () => {
    await using sandbox = makeSandbox('unpack');
    const { path } = pack(sandbox.path);
    const modules = sandbox.directory('node_modules');
    execFileSync('tar', ['-xzf', path, '-C', modules]);
    const runtime = join('node-linux-' + process.arch, 'bin');
    mkdirSync(join(modules, runtime), { recursive: true });
    cpSync(join(installation(), 'node_modules', runtime, 'node'), join(modules, runtime, 'node'));
    execFileSync('chmod', ['-R', 'a+rX', modules]);
    const names = [
      'archiveWALFile',
      'restoreWALFile',
      'pg_standby',
      'configSetup',
      'configStandby',
      'distrib2warm',
      'triggerStandby',
      'twowarm',
    ];
    for (const name of names) {
      const result = await run(join(modules, 'package', 'bin', name), ['--version']);
      const shown = name === 'twowarm' ? `twowarm ${version}\n` : `${name} (twowarm) ${version}\n`;
      expect({ name, ...result, ms: 0 }).toEqual({
        name,
        code: 0,
        signal: null,
        stdout: shown,
        stderr: '',
        ms: 0,
      });
    }
  });
});
