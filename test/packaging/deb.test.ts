// The Debian package: built, installed, run, upgraded while it is called, removed and purged, on a copy of this machine.
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildDebian } from '../../scripts/packaging/build-debian.ts';
import { elfNeeds } from '../../scripts/packaging/elf-needs.ts';
import { loadCommands, manifest } from '../../scripts/packaging/man-pages.ts';
import { makeNode, oneDestination, type NodeFixture } from '../harness/node-fixture.ts';
import { inTurn } from '../harness/share.ts';
import { startThrowawayMachine, type ThrowawayMachine } from '../harness/throwaway-machine.ts';
import { segmentNamed } from '../harness/wal-files.ts';

const root = join(import.meta.dirname, '..', '..');
const architecture = { x64: 'amd64', arm64: 'arm64' }[process.arch as string] ?? process.arch;
const programs = Object.keys(manifest.bin);
const commands = await loadCommands();
const name = segmentNamed(0x21);
const epoch = 1_700_000_000;

let node: NodeFixture;
let machine: ThrowawayMachine;
let [first, again, next] = ['', '', ''];

const build = (version: string, directory: string): Promise<string> => {
  const into = node.path(directory);
  mkdirSync(into, { recursive: true });
  return buildDebian({ version, architecture, epoch, compression: 'zstd', into });
};

beforeAll(async () => {
  node = await makeNode('deb', {
    configuration: (path) => `${oneDestination(path)}[restore]\nsources = ['file:${path('db2')}']\n`,
  });
  node.segment(name);
  first = await build('1.0.0-rc.1', 'first');
  const mask = process.umask(0o077);
  again = await build('1.0.0-rc.1', 'again');
  process.umask(mask);
  next = await build('1.0.0', 'next');
  machine = await startThrowawayMachine(node.sandbox);
});
afterAll(async () => {
  await machine?.[Symbol.asyncDispose]();
  await node?.[Symbol.asyncDispose]();
});

const dpkg = (words: string) => machine.root(`dpkg --force-unsafe-io ${words}`);
const installed = async (): Promise<string[]> =>
  (await machine.root('dpkg -L twowarm')).stdout.trim().split('\n');
const quiet = { code: 0, stderr: '' };

describe('the package', () => {
  it('is the same byte for byte when it is built again, whatever the umask', () => {
    const hash = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
    expect(basename(first)).toBe(`twowarm_1.0.0~rc.1_${architecture}.deb`);
    expect(hash(again)).toBe(hash(first));
    expect(hash(next)).not.toBe(hash(first));
  });

  it('says what it needs: what objdump finds in the carried Node.js', () => {
    const program = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
    const told = execFileSync('objdump', ['-p', program], { encoding: 'utf8' });
    const wanted = [...told.matchAll(/^ +0x[0-9a-f]+ 0x[0-9a-f]+ \d+ (\S+)$/gm)].map((match) => match[1]!);
    const needs = elfNeeds(program);
    expect([...needs.values()].flat().sort()).toEqual(wanted.sort());
    expect([...needs.keys()].sort()).toEqual(
      [...told.matchAll(/NEEDED +(\S+)/g)].map((match) => match[1]!).sort(),
    );
    const field = (key: string): string =>
      execFileSync('dpkg-deb', ['-f', first, key], { encoding: 'utf8' }).trim();
    const glibc = wanted.filter((symbols) => symbols.startsWith('GLIBC_')).map((symbols) => symbols.slice(6));
    const newest = glibc.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
    expect(field('Depends')).toMatch(
      new RegExp(`^libc6 \\(>= ${newest}\\), libgcc-s1 \\(>= [\\d.]+\\), libstdc\\+\\+6 \\(>= \\d+\\)$`),
    );
    expect(field('Architecture')).toBe(architecture);
    expect(field('Section')).toBe('database');
    // apt installs what is recommended: a server that nobody has asked for would be started.
    expect(field('Recommends')).toBe('');
  });
});

it('does not build for a machine that there is no runtime for', async () => {
  const odd = buildDebian({
    version: '1',
    architecture: 's390x',
    epoch,
    compression: 'zstd',
    into: '/nonexistent',
  });
  await expect(odd).rejects.toThrow('cannot build for s390x: only for amd64 and arm64');
});

