// distrib2warm as a person calls it: an installation goes to another machine, is verified and run there, switched to, and
// left again. The Node.js of these installations is a small program that becomes the real one.
import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { run, startProgram, type RunningProgram } from '../../harness/run.ts';
import { runsAsRoot } from '../../harness/server-user.ts';
import { waitFor } from '../../harness/wait-for.ts';
import {
  clearSite,
  expectWhole,
  makeInstallation,
  makeScene,
  stateOf,
  type FarSite,
  type Scene,
} from './scene.ts';

/** On a machine that may be busy. */
const limits = { timeout: 180_000 };

let scene: Scene;
let site: FarSite;
let first: string;
let second: string;
let third: string;

beforeAll(async () => {
  scene = await makeScene('db2');
  site = scene.sites[0]!;
  first = await makeInstallation(scene.sandbox, 'first');
  second = await makeInstallation(scene.sandbox, 'second', { version: '0.1.1' });
  third = await makeInstallation(scene.sandbox, 'third', { version: '0.2.0' });
});
beforeEach(() => clearSite(site));
afterAll(() => scene[Symbol.asyncDispose]());

/** Numbers that differ from call to call. */
const plain = (text: string): string =>
  text
    .replace(/-[0-9a-f]{12}/g, '-ID')
    .replace(/[\d.]+ MB in [\d.]+ s \([\d.]+ MB\/s\)/g, '# MB in # s')
    .replace(/\d+ files/g, '# files')
    .replace(/[\d.]+ MB(\/s)?/g, '# MB$1');

const login = (): string => `${site.sshd.user}@127.0.0.1:${site.sshd.port}`;
const machine = process.arch === 'x64' ? 'x86_64' : 'aarch64';
const runs = (version: string): string =>
  `db2: runs there: twowarm ${version}, Node.js ${process.version} for ${process.arch}, native crypto: yes (AES-128-GCM # MB/s, SHA-256 # MB/s)\n`;
const restart =
  'db2: what stays there, such as twowarm relay, uses the new version once it is started again\n';
const toSet = (): string => {
  const root = join(site.directory, 'current');
  const key = readFileSync(`${site.sshd.clientKey}.pub`, 'utf8').trim();
  return (
    'db2: to set, in postgresql.conf on db2:\n' +
    `    restore_command = '${root}/bin/restoreWALFile %f %p %r'\n` +
    `    archive_command = '${root}/bin/archiveWALFile %p %f'\n` +
    'db2: to set, in twowarm-relay.service on db2 (from conf-templates), where the relay runs:\n' +
    `    ExecStart=${root}/bin/twowarm relay -D <its data directory>\n` +
    `db2: to set, in ${scene.primary.home}/twowarm.toml here:\n` +
    `    [ssh]\n    receiver = '${root}/bin/twowarm'\n` +
    `db2: to set, in authorized_keys of ${site.sshd.user} on db2, to limit the key of this node to its archive (distrib2warm then needs another key: --identity):\n` +
    `    restrict,command="${root}/bin/twowarm receive --directory ${scene.sandbox.path}/db2/archive --allow-read" ${key}\n`
  );
};

/** What is set already is not said again. */
function setEverything(): void {
  const root = join(site.directory, 'current');
  scene.configure({ ssh: `receiver = '${root}/bin/twowarm'\n` });
  const command = `${root}/bin/twowarm receive --directory ${scene.sandbox.path}/db2/archive`;
  scene.sandbox.file('db2/home/.ssh/authorized_keys', `restrict,command="${command}" ssh-ed25519 AAAA\n`);
}

/** The version that a call has brought. */
async function bring(root: string): Promise<string> {
  const { code, stderr } = await scene.distribute(root);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stateOf(site).current!;
}

describe('an installation', limits, () => {
  it('is copied, verified and run on the other node, and what to set there is said', async () => {
    const { code, stdout, stderr } = await scene.distribute(first);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(plain(stdout)).toBe(
      `db2: ${login()}: Linux ${machine}; at ${site.directory} nothing is there yet\n` +
        'db2: copies # files, # MB, of 0.1.0-ID\n' +
        'db2: copied and verified # MB in # s; # MB on the line\n' +
        runs('0.1.0') +
        'db2: 0.1.0-ID is in use\n' +
        toSet(),
    );
    const { current, previous, next, versions } = stateOf(site);
    expect({ current, previous, next, versions }).toEqual({
      current: expect.stringMatching(/^0\.1\.0-[0-9a-f]{12}$/) as string,
      previous: undefined,
      next: undefined,
      versions: [current],
    });
    await expectWhole(site, current!);
  });

  it('that is there already is verified and run again, and nothing travels', async () => {
    const place = await bring(first);
    const { code, stdout, stderr } = await scene.distribute(first);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(plain(stdout)).toContain(
      `db2: ${login()}: Linux ${machine}; at ${site.directory} 0.1.0-ID is in use\n` +
        'db2: 0.1.0-ID is there already, and every file of it is as it was sent\n' +
        runs('0.1.0') +
        'db2: 0.1.0-ID is in use, as before\n',
    );
    expect(stateOf(site)).toMatchObject({ current: place, previous: undefined, versions: [place] });
  });

  it('that was damaged there is copied again beside the damaged one, and nobody goes back to that', async () => {
    const older = await bring(first);
    const place = await bring(second);
    const path = join(site.directory, 'current/bin/launch.sh');
    writeFileSync(path, readFileSync(path, 'utf8').replace('umask 077', 'umask 000'));
    const { code, stdout } = await scene.distribute(second);
    expect(code).toBe(0);
    expect(plain(stdout)).toContain(
      'db2: 0.1.1-ID is there, but is damaged: it is copied again\n' +
        // The damaged file comes from the older version, where it is the same.
        'db2: every file of 0.1.1-ID is there already, in other versions\n',
    );
    expect(plain(stdout)).toContain(
      'db2: switched from 0.1.1-ID to 0.1.1-ID.2; distrib2warm --back db2 goes back\n',
    );
    expect(plain(stdout)).toContain('db2: removed 0.1.1-ID\n');
    expect(stateOf(site)).toEqual({
      current: `${place}.2`,
      previous: older,
      next: undefined,
      versions: [older, `${place}.2`],
    });
    await expectWhole(site, `${place}.2`);
  });
});

