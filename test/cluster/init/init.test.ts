// twowarm init without a terminal: every answer is an option, what is there stays, and what is written is what the programs
// accept.
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { refused } from '../../harness/node-fixture.ts';
import { giveToServerUser, serverUser } from '../../harness/server-user.ts';
import { removeTree } from '../../harness/run-directory.ts';
import { answersFor, beforeCheck, makeFresh, putCluster, type Fresh } from './fresh.ts';

let fresh: Fresh;

beforeAll(() => {
  fresh = makeFresh('init');
  fresh.sandbox.directory('db2');
});
afterAll(() => fresh[Symbol.asyncDispose]());
beforeEach(() => {
  removeTree(fresh.path('twowarm'));
});

const text = (name: string): string => readFileSync(fresh.path(name), 'utf8');
const modeOf = (name: string): string => (statSync(fresh.path(name)).mode & 0o7777).toString(8);

const smallest = `# twowarm.toml - the configuration of db1, written by twowarm init. docs/options.md has every key;
# configSetup shows what is in force. Mode 0600, owned by the owner of the data directory.

[node]
# This node's name in messages, logs and status.
name = 'db1'
# PostgreSQL's data directory on this node.
data_directory = '<>/data'
# The directory of PostgreSQL's programs (pg_ctl).
pg_bindir = '/opt/pg/bin'

[destination.db2]
# Where segments go: file:/directory, ssh://user@host:port/directory; where twowarm is not installed there
# sftp://user@host:port/directory, rsync://user@host:port/module/path or rsync+ssh://user@host:port/directory.
url = 'file:<>/db2'
`;

const made = ['created twowarm', 'created twowarm/archive', 'created twowarm/twowarm.toml'];
const bindir = ['--pg-bindir', '/opt/pg/bin'];
const answers = (): string[] => [...answersFor(fresh), ...bindir];

