// A distribution that is cut off, killed or stopped anywhere: the other node uses a whole version that runs, the message
// says which, and the next call goes on from what is left.
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { startCuttingProxy, type CuttingProxy } from '../../harness/cutting-proxy.ts';
import { quoted } from '../../harness/node-fixture.ts';
import { shell, startProgram } from '../../harness/run.ts';
import { turnOf } from '../../harness/share.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { segmentNamed } from '../../harness/wal-files.ts';
import {
  clearSite,
  expectWhole,
  makeInstallation,
  makeScene,
  putTool,
  removeTools,
  stateOf,
  type FarSite,
  type Scene,
} from './scene.ts';

let scene: Scene;
let site: FarSite;
let proxy: CuttingProxy;
let first: string;
let second: string;
let before: string;
let after: string;

beforeAll(async () => {
  scene = await makeScene('db2');
  site = scene.sites[0]!;
  proxy = await startCuttingProxy(site.sshd.port);
  scene.configure({ ports: [proxy.port], ssh: "connect_limit = '5s'\nidle_limit = '5s'\n" });
  first = await makeInstallation(scene.sandbox, 'first');
  second = await makeInstallation(scene.sandbox, 'second', { version: '0.1.1' });
  expect(await scene.distribute(second)).toMatchObject({ code: 0 });
  after = stateOf(site).current!;
  clearSite(site);
  expect(await scene.distribute(first)).toMatchObject({ code: 0 });
  before = stateOf(site).current!;
  await shell(`cp -a ${quoted(site.home)} ${quoted(`${site.home}.before`)}`, { user: 'self' });
});
/** db2 as it was after the first version was there. */
beforeEach(async () => {
  proxy.trouble = undefined;
  await idle();
  clearSite(site);
  await shell(`cp -a ${quoted(`${site.home}.before`)} ${quoted(site.home)}`, { user: 'self' });
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await scene[Symbol.asyncDispose]();
});

/** Many calls in one test, on a machine that may be busy. */
const limits = { timeout: 300_000 };

/** No shell of an earlier call is at work any more. */
const idle = (): Promise<unknown> =>
  waitFor('the far side to be idle', () => site.sshd.connections().length === 0, { limitMs: 60_000 });

/** The next call brings the second version, whatever was left, and leaves nothing of that. */
async function expectRecovery(): Promise<void> {
  removeTools(site);
  proxy.trouble = undefined;
  expect(await scene.distribute(second)).toMatchObject({ code: 0, stderr: '' });
  expect(stateOf(site)).toMatchObject({ current: after, next: undefined });
  expect(stateOf(site).versions.filter((name) => name.startsWith('.'))).toEqual([]);
  expect(readdirSync(site.directory).sort()).toEqual(['.lock', 'current', 'previous', 'versions']);
  await expectWhole(site, after);
}

describe('a connection', limits, () => {
  it('that is cut at any byte leaves the version that was in use', async () => {
    proxy.trouble = undefined;
    await scene.distribute(second);
    const { up } = proxy.carried;
    // Before the login, in the scripts, in the list of files, in the copy, near the end.
    for (const share of turnOf([0.01, 0.08, 0.4, 0.95], 2)) {
      clearSite(site);
      await shell(`cp -a ${quoted(`${site.home}.before`)} ${quoted(site.home)}`, { user: 'self' });
      proxy.trouble = { how: 'cut', direction: 'up', afterBytes: Math.floor(up * share) };
      const { code, stdout, stderr } = await scene.distribute(second);
      expect({ share, struck: proxy.hasStruck, code }).toEqual({ share, struck: true, code: 65 });
      // Where it is cut between the login and the command it is the library that says so.
      expect(stderr).toMatch(
        /^distrib2warm: ERROR: {2}(could not (log in to|look at|copy to) db2: .+|the far side runs no command: Unable to exec)\n/,
      );
      if (stdout !== '')
        expect(stderr).toContain(`On db2 ${before} is still in use; nothing was switched.\n`);
      await idle();
      await expectWhole(site, before);
    }
    await expectRecovery();
  });

  it('whose far side falls silent is given up, and nothing was switched', async () => {
    proxy.trouble = { how: 'stall', direction: 'up', afterBytes: 40_000 };
    scene.configure({ ports: [proxy.port], ssh: "connect_limit = '5s'\nidle_limit = '600ms'\n" });
    const { code, stderr } = await scene.distribute(second);
    expect({ code, stderr }).toEqual({
      code: 65,
      stderr:
        'distrib2warm: ERROR:  could not copy to db2: the far side does not answer any more\n' +
        `DETAIL:  On db2 ${before} is still in use; nothing was switched.\n`,
    });
    scene.configure({ ports: [proxy.port], ssh: "connect_limit = '5s'\nidle_limit = '5s'\n" });
    proxy.trouble = undefined;
    await site.sshd.restart();
    await expectWhole(site, before);
    await expectRecovery();
  });
});