describe('a chain of three versions', limits, () => {
  it('keeps the previous one, sends only what changed, and goes back and forth', async () => {
    const one = await bring(first);
    setEverything();
    const { stdout } = await scene.distribute(second);
    const two = stateOf(site).current!;
    expect(plain(stdout)).toBe(
      `db2: ${login()}: Linux ${machine}; at ${site.directory} 0.1.0-ID is in use\n` +
        'db2: copies # files, # MB, of 0.1.1-ID; # files with the same content are there already\n' +
        'db2: copied and verified # MB in # s; # MB on the line\n' +
        runs('0.1.1') +
        'db2: switched from 0.1.0-ID to 0.1.1-ID; distrib2warm --back db2 goes back\n' +
        restart +
        // The server's configuration is not there to be seen.
        toSet().split('db2: to set, in ').slice(0, 3).join('db2: to set, in '),
    );
    expect(Number(/copies (\d+) files/.exec(stdout)![1])).toBeLessThan(20);
    expect(stateOf(site)).toEqual({
      current: two,
      previous: one,
      next: undefined,
      versions: [one, two].sort(),
    });

    const forward = await scene.distribute(third);
    const three = stateOf(site).current!;
    expect(plain(forward.stdout)).toContain('db2: removed 0.1.0-ID\n');
    expect(stateOf(site)).toEqual({
      current: three,
      previous: two,
      next: undefined,
      versions: [two, three].sort(),
    });

    const back = await scene.distribute(first, '--back', 'db2');
    expect(back).toMatchObject({ code: 0, stderr: '' });
    expect(plain(back.stdout)).toBe(
      `db2: ${login()}: Linux ${machine}; at ${site.directory} 0.2.0-ID is in use, 0.1.1-ID before that\n` +
        'db2: every file of 0.1.1-ID is as it was sent, and it runs there: twowarm 0.1.1\n' +
        'db2: switched from 0.2.0-ID back to 0.1.1-ID; distrib2warm --back db2 undoes it\n',
    );
    await expectWhole(site, two);
    expect(stateOf(site)).toMatchObject({ previous: three, next: undefined });

    expect(await scene.distribute(first, '--back')).toMatchObject({ code: 0, stderr: '' });
    await expectWhole(site, three);
    expect(stateOf(site)).toMatchObject({ previous: two });
    scene.configure();
  });

  it('keeps a version as long as a process runs from it', async () => {
    const one = await bring(first);
    // A receiver of that version that waits for its client, as a relay would wait for arrivals.
    const program = join(site.directory, 'current/bin/twowarm');
    const stays = spawn(program, ['receive', '--directory', `${scene.sandbox.path}/db2/archive`], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const gone = new Promise((resolve) => stays.once('exit', resolve));
    await waitFor('the receiver', () =>
      readFileSync(`/proc/${stays.pid}/cmdline`, 'utf8').includes(`/${one}/bin/../dist/`),
    );
    await bring(second);
    expect(plain((await scene.distribute(third)).stdout)).toContain(
      'db2: kept 0.1.0-ID: processes run from it\n',
    );
    expect(stateOf(site).versions).toContain(one);
    stays.stdin.end();
    await gone;
    expect(plain((await scene.distribute(third)).stdout)).toContain('db2: removed 0.1.0-ID\n');
    expect(stateOf(site).versions).not.toContain(one);
  });
});

describe('what there is', limits, () => {
  it('is listed, for people and as JSON', async () => {
    const one = await bring(first);
    const two = await bring(second);
    setEverything();
    const { code, stdout, stderr } = await scene.distribute(first, '--list');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(plain(stdout)).toContain('db2: 0.1.0-ID: # MB, previous\ndb2: 0.1.1-ID: # MB, in use\n');
    const json = JSON.parse((await scene.distribute(first, '--list', '--json')).stdout) as {
      nodes: object[];
    };
    expect(json.nodes).toEqual([
      {
        name: 'db2',
        login: login(),
        outcome: 'listed',
        directory: site.directory,
        machine: `Linux ${machine}`,
        current: two,
        previous: one,
        next: null,
        versions: [
          { name: one, sizeBytes: expect.any(Number) as number },
          { name: two, sizeBytes: expect.any(Number) as number },
        ],
        toSet: [
          {
            where: 'postgresql.conf on db2',
            lines: [
              `restore_command = '${site.directory}/current/bin/restoreWALFile %f %p %r'`,
              `archive_command = '${site.directory}/current/bin/archiveWALFile %p %f'`,
            ],
          },
          {
            where: 'twowarm-relay.service on db2 (from conf-templates), where the relay runs',
            lines: [`ExecStart=${site.directory}/current/bin/twowarm relay -D <its data directory>`],
          },
        ],
      },
    ]);
    scene.configure();
  });

  it('is named by the link in what a copy says of itself, for the next version takes that over', async () => {
    await bring(first);
    const current = join(site.directory, 'current');
    const help = await run(join(current, 'bin/archiveWALFile'), ['--help']);
    expect(help.stdout).toContain(`  archive_command = '${current}/bin/archiveWALFile %p %f'\n`);
    const line = await run(join(current, 'bin/twowarm'), [
      'receive',
      '--authorized-keys-line',
      '--directory',
      `${scene.sandbox.path}/db2/archive`,
    ]);
    expect(line.stdout).toBe(
      `restrict,command="${current}/bin/twowarm receive --directory ${scene.sandbox.path}/db2/archive" PUBLIC-KEY\n`,
    );
  });
});

/**
 * Starts a program with a process number that a shell's /proc/* names before those of other tests' servers: the look ends at the
 * first server of the user who logs in, and there may be some.
 */
async function startFirst(start: () => RunningProgram): Promise<RunningProgram> {
  for (;;) {
    // The next process gets the next free number (proc(5)); few are named before 100 and the ones after it.
    writeFileSync('/proc/sys/kernel/ns_last_pid', '99');
    const program = start();
    if (/^10\d$/.test(String(program.pid))) return program;
    program.kill('SIGKILL');
    await program.result;
  }
}

/** Whether another test has a server that the look comes to first. */
const isNamedAfterAnother = (pid: number): boolean =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name < String(pid))
    .some((name) => {
      try {
        return readFileSync(`/proc/${name}/comm`, 'utf8') === 'postgres\n';
      } catch {
        return false;
      }
    });

