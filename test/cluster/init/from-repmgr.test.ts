// twowarm init --from-repmgr: a repmgr.conf with what has a key of its own here, what is done in another way, and what is not.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sentenceFor } from '../../../src/cluster/init/from-repmgr/counterparts.ts';
import { readRepmgrConf } from '../../../src/cluster/init/from-repmgr/read-file.ts';
import { readSshOptions } from '../../../src/cluster/init/from-repmgr/ssh-options.ts';
import { removeTree } from '../../harness/run-directory.ts';
import { makeFresh, type Fresh } from './fresh.ts';

let fresh: Fresh;

beforeAll(() => {
  fresh = makeFresh('init-repmgr');
  fresh.sandbox.file(
    'repmgr.conf',
    `# repmgr.conf of node1
node_id=1
node_name='node1'
conninfo='host=/run/postgresql user=repmgr dbname=repmgr password=geheim connect_timeout=2'
data_directory='${fresh.dataDirectory}'
config_directory='/etc/postgresql/15/main'
pg_bindir='/opt/pg/bin'    # the programs
service_start_command   = 'sudo systemctl start postgresql'
service_stop_command    = 'sudo systemctl stop postgresql'
service_reload_command  = ''
service_promote_command = 'pg_ctlcluster 15 main promote'
restore_command = 'cp /mnt/wal/%f "%p"'
ssh_options='-q -o ConnectTimeout=10 -p 2222 -i /var/lib/postgresql/.ssh/id_repmgr -o StrictHostKeyChecking=no'
log_file='/var/log/repmgr.log'
failover=automatic
promote_command='repmgr standby promote'
monitor_interval_secs=2
witness_sync_interval=15
what is this
node_name='node1b'
`,
  );
});
afterAll(() => fresh[Symbol.asyncDispose]());
beforeEach(() => {
  removeTree(fresh.path('twowarm'));
});

const take = (...words: string[]) =>
  fresh.twowarm(['init', '--from-repmgr', fresh.path('repmgr.conf'), ...words]);
const answers = [
  '--role',
  'primary',
  '--destination',
  'node2=ssh://postgres@node2/srv/archive',
  '--arbiter',
  'ssh://node2/srv/archive',
];