describe('twowarm init by options', () => {
  it('makes home, archive and configuration, for their owner alone, and shows every line for PostgreSQL', async () => {
    const { code, stdout, stderr, changed } = await fresh.init(...answers());
    expect({ code, stderr, changed }).toEqual({ code: 0, stderr: '', changed: made });
    expect(beforeCheck(stdout).split('\n== For /etc/cron.d/twowarm')[0]).toBe(
      `db1 (primary): <>/data: PostgreSQL 15, port 5432, not running, primary
Home: <>/twowarm
Configuration: <>/twowarm/twowarm.toml, written

== <>/twowarm/twowarm.toml
${smallest}
== Made
<>/twowarm/
<>/twowarm/archive/
<>/twowarm/twowarm.toml

== Lines for postgresql.conf
# the server was not asked, its files say what is in force
# PostgreSQL calls archive_command only then; on a standby from its promotion on; it needs a restart
archive_mode = on
# it ships each finished segment to every destination
archive_command = '<twowarm>/bin/archiveWALFile %p %f'
# at most 1min of commits are lost with this node; a server that writes all the time but little then ships up to 1.4 GB a day, most of it zeros, which compression = 'zstd' makes small
archive_timeout = 60
# there are no data checksums: with the hints in the WAL pg_rewind can bring this node back after a failover, without a copy of everything; it needs a restart
wal_log_hints = on
`,
    );
    expect(text('twowarm/twowarm.toml').replaceAll(fresh.sandbox.path, '<>')).toBe(smallest);
    expect(['twowarm', 'twowarm/archive', 'twowarm/twowarm.toml'].map(modeOf)).toEqual(['700', '700', '600']);
    expect(statSync(fresh.path('twowarm/twowarm.toml')).uid).toBe(serverUser().uid);
  });

  it('ends with the check, whose exit code is shown and is not its own', async () => {
    const { code, stdout } = await fresh.init(...answers());
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /\n== twowarm check \(exit code 2\)\nCRITICAL: twowarm check on db1 \(primary\): .*\n/,
    );
    expect(stdout).toContain('\nCRITICAL  server: the server in <>/data is not running\n');
  });

  it('writes what configSetup and the programs accept', async () => {
    await fresh.init(...answers());
    const { code, stdout, stderr } = await fresh.twowarm(['configSetup', '-D', fresh.dataDirectory]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^destination\.db2\.url +=/m);
  });

  it('says with --dry-run what it would make, and makes nothing', async () => {
    const { code, stdout, changed } = await fresh.init(...answers(), '--dry-run');
    expect({ code, changed }).toEqual({ code: 0, changed: [] });
    expect(stdout).toContain('Configuration: <>/twowarm/twowarm.toml, would be written\n');
    expect(stdout).toContain(
      '\n== Would be made\n<>/twowarm/\n<>/twowarm/archive/\n<>/twowarm/twowarm.toml\n',
    );
    expect(stdout.slice(stdout.indexOf('\n== Next'))).toBe(`
== Next
put the lines into postgresql.conf, or: twowarm init --apply-settings
start the server again, for archive_mode, wal_log_hints
<twowarm>/bin/twowarm check -D <>/data
no copy is listed to db2: where its data directory is, --pgdata-of says, or data_directory in [destination.db2]
`);
  });

  it('changes nothing when it is called again, and never overwrites another configuration: it shows the difference', async () => {
    await fresh.init(...answers());
    const again = await fresh.init(...answers());
    expect({ code: again.code, changed: again.changed }).toEqual({ code: 0, changed: [] });
    const there = 'Configuration: <>/twowarm/twowarm.toml, was there already\n';
    expect(again.stdout).toContain(there);
    expect((await fresh.init(...answers(), '--dry-run')).stdout).toContain(there);

    const other = await fresh.init(...answers(), '--pgdata-of', 'db2=/srv/data', '--name', 'db9');
    expect(other).toEqual({
      code: 91,
      stdout: `--- <>/twowarm/twowarm.toml
+++ what would be written
-# twowarm.toml - the configuration of db1, written by twowarm init. docs/options.md has every key;
+# twowarm.toml - the configuration of db9, written by twowarm init. docs/options.md has every key;
 # configSetup shows what is in force. Mode 0600, owned by the owner of the data directory.
 
 [node]
 # This node's name in messages, logs and status.
-name = 'db1'
+name = 'db9'
 # PostgreSQL's data directory on this node.
 data_directory = '<>/data'
...
 # sftp://user@host:port/directory, rsync://user@host:port/module/path or rsync+ssh://user@host:port/directory.
 url = 'file:<>/db2'
+# That node's data directory, for base backups.
+data_directory = '/srv/data'
`,
      stderr:
        'twowarm init: ERROR:  <>/twowarm/twowarm.toml exists, and is not what would be written\nHINT:  twowarm init never overwrites a configuration. Change it by hand, or move it away.\n',
      changed: [],
    });
    const asJson = await fresh.init(...answers(), '--name', 'db9', '--json');
    expect(JSON.parse(asJson.stdout)).toMatchObject({
      outcome: 'failed',
      kind: 'configuration-exists',
      exitCode: 91,
    });
  });

  it('writes every answer as the key that it is for', async () => {
    const words = [
      ...['--role', 'standby', '--name', 'first', '--name', "db'2"],
      ...['--destination', 'db1=ssh://postgres@db1:2222/srv/archive', '--dr', 'dr=ssh://dr/srv/archive'],
      ...['--destination', 'nas=file:/mnt/nas', '--policy', 'nas=fallback', '--pgdata-of', 'db1=/srv/data'],
      ...['--source', 'file:/srv/a', '--source', 'ssh://db1/srv/b', '--arbiter', 'ssh://dr/srv/archive'],
      ...['--conninfo', 'host=/run/pg user=x', '--start-command', 'start it', '--stop-command', 'stop it'],
      ...['--reload-command', 'reload it', '--receiver', '/opt/twowarm/bin/twowarm', ...bindir],
      ...['--identity', fresh.path('key'), '--copy-identity', fresh.path('copy-key')],
    ];
    const { code, stderr } = await fresh.init(...words);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const keys = text('twowarm/twowarm.toml')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(keys.join('\n').replaceAll(fresh.sandbox.path, '<>')).toBe(
      `[node]
name = "db'2"
data_directory = '<>/data'
pg_bindir = '/opt/pg/bin'
conninfo = 'host=/run/pg user=x'
start_command = 'start it'
stop_command = 'stop it'
reload_command = 'reload it'
[destination.db1]
url = 'ssh://postgres@db1:2222/srv/archive'
data_directory = '/srv/data'
[destination.nas]
url = 'file:/mnt/nas'
policy = 'fallback'
for = ['db1']
[destination.dr]
url = 'ssh://dr/srv/archive'
policy = 'best-effort'
[restore]
sources = ['file:/srv/a', 'ssh://db1/srv/b']
[ssh]
identity_files = ['<>/key']
copy_identity_files = ['<>/copy-key']
receiver = '/opt/twowarm/bin/twowarm'
[cluster]
arbiter = 'ssh://dr/srv/archive'`,
    );
    const setup = await fresh.twowarm(['configSetup', '-D', fresh.dataDirectory]);
    expect({ code: setup.code, stderr: setup.stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('shows the lines for authorized_keys and how host keys become known, for this cluster with its tablespaces', async () => {
    mkdirSync(fresh.path('data/pg_tblspc'), { recursive: true });
    symlinkSync('/srv/space', fresh.path('data/pg_tblspc/16385'));
    giveToServerUser(fresh.path('data/pg_tblspc'));
    const words = [
      '--role',
      'primary',
      '--name',
      'db1',
      '--destination',
      'db2=ssh://postgres@[::1]:2222/srv/archive',
    ];
    const { stdout } = await fresh.init(...words, '--pgdata-of', 'db2=/srv/data', '--dry-run');
    removeTree(fresh.path('data/pg_tblspc'));
    expect(stdout).toContain(`
== Lines for ~/.ssh/authorized_keys on the other nodes
# the path of twowarm is the one here; correct it where it is another one there
# postgres@::1, for archiving
restrict,command="<twowarm>/bin/twowarm receive --directory /srv/archive" PUBLIC-KEY
# postgres@::1, for base backups
restrict,command="<twowarm>/bin/twowarm receive --data-directory /srv/data --allow /srv/space" PUBLIC-KEY
# put the public key (.pub) in the place of PUBLIC-KEY; a key each, --generate-key makes them
# base backups log in with a key of their own: copy_identity_files below [ssh] (--copy-identity) names it

== Host keys that are not known yet
# [::1]:2222 (db2): here
ssh-keyscan -p 2222 -t ed25519 ::1 > ::1.hostkey && ssh-keygen -lf ::1.hostkey
# [::1]:2222 (db2): there
ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub
# [::1]:2222 (db2): only if both show the same fingerprint, here
cat ::1.hostkey >> ~/.ssh/known_hosts
`);
  });

  it('prints one JSON object with --json', async () => {
    const { stdout, stderr } = await fresh.init(...answers(), '--json');
    const answer = JSON.parse(stdout) as Record<string, unknown> & {
      settings: { name: string; value: string; needsRestart: boolean }[];
      check: { exitCode: number; answer: { status: string } };
    };
    expect(stderr).toBe('');
    expect(answer).toMatchObject({
      outcome: 'written',
      dataDirectory: '<>/data',
      role: 'primary',
      name: 'db1',
      home: '<>/twowarm',
      configuration: '<>/twowarm/twowarm.toml',
      text: smallest,
      archiving: 'on',
      made: ['<>/twowarm/', '<>/twowarm/archive/', '<>/twowarm/twowarm.toml'],
      applied: null,
      takenOver: null,
    });
    expect(answer.settings.map(({ name, value, needsRestart }) => [name, value, needsRestart])).toEqual([
      ['archive_mode', 'on', true],
      ['archive_command', '<twowarm>/bin/archiveWALFile %p %f', false],
      ['archive_timeout', '60', false],
      ['wal_log_hints', 'on', true],
    ]);
    expect(answer.check).toMatchObject({ exitCode: 2, answer: { status: 'CRITICAL' } });
  });

  it('notes of the node for disasters that it is that', async () => {
    const first = await fresh.init('--role', 'dr', '--name', 'dr', '--destination', 'none');
    expect(first.code).toBe(0);
    expect(text('twowarm/twowarm.toml')).toContain("\nrole = 'dr'\n");
  });

  it('takes what is proposed with --yes', async () => {
    const { code, stdout } = await fresh.init(
      '--yes',
      '--destination',
      `db2=file:${fresh.path('db2')}`,
      '--dry-run',
    );
    expect({ code, first: stdout.split('\n')[0] }).toEqual({
      code: 0,
      first: expect.stringMatching(/^\S+ \(primary\): <>\/data: PostgreSQL 15/) as string,
    });
  });
});

describe('a missing or wrong answer', () => {
  it.each<[string, string[], string]>([
    [
      'is named by its option, with what is proposed',
      [],
      'missing answers: --role (primary), --name (HOST), --destination\nDETAIL:  Without a terminal each is an option.\nHINT:  With --yes, what stands in parentheses is taken.\n',
    ],
    [
      'is an error with --yes, too, where nothing can be proposed',
      ['--yes'],
      'missing answer: --destination\nDETAIL:  Without a terminal it is an option.\n',
    ],
    [
      'names its option',
      ['--destination', 'db2=db2:/x'],
      'cannot use --destination "db2=db2:/x": it cannot be "db2:/x": write file: and an absolute directory, such as file:/mnt/db2/archive, or ssh://user@host:port and one there\n',
    ],
    [
      'can be too short a time',
      ['--archive-timeout', '5ms', '--role', 'dr', '--name', 'x'],
      'cannot use --archive-timeout "5ms": it must be a second or more: a number with a unit (ms, s, min, h, d), such as \'5s\'\n',
    ],
    [
      'can ask to lose WAL',
      ['--archiving', 'discard', '--role', 'dr', '--name', 'x'],
      'cannot use --archiving "discard": it must be on or hold\n',
    ],
    [
      'can be a directory with something else in it',
      ['-D', '/etc'],
      '"/etc" is not a data directory of PostgreSQL\nDETAIL:  It has no file PG_VERSION, and is not empty.\n',
    ],
  ])('%s', async (_title, words, message) => {
    const result = await fresh.init(...words);
    const code = words[0] === '-D' ? 5 : 2;
    const stderr = result.stderr.replace(/--name \([^)]*\)/, '--name (HOST)');
    expect({ ...result, stderr }).toEqual(refused(code, `twowarm init: ERROR:  ${message}`));
  });

  it('that only the whole configuration shows names what would be written', async () => {
    const result = await fresh.init(
      '--role',
      'primary',
      '--name',
      'db1',
      '--destination',
      `db2=file:${fresh.path('data/archive')}`,
    );
    expect(result.code).toBe(3);
    expect(result.stderr).toMatch(
      /^twowarm init: ERROR: {2}cannot use the configuration that would be written: line \d+: "destination\.db2\.url" lies within <>\/data\n/,
    );
    expect(result.changed).toEqual([]);
  });
});

describe('the home', () => {
  it('has the long name where another cluster lives beside this one, and both are told apart from then on', async () => {
    putCluster(fresh.sandbox, 'other');
    const first = await fresh.init(...answers());
    expect(first.stdout).toContain('Home: <>/twowarm-data, because <>/other is a cluster, too\n');
    const second = await fresh.twowarm(['init', '-D', fresh.path('other'), ...answers()]);
    expect(second.stdout).toContain('Home: <>/twowarm-other, because <>/data is a cluster, too\n');
    const again = await fresh.init(...answers());
    expect(again.stdout).toContain('Home: <>/twowarm-data, because it is there already\n');
    for (const name of ['data', 'other']) {
      const { code, stdout } = await fresh.twowarm(['configSetup', '-D', fresh.path(name)]);
      expect({ code, first: stdout.split('\n')[0] }).toEqual({
        code: 0,
        first: `# <>/twowarm-${name}/twowarm.toml`,
      });
    }
    for (const name of ['other', 'twowarm-data', 'twowarm-other']) removeTree(fresh.path(name));
  });

  it('is not that of a cluster that was here before', async () => {
    fresh.sandbox.file('twowarm/twowarm.toml', "[node]\ndata_directory = '/srv/gone'\n");
    const { stdout } = await fresh.init(...answers(), '--dry-run');
    expect(stdout).toContain('Home: <>/twowarm-data, because /srv/gone is a cluster, too\n');
  });

  it('that others may write to is refused before anything is put into it', async () => {
    fresh.sandbox.directory('twowarm');
    mkdirSync(fresh.path('twowarm'), { recursive: true });
    chmodSync(fresh.path('twowarm'), 0o777);
    const result = await fresh.init(...answers());
    expect(result).toEqual(
      refused(
        3,
        'twowarm init: ERROR:  will not use the home <>/twowarm: others may write to it\nDETAIL:  Its mode is 0777.\nHINT:  chmod 700 <>/twowarm\n',
      ),
    );
  });
});