describe('a server of another user', limits, () => {
  it('cannot run what lies below a closed directory, and what to do about that is said', async () => {
    expect(runsAsRoot()).toBe(true);
    await bring(first);
    // As far as a look tells: a process of that name, of another user.
    const stands = join(scene.sandbox.path, 'postgres');
    copyFileSync('/bin/sleep', stands);
    const server = await startFirst(() => startProgram(stands, ['60'], { user: 'self' }));
    const above = 'db2: to set, in the directories above it on db2, unless root, whose server runs there';
    try {
      await waitFor('the process', () => readFileSync(`/proc/${server.pid}/comm`, 'utf8') === 'postgres\n');
      chmodSync(site.home, 0o700);
      const line = `${above}, may enter them (or choose another place: --directory):\n    chmod o+x ${site.home}\n`;
      let [stdout, clearLooks] = ['', 0];
      // Until the limit of the test: whoever is named before ours comes and goes, and may do so between two looks of ours.
      while (!stdout.includes(line) && clearLooks < 5) {
        const wasHidden = isNamedAfterAnother(server.pid);
        ({ stdout } = await scene.distribute(first, '--list'));
        if (!wasHidden && !isNamedAfterAnother(server.pid)) clearLooks += 1;
      }
      expect(stdout).toContain(line);
    } finally {
      server.kill('SIGKILL');
      await server.result;
    }
    // Nobody else has a server there.
    expect((await scene.distribute(first, '--list')).stdout).not.toContain(above);
  });
});

describe('a dry run', limits, () => {
  it('says the steps and changes nothing', async () => {
    const { code, stdout, stderr } = await scene.distribute(first, '--dry-run');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(plain(stdout)).toBe(
      `db2: ${login()}: Linux ${machine}; at ${site.directory} nothing is there yet\n` +
        'db2: would copy 0.1.0-ID: # files, # MB, without those that are there already\n' +
        'db2: would verify every file there by SHA-256 and run the copy\n' +
        'db2: would switch from nothing to 0.1.0-ID\n',
    );
    expect(existsSync(site.home)).toBe(false);
  });
});

describe('--self-check', limits, () => {
  it('says what an installation is, without a configuration', async () => {
    const { code, stdout, stderr } = await run(join(first, 'bin/distrib2warm'), ['--self-check']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(plain(stdout)).toBe(runs('0.1.0').replace('db2: runs there: ', ''));
  });
});