describe('the shell on the other node', limits, () => {
  const step = (): { count: string; at: string } => ({
    count: join(scene.sandbox.path, 'db2/count'),
    at: join(scene.sandbox.path, 'db2/at'),
  });

  /** The n-th call of a tool that changes something ends the session, as kill -9 of all of it does. */
  function killAt(n: number): void {
    const { count, at } = step();
    scene.sandbox.file('db2/count', '0\n');
    scene.sandbox.file('db2/at', `${n}\n`);
    for (const tool of ['mv', 'ln', 'env'])
      putTool(
        site,
        tool,
        `n=$(($(cat ${count}) + 1)); echo "$n" >${count}\n[ "$n" -ne "$(cat ${at})" ] || kill -9 0\nexec "$real" "$@"`,
      );
  }

  it('killed at any step leaves one of the two versions in use, whole, and the message says which', async () => {
    const seen = new Set<string | undefined>();
    // The run of the copy, its name, and three links of two calls each; then it came through.
    const last = 9;
    const steps = turnOf([1, 2, 3, 4, 5, 6, 7, 8], 3);
    for (const n of [...steps, last]) {
      clearSite(site);
      await shell(`cp -a ${quoted(`${site.home}.before`)} ${quoted(site.home)}`, { user: 'self' });
      killAt(n);
      const { code, stderr } = await scene.distribute(second);
      const { current } = stateOf(site);
      seen.add(current);
      expect({ n, code }).toEqual({ n, code: n === last ? 0 : 65 });
      if (n === last) continue;
      expect(stderr).toMatch(/could not (copy to|switch) db2: a signal ended the shell there\n/);
      expect(stderr).toContain(
        current === before
          ? `On db2 ${before} is still in use; nothing was switched.`
          : `On db2 ${after} is in use now.`,
      );
      await expectWhole(site, current!);
      // Whoever comes next finds its way from here.
      if (n === steps[1]) await expectRecovery();
    }
    expect([...seen]).toEqual([before, after]);
  });
});

describe('the end of a distribution', limits, () => {
  it('that is cut off once the link is new says that the new version is in use', async () => {
    putTool(site, 'mv', '"$real" "$@"; for last; do :; done\n[ "${last##*/}" != current ] || kill -9 0');
    const { code, stderr } = await scene.distribute(second);
    expect({ code, stderr }).toEqual({
      code: 65,
      stderr:
        'distrib2warm: ERROR:  could not switch db2: a signal ended the shell there\n' +
        `DETAIL:  On db2 ${after} is in use now.\n`,
    });
    await expectWhole(site, after);
    await expectRecovery();
  });

  it('does not switch to a copy that somebody has changed since it was run', async () => {
    const { directory } = site;
    const manifest = quoted(join(directory, 'versions', after, 'MANIFEST'));
    // The lock is taken to copy, and again to switch: then there is something to switch to.
    putTool(
      site,
      'flock',
      `[ ! -L ${quoted(join(directory, 'next'))} ] || echo >>${manifest}\nexec "$real" "$@"`,
    );
    expect(await scene.distribute(second)).toMatchObject({
      code: 53,
      stderr:
        'distrib2warm: ERROR:  the copy on db2 is not there any more\n' +
        `DETAIL:  Another distrib2warm has brought another version meanwhile. On db2 ${before} is still in use; nothing was switched.\n` +
        'HINT:  Look what there is: distrib2warm --list db2\n',
    });
    await expectWhole(site, before);
  });

  it('makes each step durable before the next one rests on it', async () => {
    const log = scene.sandbox.file('db2/order', '');
    for (const tool of ['mv', 'sync'])
      putTool(site, tool, `echo ${tool} "$*" >>${quoted(log)}\nexec "$real" "$@"`);
    expect(await scene.distribute(second)).toMatchObject({ code: 0 });
    const { directory } = site;
    const order = readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line) =>
        line
          .replaceAll(`${directory}/`, '')
          .replaceAll(directory, '.')
          .replaceAll(/\.incoming\.\S+?\.\d+(?=[/ ]|$)/g, 'NEW')
          .replaceAll(after, 'AFTER'),
      );
    const [files, ...steps] = order;
    expect(files).toMatch(/^sync versions\/NEW .*versions\/NEW\/package\.json/);
    const link = (name: string): string[] => [`mv -T -- .${name}.new ${name}`, 'sync .'];
    expect(steps).toEqual([
      'mv -T -- versions/NEW versions/AFTER',
      'sync versions .',
      ...[...link('next'), ...link('previous'), ...link('current')],
      'sync .',
    ]);
  });
});