describe('installed', () => {
  beforeAll(async () => {
    expect(await dpkg(`-i '${first}'`)).toMatchObject(quiet);
  });

  it('is whole, and where Debian wants things', async () => {
    expect(await machine.root('dpkg --verify twowarm')).toMatchObject({ ...quiet, stdout: '' });
    const paths = await installed();
    const wanted = [
      ...programs.flatMap((program) => [
        `/usr/bin/${program}`,
        `/usr/lib/twowarm/bin/${program}`,
        `/usr/share/man/man1/${program}.1.gz`,
        `/usr/share/bash-completion/completions/${program}`,
      ]),
      ...Object.keys(commands).map((key) => `/usr/share/man/man1/twowarm-${key}.1.gz`),
      '/usr/share/man/man5/twowarm.toml.5.gz',
      '/usr/lib/systemd/system/twowarm-relay@.service',
      '/usr/share/twowarm/conf-templates/twowarm.toml',
      '/usr/share/twowarm/conf-templates/rsyncDR.cron',
      `/usr/lib/twowarm/node_modules/node-linux-${process.arch}/bin/node`,
      ...['copyright', 'changelog.gz', 'README.md', 'CHANGELOG.md', 'docs/options.md', 'docs/errors.md'].map(
        (file) => `/usr/share/doc/twowarm/${file}`,
      ),
    ];
    expect(paths).toEqual(expect.arrayContaining(wanted));
    const places =
      /^\/(\.$|usr(\/(bin|lib|share))?$|usr\/bin\/\w+$|usr\/lib\/(twowarm|systemd)(\/|$)|usr\/share\/(twowarm|man|doc|lintian|bash-completion)(\/|$))/;
    expect(paths.filter((path) => !places.test(path))).toEqual([]);
    // Nothing of it may be writable for others, or belong to anybody else.
    const loose = `find /usr/lib/twowarm /usr/share/twowarm ! -type l \\( -perm /022 -o ! -user root -o ! -group root \\)`;
    expect((await machine.root(loose)).stdout).toBe('');
    expect((await machine.root('cat /usr/share/twowarm/conf-templates/*')).stdout).not.toContain(
      '/usr/local',
    );
  });

  it('has the licences of all it carries', async () => {
    const { stdout } = await machine.root('cat /usr/share/doc/twowarm/copyright');
    const parts = [
      'Copyright (c) 2026 The twowarm authors',
      '\nyargs 18',
      '\nssh2 1.',
      '\nNode.js 24',
      'OpenSSL',
      'ICU',
    ];
    for (const part of parts) expect(stdout).toContain(part);
  });

  inTurn(3).each(programs)('%s runs from the PATH for the owner of a server', async (program) => {
    const shown = program === 'twowarm' ? '' : ' (twowarm)';
    const result = await machine.server(`${program} --version`);
    expect(result).toMatchObject({ ...quiet, stdout: `${program}${shown} ${manifest.version}\n` });
  });

  it('archives a segment and restores it, with the code that V8 has compiled', async () => {
    expect(await machine.server(`archiveWALFile pg_wal/${name} ${name}`, node.dataDirectory)).toMatchObject(
      quiet,
    );
    const back = `restoreWALFile ${name} pg_wal/RECOVERYXLOG && cmp pg_wal/RECOVERYXLOG pg_wal/${name} && cmp pg_wal/${name} ../db2/${name} && rm pg_wal/RECOVERYXLOG`;
    expect(await machine.server(back, node.dataDirectory)).toMatchObject({ ...quiet, stdout: '' });
    const caches = await machine.root(`ls /usr/lib/twowarm/dist/hot`);
    expect(caches.stdout).toMatch(
      new RegExp(`archiveWALFile\\.[0-9a-f]+\\.v24[0-9.]+-${process.arch}\\.cache`),
    );
  });

  it('names files that are there in what it says', async () => {
    const { stdout } = await machine.server('archiveWALFile --help');
    const [, page] = /each code is in (\S+):/.exec(stdout)!;
    expect(await machine.root(`cmp ${page} /usr/share/doc/twowarm/docs/errors.md`)).toMatchObject(quiet);
    const missing = await machine.server(
      'configSetup --config /nonexistent/twowarm.toml',
      node.dataDirectory,
    );
    expect(missing.code).toBe(3);
  });

  it('has a man page for every program and command, found by man', async () => {
    const names = [...programs, ...Object.keys(commands).map((key) => `twowarm-${key}`), 'twowarm.toml'];
    const { code, stdout } = await machine.root(`man -w ${names.join(' ')}`);
    expect(code).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(names.length);
    expect((await machine.root('man twowarm prune')).stdout).toContain('twowarm prune [OPTION]... %r');
  });

  it('has a completion that bash-completion finds under the name of each program', async () => {
    for (const program of ['twowarm', 'triggerStandby']) {
      const words = program === 'twowarm' ? 'twowarm triggerStandby s' : 'triggerStandby s';
      const script = `source /usr/share/bash-completion/completions/${program}; COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _twowarm; echo "\${COMPREPLY[@]}"`;
      expect((await machine.root(`bash -c '${script}'`)).stdout).toBe('smart\n');
    }
  });

  it('has a unit that systemd accepts, for a cluster by its name, and enables none', async () => {
    const verify = 'systemd-analyze verify --man=no --recursive-errors=no twowarm-relay@15-main.service';
    expect(await machine.root(verify)).toMatchObject({ ...quiet, stdout: '' });
    const enabled = 'find /etc/systemd/system /etc/cron.d -name "*twowarm*" -o -name "*rsyncDR*"';
    expect((await machine.root(enabled)).stdout).toBe('');
  });
});

