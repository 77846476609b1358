// The whole of it, once: an installation with its real Node.js goes to another machine, and PostgreSQL's calls there go
// through the copy, with nothing in their environment.
import { copyFileSync, cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { installation } from '../../harness/installation.ts';
import { quoted } from '../../harness/node-fixture.ts';
import { shell } from '../../harness/run.ts';
import { segmentNamed } from '../../harness/wal-files.ts';
import { expectWhole, makeScene, runtimeName, stateOf } from './scene.ts';

describe('an installation with its real Node.js', { timeout: 300_000 }, () => {
  it('archives and restores on the other node by the copy, as PostgreSQL calls it', async () => {
    await using scene = await makeScene('db2');
    const [site] = scene.sites;
    // Not to be found there any more once it is copied.
    const root = scene.sandbox.directory('installation');
    for (const part of ['bin', 'dist', 'package.json'])
      cpSync(join(installation(), part), join(root, part), { recursive: true });
    const node = `node_modules/${runtimeName}/bin`;
    scene.sandbox.directory(`installation/${node}`);
    copyFileSync(join(installation(), node, 'node'), join(root, node, 'node'));

    const { code, stdout, stderr } = await scene.distribute(root);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [, megabytes, rate] = /copied and verified ([\d.]+) MB in [\d.]+ s \(([\d.]+) MB\/s\)/.exec(
      stdout,
    )!;
    expect(Number(megabytes)).toBeGreaterThan(100);
    expect(Number(rate)).toBeGreaterThan(0);
    expect(stdout).toMatch(
      /runs there: .*, native crypto: yes \(AES-128-GCM \d+ MB\/s, SHA-256 \d+ MB\/s\)\n/,
    );
    rmSync(root, { recursive: true });
    await expectWhole(site!, stateOf(site!).current!);

    const { primary } = scene;
    const archive = primary.sandbox.directory('local');
    const name = primary.segment(segmentNamed(0x21));
    const config = primary.sandbox.file(
      'local.toml',
      `[node]\ndata_directory = '${primary.dataDirectory}'\n[destination.local]\nurl = 'file:${archive}'\n[restore]\nsources = ['file:${archive}']\n`,
    );
    const call = (program: string, words: string): string =>
      `env -i TWOWARM_CONFIG=${quoted(config)} ${quoted(join(site!.directory, 'current/bin', program))} ${words}`;
    const options = { cwd: primary.dataDirectory };
    const archived = await shell(call('archiveWALFile', `pg_wal/${name} ${name}`), options);
    expect(archived).toMatchObject({ code: 0, stdout: '', stderr: '' });
    const restored = await shell(call('restoreWALFile', `${name} pg_wal/RECOVERYXLOG`), options);
    expect(restored).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(existsSync(primary.path('data/pg_wal/RECOVERYXLOG'))).toBe(true);

    // The Node.js does not travel again.
    const again = await scene.distribute(join(site!.directory, 'current'), '--json');
    expect(again).toMatchObject({ code: 0, stderr: '' });
    const { nodes } = JSON.parse(again.stdout) as { nodes: object[] };
    expect(nodes).toMatchObject([{ outcome: 'already there', copied: { files: 0, bytes: 0 } }]);
  });
});