describe('distrib2warm itself', limits, () => {
  it('stopped by Ctrl-C says what is in use there, and dies of the signal', async () => {
    // Far from done: nothing is verified yet.
    putTool(site, 'sync', `touch ${quoted(join(scene.sandbox.path, 'db2/reached'))}; exec sleep 20`);
    const running = scene.start(second);
    await waitFor('the copy', () => existsSync(join(scene.sandbox.path, 'db2/reached')), { limitMs: 60_000 });
    running.kill('SIGINT');
    const { signal, stderr } = await running.result;
    expect({ signal, stderr }).toEqual({
      signal: 'SIGINT',
      stderr: `distrib2warm: LOG:  interrupted: on db2 ${before} is still in use; nothing was switched\n`,
    });
    await site.sshd.restart();
    await expectWhole(site, before);
    await expectRecovery();
  });

  it('killed leaves the version that was in use', async () => {
    putTool(
      site,
      'tar',
      `touch ${quoted(join(scene.sandbox.path, 'db2/unpacking'))}; sleep 0.2; exec "$real" "$@"`,
    );
    const running = scene.start(second);
    await waitFor('the copy', () => existsSync(join(scene.sandbox.path, 'db2/unpacking')), {
      limitMs: 60_000,
    });
    running.kill('SIGKILL');
    await running.result;
    await idle();
    await expectWhole(site, before);
    await expectRecovery();
  });
});

describe('a switch', limits, () => {
  it('is never seen half: archive_command by the link succeeds at every moment of many', async () => {
    expect(await scene.distribute(second)).toMatchObject({ code: 0 });
    const { primary, sandbox } = scene;
    const archive = primary.path('local');
    primary.sandbox.directory('local');
    const name = primary.segment(segmentNamed(0x21));
    const config = primary.sandbox.file(
      'local.toml',
      `[node]\ndata_directory = '${primary.dataDirectory}'\n[destination.local]\nurl = 'file:${archive}'\n`,
    );
    const stop = join(sandbox.path, 'stop');
    const log = sandbox.file('calls', '');
    const call = `${quoted(join(site.directory, 'current/bin/archiveWALFile'))} pg_wal/${name} ${name}`;
    const loop = startProgram(
      '/bin/sh',
      ['-c', `while [ ! -e ${quoted(stop)} ]; do ${call}; echo $? >>${quoted(log)}; done`],
      { cwd: primary.dataDirectory, env: { TWOWARM_CONFIG: config } },
    );
    // The links change places as fast as rename(2) allows.
    const flip = startProgram('/bin/sh', [
      '-c',
      `cd ${quoted(site.directory)} && while [ ! -e ${quoted(stop)} ]; do for v in ${before} ${after}; do ln -sfn versions/$v .flip && mv -T .flip current; done; done`,
    ]);
    await waitFor('calls', () => readFileSync(log, 'utf8').split('\n').length > 60, { limitMs: 60_000 });
    writeFileSync(stop, '');
    await flip.result;
    const { stderr } = await loop.result;
    expect({ codes: [...new Set(readFileSync(log, 'utf8').trim().split('\n'))], stderr }).toEqual({
      codes: ['0'],
      stderr: '',
    });
    expect(existsSync(join(archive, name))).toBe(true);
  });
});