describe('an upgrade', () => {
  it('leaves no moment in which a call ends above 125, and none in which it lies', async () => {
    // PostgreSQL would stop over a code above 125. A call that fails is made again; one that succeeds has to be right.
    const call = `archiveWALFile pg_wal/${name} ${name} 2>>../calls.err; a=$?; rm -f pg_wal/X; restoreWALFile ${name} pg_wal/X 2>>../calls.err; r=$?; [ $r != 0 ] || cmp pg_wal/X ../db2/${name} || r=wrong; echo $a $r`;
    const loop = `until [ -e ../upgraded ]; do ${call}; done; ${call}`;
    const calls = machine.server(loop, node.dataDirectory);
    const upgraded = await dpkg(`-i '${next}'`);
    await machine.root(`touch '${node.path('upgraded')}'`);
    const { stdout } = await calls;
    expect(upgraded).toMatchObject(quiet);
    const answers = stdout.trim().split('\n');
    expect(answers.length).toBeGreaterThan(3);
    expect(answers.at(-1)).toBe('0 0');
    expect(answers.filter((line) => line.split(' ').some((code) => !(Number(code) <= 125)))).toEqual([]);
  });

  it('leaves the new version whole, and nothing of the old one', async () => {
    expect(await machine.root('dpkg --verify twowarm')).toMatchObject({ ...quiet, stdout: '' });
    expect((await machine.root("dpkg-query -W -f '${Version} ${Status}' twowarm")).stdout).toBe(
      '1.0.0 install ok installed',
    );
    expect((await machine.root('man twowarm-relay')).stdout).toContain('twowarm 1.0.0');
  });
});

describe('removed', () => {
  let paths: string[];
  const owners = (): Promise<{ stdout: string }> =>
    machine.root(`cd '${node.sandbox.path}' && find twowarm data db2 -type f | sort | xargs sha256sum`);

  it('takes its files away and warns of the servers that still call it; homes and archives stay', async () => {
    paths = await installed();
    const [calling, quoting, silent] = ['a', 'b', 'c'].map(
      (cluster) => `/etc/postgresql/15/twowarm-test-${cluster}/postgresql.conf`,
    );
    const wants = '/etc/systemd/system/multi-user.target.wants';
    await machine.root(
      `mkdir -p $(dirname ${calling} ${quoting} ${silent}) ${wants}
       echo "archive_command = '/usr/bin/archiveWALFile %p %f'" > ${calling}
       printf '%s\\n' "restore_command = '\\"/usr/bin/restoreWALFile\\" %f %p %r'" > ${quoting}
       printf '%s\\n' "#archive_command = '/usr/bin/archiveWALFile %p %f'" "restore_command = 'cp /mnt/my_twowarm/%f %p'" > ${silent}
       ln -s /usr/lib/systemd/system/twowarm-relay@.service ${wants}/twowarm-relay@15-main.service`,
    );
    const before = await owners();
    const { code, stderr } = await dpkg('-r twowarm');
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: [calling, quoting]
        .map(
          (file) =>
            `twowarm: WARNING:  ${file} still calls twowarm\nHINT:  Without it archiving fails, and PostgreSQL keeps the WAL; a standby stops at the next segment.\n`,
        )
        .join(''),
    });
    await machine.root('rm -r /etc/postgresql/15/twowarm-test-*');
    const left = await machine.root(
      `for path in ${paths.join(' ')}; do [ -d "$path" ] || [ ! -e "$path" ] || echo "$path"; done; ls -d /usr/lib/twowarm /usr/share/twowarm /usr/share/doc/twowarm`,
    );
    expect(left.stdout).toBe('');
    expect((await machine.server('archiveWALFile --version')).code).toBe(127);
    expect((await owners()).stdout).toBe(before.stdout);
  });

  it('and purged leaves nothing but those', async () => {
    const before = await owners();
    expect(await dpkg('-P twowarm')).toMatchObject({ code: 0 });
    expect((await machine.root('dpkg -s twowarm')).code).toBe(1);
    expect((await owners()).stdout).toBe(before.stdout);
    const dpkgs = /^\/var\/(lib\/dpkg|log|cache)\//;
    const left = (await machine.changes()).filter(
      (path) => !dpkgs.test(path) && !path.startsWith(node.sandbox.path),
    );
    expect(left).toEqual([]);
  });

  it('and this machine has seen nothing of it', () => {
    expect(existsSync('/var/lib/dpkg/info/twowarm.list')).toBe(false);
    expect(existsSync('/usr/lib/twowarm')).toBe(false);
  });
});
