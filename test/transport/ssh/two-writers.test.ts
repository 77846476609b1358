// Two nodes that send the same name over ssh at once, several files at once over one connection, and a receiver that is
// killed while it receives: one name never has two contents, and what is half there has no name.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeConnections } from '../../../src/transport/ssh/leases.ts';
import { shell, type RunResult } from '../../harness/run.ts';
import { commandLine } from '../../harness/node-fixture.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { signal } from '../../harness/sshd-processes.ts';
import type { Sshd } from '../../harness/sshd.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { megabyte, segmentNamed } from '../../harness/wal-files.ts';
import { faultOf } from '../../program/fault.ts';
import { acceptAll, neverStopped, patterned, treeOf } from '../archives.ts';
import { sshScene, type SshScene } from './scene.ts';
import { anotherSegment as name, sshNode, type SshNode } from './ssh-node.ts';

let sandbox: Sandbox;
let scene: SshScene;
let sshd: Sshd;

beforeAll(async () => {
  sandbox = makeSandbox('two-writers');
  scene = await sshScene(sandbox);
  ({ sshd } = scene);
});

afterAll(async () => {
  await scene[Symbol.asyncDispose]();
  await sandbox.dispose();
});

const limits = { timeout: 120_000 };

const call = (node: SshNode): Promise<RunResult> =>
  shell(commandLine('archiveWALFile', `pg_wal/${name}`, name), { cwd: node.dataDirectory });

const unfinished = (): string[] => treeOf(scene.directory).filter((path) => path.includes('.tmp.'));

describe('two nodes that send the same name at once', limits, () => {
  it.each([
    ['the same bytes: both succeed', 0x11, [0, 0]],
    ['other bytes: one is refused', 0x22, [0, 14]],
  ])('%s', async (_, content, codes) => {
    for (let round = 0; round < 3; round += 1) {
      await using one = await sshNode('one', sshd);
      await using two = await sshNode('two', sshd, { used: false });
      two.use({ url: one.url });
      one.segment(name);
      two.segment(name, { content });
      const results = await Promise.all([call(one), call(two)]);
      const said = results.map(({ stderr }) => stderr).join('');
      expect(results.map(({ code }) => code).sort(), said).toEqual(codes);
      const winner = results[0].code === 0 ? one : two;
      const loser = results.find(({ code }) => code !== 0);
      if (loser !== undefined)
        expect(loser.stderr).toContain(
          `archiveWALFile: ERROR:  ${name} exists at ${one.url} with different content\n`,
        );
      else expect(said).toBe('');
      const sent = readFileSync(join(winner.dataDirectory, 'pg_wal', name));
      expect(readFileSync(join(one.far, name)).equals(sent)).toBe(true);
      expect(treeOf(one.far).filter((path) => path.includes('.tmp.'))).toEqual([]);
    }
  });
});

describe('one connection', limits, () => {
  it('carries several files at once, each whole, and a refused one does not disturb them', async () => {
    const road = await scene.write();
    const taken = segmentNamed(0x300);
    sandbox.file(`far/archive/${taken}`, patterned(megabyte, 999));
    const names = Array.from({ length: 12 }, (_, at) => segmentNamed(0x300 + at));
    const puts = names.map((each, at) => {
      const path = sandbox.file(`source/${each}`, patterned(megabyte + at, at));
      return road.put(each, path, acceptAll, neverStopped).catch((error: { kind?: string }) => error.kind);
    });
    expect(await Promise.all(puts)).toEqual(['archive-duplicate', ...names.slice(1).map(() => 'stored')]);
    for (const [at, each] of names.entries()) {
      const expected = at === 0 ? patterned(megabyte, 999) : patterned(megabyte + at, at);
      expect(readFileSync(join(scene.directory, each)).equals(expected)).toBe(true);
    }
    await road.close();
    closeConnections();
  });
});

describe('a receiver that is killed while it receives', limits, () => {
  it('leaves nothing under the name, and its temporary file goes with the next connection', async () => {
    const road = await scene.write();
    const segment = segmentNamed(0x400);
    const path = sandbox.file(`source/${segment}`, patterned(128 * megabyte, 4));
    const put = faultOf(() => road.put(segment, path, acceptAll, neverStopped));
    await waitFor('a temporary file', () => unfinished().some((each) => each.startsWith('.tmp.')), {
      everyMs: 1,
    });
    for (const pid of receivers()) signal(pid, 'SIGKILL');
    const fault = await put;
    expect(fault).toMatchObject({ kind: 'connection-lost' });
    expect(fault.message).toContain(`could not store ${segment} at ${scene.url}: `);
    expect(existsSync(join(scene.directory, segment))).toBe(false);
    expect(unfinished().some((each) => each.startsWith('.tmp.'))).toBe(true);
    await road.close();
    closeConnections();
    const again = await scene.write();
    expect(unfinished()).toEqual([]);
    expect(await again.put(segment, path, acceptAll, neverStopped)).toBe('stored');
    await again.close();
    closeConnections();
  });
});

/** Processes of the connections that are receivers and not sshd. */
function receivers(): number[] {
  return sshd.connections().filter((pid) => {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
    return words.some((word) => word.endsWith('/receive.cjs')) && words.includes(scene.directory);
  });
}
