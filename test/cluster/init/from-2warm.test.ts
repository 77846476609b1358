// twowarm init --from-2warm: a tree as 2warm left it, with its files as its own scripts had them; and two of its bugs that must
// not come along: an absent archiving_active that lost WAL in silence, and a promotion that switched archiving off.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readEnvironment } from '../../../src/cluster/init/from-2warm/environment.ts';
import { findPostgres } from '../../harness/postgres-binaries.ts';
import { removeTree } from '../../harness/run-directory.ts';
import { beforeCheck, makeFresh, type Fresh } from './fresh.ts';

let fresh: Fresh;
const { bindir } = findPostgres(15);

beforeAll(() => {
  fresh = makeFresh('init-2warm');
});
afterAll(() => fresh[Symbol.asyncDispose]());
beforeEach(() => {
  for (const name of ['twowarm', '2warm', 'data/archive']) removeTree(fresh.path(name));
  const file = (name: string, content: string): string => fresh.sandbox.file(name, content);
  file('2warm/local/replication/othernode', 'db2.example.com\n');
  file('2warm/local/replication/drnode', 'far\n');
  file('2warm/local/replication/archiving_active', '');
  file(
    '2warm/local/environment.sh',
    `#!/bin/bash\n# of this node\nexport PGDATA=${fresh.dataDirectory}\nPGPORT=5433; export PGPORT\nexport PATH="${bindir}:$PATH"\nexport LD_LIBRARY_PATH=/opt/lib\nexport PGPASSWORD=geheim\nrm -rf \${PGDATA}/pg_xlog/*\n`,
  );
  file(
    '2warm/local/postgresql.conf',
    "listen_addresses = '*'\t\t# all\nshared_buffers = 32MB\ncheckpoint_segments = 3\narchive_command = '../2warm/global/replication/archiveWALFile %p %f'\nlog_line_prefix = '%t it''s '\nmy.own = 1\n",
  );
  file(
    '2warm/global/pg_hba.conf',
    '# TYPE DATABASE\nlocal all postgres ident sameuser\n\nhost all all 127.0.0.1/32 md5\n',
  );
  file(
    '2warm/global/recovery.conf',
    "restore_command = '../2warm/global/replication/restoreWALFile %f %p %r'\nrecovery_end_command = 'rm trigger'\n",
  );
});

const take = (...words: string[]) =>
  fresh.twowarm(['init', '--from-2warm', fresh.path('2warm'), '--name', 'db1', '--yes', ...words]);
const keysOf = (): string[] =>
  readFileSync(fresh.path('twowarm/twowarm.toml'), 'utf8')
    .replaceAll(fresh.sandbox.path, '<>')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
const takenOver = (stdout: string): string[] =>
  /== Taken over from the 2warm tree <>\/2warm\n([^]*?)\n\n==/.exec(stdout)?.[1]?.split('\n') ?? [];