describe('a repmgr.conf', () => {
  it('becomes the configuration as far as it has the same things, without its password', async () => {
    const { code, stdout, stderr } = await take(...answers);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const text = readFileSync(fresh.path('twowarm/twowarm.toml'), 'utf8').replaceAll(
      fresh.sandbox.path,
      '<>',
    );
    expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([
      '[node]',
      "name = 'node1b'",
      "data_directory = '<>/data'",
      "pg_bindir = '/opt/pg/bin'",
      "conninfo = 'host=/run/postgresql dbname=repmgr user=repmgr'",
      "start_command = 'sudo systemctl start postgresql'",
      "stop_command = 'sudo systemctl stop postgresql'",
      '[destination.node2]',
      "url = 'ssh://postgres@node2/srv/archive'",
      '[restore]',
      "sources = ['file:<>/twowarm/archive', 'file:/mnt/wal']",
      '[ssh]',
      "identity_files = ['/var/lib/postgresql/.ssh/id_repmgr']",
      "connect_limit = '10s'",
      '[cluster]',
      "arbiter = 'ssh://node2/srv/archive'",
    ]);
    expect(`${stdout}${text}`).not.toContain('geheim');
    const setup = await fresh.twowarm(['configSetup', '-D', fresh.dataDirectory]);
    expect({ code: setup.code, stderr: setup.stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('is told setting by setting', async () => {
    const { stdout } = await take(...answers, '--dry-run', '--json');
    const { takenOver } = JSON.parse(stdout) as {
      takenOver: { from: string; notes: { what: string; sentence: string }[] };
    };
    expect(takenOver.from).toBe('<>/repmgr.conf');
    const failover =
      'twowarm never fails over by itself: a person, or what a person has set up, calls triggerStandby.';
    const promotion =
      'triggerStandby promotes: it reserves the timeline, claims the archives, and asks PostgreSQL itself.';
    expect(takenOver.notes.map(({ what, sentence }) => [what, sentence])).toEqual([
      [
        'node_id',
        'twowarm has no table of nodes: a node is known by its name and by what it writes into archives.',
      ],
      [
        'conninfo',
        "It is node.conninfo. Its password is not taken over: put it into ~/.pgpass of the server's user.",
      ],
      ['data_directory', 'It is node.data_directory.'],
      [
        'config_directory',
        "PostgreSQL's own files are found by the command line that the server was started with.",
      ],
      ['pg_bindir', 'It is node.pg_bindir.'],
      ['service_start_command', 'It is node.start_command.'],
      ['service_stop_command', 'It is node.stop_command.'],
      ['service_reload_command', 'It is empty.'],
      ['service_promote_command', promotion],
      [
        'restore_command',
        "configStandby writes twowarm's own restore_command. /mnt/wal is in restore.sources, after <>/twowarm/archive, where WAL arrives from now on.",
      ],
      [
        'ssh_options',
        "Port 2222 belongs into the URLs of destinations. Without a counterpart, but ssh_config of the server's user may say it: -o StrictHostKeyChecking=no.",
      ],
      [
        'log_file',
        "twowarm writes text to stderr, which is PostgreSQL's log for what the server calls; log.file is JSON.",
      ],
      ['failover', failover],
      ['promote_command', promotion],
      [
        'monitor_interval_secs',
        'twowarm watches by twowarm check, called by cron or by a monitoring system; it has no daemon that decides.',
      ],
      [
        'witness_sync_interval',
        'The arbiter, cluster.arbiter, is what keeps two standbys from both becoming primaries.',
      ],
      ['what', 'It has no counterpart.'],
      ['node_name', 'It is node.name.'],
      [
        'the other nodes',
        'repmgr.conf does not name them: name each with --destination, the DR node with --dr.',
      ],
    ]);
  });

  it('does not answer what it does not say', async () => {
    const { code, stderr } = await take('--role', 'primary');
    expect({ code, stderr: stderr.split('\n')[0] }).toEqual({
      code: 2,
      stderr: 'twowarm init: ERROR:  missing answer: --destination',
    });
  });

  it('that is not there is an error', async () => {
    const result = await fresh.twowarm(['init', '--from-repmgr', fresh.path('none')]);
    expect(result).toEqual({
      code: 20,
      stdout: '',
      stderr: 'twowarm init: ERROR:  could not read <>/none: No such file or directory\n',
      changed: [],
    });
  });
});

describe('the parts of a repmgr.conf', () => {
  it.each([
    ["a='it''s' # c", 'a', "it's"],
    ['a = "two words"', 'a', 'two words'],
    ['A=bare words here  # c', 'a', 'bare words here'],
    ['a   5', 'a', '5'],
    ['a=', 'a', ''],
  ])('%s is a setting', (line, key, value) => {
    expect(readRepmgrConf(`\n${line}\n`)).toEqual({ settings: [{ key, value, line: 2 }], unread: [] });
  });

  it('are named where they are no settings', () => {
    expect(readRepmgrConf('=x\n[section]\n')).toEqual({ settings: [], unread: [1, 2] });
  });

  it.each<[string, Partial<ReturnType<typeof readSshOptions>>]>([
    ['', { answers: {}, left: [] }],
    ['-i/a -oPort=22 -F /etc/x', { answers: { identityFiles: ['/a'], sshConfigFile: '/etc/x' }, port: '22' }],
    ['-o "IdentityFile /b" -v', { answers: { identityFiles: ['/b'] }, left: ['-v'] }],
    ['-i relative -o ConnectTimeout=x', { answers: {}, left: ['-i relative', '-o ConnectTimeout=x'] }],
  ])('ssh_options %j are read', (text, wanted) => {
    expect(readSshOptions(text)).toMatchObject(wanted);
  });

  it('have a sentence each, also those that are known by their beginning alone', () => {
    const settings = [
      'child_nodes_disconnect_command',
      'barman_host',
      'event_notification_command',
      'include_dir',
      'log_level',
    ];
    for (const key of settings) expect(sentenceFor(key), key).not.toBe('It has no counterpart.');
    expect(sentenceFor('nobody_knows')).toBe('It has no counterpart.');
  });
});