describe('a tree of 2warm', () => {
  it('becomes the configuration: the other node is required, the DR node gets what it can', async () => {
    const { code, stderr, changed } = await take();
    expect({ code, stderr, changed }).toEqual({
      code: 0,
      stderr: '',
      changed: [
        'created twowarm',
        'created twowarm/archive',
        'created twowarm/node',
        'created twowarm/node/pg_hba.conf',
        'created twowarm/node/postgresql.conf',
        'created twowarm/twowarm.toml',
      ],
    });
    expect(keysOf()).toEqual([
      '[node]',
      "name = 'db1'",
      "data_directory = '<>/data'",
      `pg_bindir = '${bindir}'`,
      '[destination.db2]',
      "url = 'ssh://db2.example.com<>/twowarm/archive'",
      "data_directory = '<>/data'",
      '[destination.far]',
      "url = 'ssh://far<>/twowarm/archive'",
      "policy = 'best-effort'",
      "data_directory = '<>/data'",
    ]);
    const setup = await fresh.twowarm(['configSetup', '-D', fresh.dataDirectory]);
    expect({ code: setup.code, stderr: setup.stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('keeps the lines of the node for configStandby, those that this server would not start with in comments only', async () => {
    await take();
    const from = (name: string): string =>
      readFileSync(fresh.path(`twowarm/node/${name}`), 'utf8').replaceAll(fresh.sandbox.path, '<>');
    expect(from('postgresql.conf')).toBe(
      `# This node's own lines of postgresql.conf, from <>/2warm/local/postgresql.conf; configStandby installs them.
listen_addresses = '*'
shared_buffers = '32MB'
#checkpoint_segments = '3'    # this server does not know it
#archive_command = '../2warm/global/replication/archiveWALFile %p %f'    # twowarm's own is proposed below
log_line_prefix = '%t it''s '
my.own = '1'
`,
    );
    expect(from('pg_hba.conf')).toBe(
      `# This node's own lines of pg_hba.conf, from <>/2warm/global/pg_hba.conf; configStandby installs them.
#local all postgres ident sameuser    # this method is gone
host all all 127.0.0.1/32 md5
`,
    );
    for (const name of ['postgresql.conf', 'pg_hba.conf'])
      expect(statSync(fresh.path(`twowarm/node/${name}`)).mode & 0o777).toBe(0o600);
  });

  it('is told file by file and variable by variable, without a password, and nothing of it is run', async () => {
    const { stdout } = await take();
    expect(stdout).not.toContain('geheim');
    expect(existsSync(fresh.path('data/pg_wal'))).toBe(true);
    expect(takenOver(stdout)).toEqual([
      'othernode: db2.example.com is a destination that must have every segment.',
      'drnode: far is a destination that gets what it can (best-effort).',
      'archiving_active: It is there: archiving is on.',
      'environment.sh, PGDATA: It is node.data_directory.',
      "environment.sh, PGPORT: The port is found in the server's postmaster.pid.",
      'environment.sh, PATH: The directory of pg_ctl in it is node.pg_bindir; the programs of twowarm need no PATH.',
      'environment.sh, LD_LIBRARY_PATH: It has no counterpart: the programs of twowarm do not use it.',
      "environment.sh, PGPASSWORD: It is not taken over: put it into ~/.pgpass of the server's user.",
      'environment.sh, line 8: It was not understood, and is not run: rm -rf ${PGDATA}/pg_xlog/*',
      '$PGDATA/archive: WAL arrives in <>/twowarm/archive instead: within a data directory it is lost with it.',
      "recovery.conf, restore_command: configStandby writes twowarm's own.",
      'recovery.conf, recovery_end_command: It is not needed: the trigger file belongs to triggerStandby.',
      '<>/2warm/local/postgresql.conf: Its lines are in node/postgresql.conf of the home, for configStandby.',
      '<>/2warm/local/postgresql.conf: Kept in comments only, because this server does not know them: checkpoint_segments.',
      '<>/2warm/global/pg_hba.conf: Its lines are in node/pg_hba.conf of the home, for configStandby.',
      '<>/2warm/global/pg_hba.conf: Kept in comments only, because the method is gone: local all postgres ident sameuser.',
    ]);
  });

  it("bug 1: without archiving_active 2warm lost WAL with exit code 0; a primary's archiving is on hold, and says so", async () => {
    removeTree(fresh.path('2warm/local/replication/archiving_active'));
    const { stdout } = await take();
    expect(stdout).toContain('\nArchiving: hold, until: twowarm archiving on -D <>/data\n');
    expect(takenOver(stdout)[2]).toBe(
      'archiving_active: It is missing. In 2warm a primary then told PostgreSQL that every segment was archived, and archived none; here a primary is put on hold instead: PostgreSQL keeps the WAL until twowarm archiving on. A standby archives from its promotion on, which in 2warm it did not.',
    );
    expect(stdout).toContain('\n<>/twowarm/state/archiving\n');
    expect(readFileSync(fresh.path('twowarm/state/archiving'), 'utf8')).toBe('hold\n');
    // What a person has decided since stays.
    await fresh.twowarm(['archiving', 'on', '-D', fresh.dataDirectory]);
    await take();
    expect(readFileSync(fresh.path('twowarm/state/archiving'), 'utf8')).toBe('on\n');
    removeTree(fresh.path('twowarm'));
    const asked = await take('--archiving', 'on');
    expect(asked.stdout).not.toContain('Archiving: hold');
    expect(existsSync(fresh.path('twowarm/state/archiving'))).toBe(false);
  });

  it('bug 10: a standby, where archiving_active is missing as a rule, archives once it is promoted', async () => {
    removeTree(fresh.path('2warm/local/replication/archiving_active'));
    fresh.sandbox.file('data/standby.signal', '');
    const { code, stdout } = await take();
    removeTree(fresh.path('data/standby.signal'));
    expect({ code, first: beforeCheck(stdout).split('\n')[0] }).toMatchObject({
      code: 0,
      first: expect.stringMatching(/^db1 \(standby\)/) as string,
    });
    expect(existsSync(fresh.path('twowarm/state/archiving'))).toBe(false);
  });

  it('keeps what has arrived in $PGDATA/archive as a source', async () => {
    fresh.sandbox.directory('data/archive');
    await take();
    expect(keysOf()).toContain("sources = ['file:<>/twowarm/archive', 'file:<>/data/archive']");
  });

  it.each([
    [
      'is refused where it is none',
      '2warm/local',
      'local/nothing',
      '"<>/2warm/local" is not a tree of 2warm\nDETAIL:  It has neither local/ nor global/, nor a directory 2warm that has.\n',
    ],
    [
      'is refused where othernode is no host',
      '2warm',
      '2warm/local/replication/othernode',
      '<>/2warm/local/replication/othernode does not hold the name of one host\n',
    ],
  ])('%s', async (_title, tree, name, message) => {
    fresh.sandbox.file(name, 'db2 and db3; rm -rf /\n');
    const result = await fresh.twowarm(['init', '--from-2warm', fresh.path(tree), '--yes']);
    expect(result).toEqual({ code: 2, stdout: '', stderr: `twowarm init: ERROR:  ${message}`, changed: [] });
  });
});

describe('environment.sh', () => {
  it.each<[string, Record<string, string>, number[]]>([
    ['A=1\nexport B="two words" C=\'$x\'\n', { A: '1', B: 'two words', C: '$x' }, []],
    ['A=/x\nB=${A}/y\nC=$A\n', { A: '/x', B: '/x/y', C: '/x' }, []],
    ['A=`id`\nB=$(id)\nC=$UNKNOWN\nD=~/x\n', {}, [1, 2, 3, 4]],
    ['A=1 && B=2\nA=1 | cat\nif true; then\nA=3\nfi\n', { A: '3' }, [1, 2, 3, 5]],
    ['A=1 # a comment\n\n  # more\nexport A\nA=2\n', { A: '2' }, []],
    ['A=one\\\ntwo\nB="open\n', { A: 'onetwo' }, [3]],
    ['source /etc/profile\n. ./other\nulimit -n 1\n', {}, [1, 2, 3]],
  ])('%j is read, not run', (text, values, unread) => {
    const read = readEnvironment(text);
    expect(Object.fromEntries(read.values)).toEqual(values);
    expect(read.unread.map(({ line }) => line)).toEqual(unread);
  });
});
