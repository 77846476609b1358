// What configStandby warns of: settings that will not do what they should, and connection strings that lead back to this node.
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';

import { leadsHere } from '../../../src/postgres/leads-here.ts';
import { withoutPasswords } from '../../../src/backup/configure/show-changes.ts';
import { segmentNamed } from '../../harness/wal-files.ts';
import { configureCopy, makeCopy, textOf } from './node-to-configure.ts';

describe('a connection string', () => {
  it.each([
    ['host=localhost port=5433', true],
    ['host=127.0.0.1 port=5433', true],
    ['port=5433', true],
    ['host=/run/postgresql port=5433', true],
    ['host=/srv/another port=5433', false],
    ['', false],
    [`host=${hostname()} port=5433`, true],
    [`postgresql://u@${hostname()}.example.com:5433/`, 'likely'],
    ['host=localhost', false],
    ['host=db1.example.com port=5433', false],
    ['host=db1 hostaddr=127.0.0.1 port=5433', true],
    ['host=192.0.2.1 port=5433', false],
    ['host=db1 nonsense', false],
  ])('%s leads to this node: %s', (conninfo, expected) => {
    const own = new Map([
      ['port', '5433'],
      ['unix_socket_directories', '/tmp, /run/postgresql'],
    ]);
    const [certain, likely] = (['certain', 'likely'] as const).map((each) =>
      leadsHere(conninfo, (name) => own.get(name), each),
    );
    expect([certain, likely]).toEqual(expected === 'likely' ? [false, true] : [expected, expected]);
  });

  it.each([
    ["primary_conninfo = 'host=a password=secret user=b'", "primary_conninfo = 'host=a password=…"],
    ["primary_conninfo = 'password=''a b'' host=x'", "primary_conninfo = 'password=…"],
    ["c = 'postgresql://me:secret@db1/x'", "c = 'postgresql://me:…@db1/x'"],
    ['# the password = of nobody', '# the password = …'],
  ])('is shown without its password: %s', (text, expected) => {
    expect(withoutPasswords(text)).toBe(expected);
  });
});

describe('configStandby', { concurrent: true }, () => {
  it('sets primary_conninfo only where it is given, shows no password, and says that waiting is off then', async () => {
    await using node = await makeCopy();
    const conninfo = "host=db1 user=rep password=it's";
    const { code, stdout, stderr } = await configureCopy(node, '--primary-conninfo', conninfo);
    expect(code).toBe(0);
    expect(stderr).toBe(
      'configStandby: WARNING:  restore_command does not wait for segments: primary_conninfo is set, and PostgreSQL streams\n',
    );
    expect(stdout).toContain("+primary_conninfo = 'host=db1 user=rep password=…\n");
    expect(stdout).not.toContain("it'");
    const text = textOf(node, 'data/postgresql.auto.conf');
    expect(text).toContain("primary_conninfo = 'host=db1 user=rep password=it''s'\n");
    expect(text).not.toContain('recovery_prefetch');
    // What is there stays, until it is taken out.
    expect((await configureCopy(node)).changed).toEqual([]);
    expect((await configureCopy(node, '--primary-conninfo', '')).code).toBe(0);
    expect(textOf(node, 'data/postgresql.auto.conf')).not.toContain('primary_conninfo');
    expect(textOf(node, 'data/postgresql.auto.conf')).toContain("recovery_prefetch = 'off'\n");
  });

  it('takes out a primary_conninfo that leads to this very node, and warns of it, of lower settings, and of the command line', async () => {
    await using node = await makeCopy(13, {
      'data/postgresql.conf':
        "port = 5433\nprimary_conninfo = 'host=localhost port=5433'\nmax_connections = 20\n",
      'data/postmaster.opts': '/usr/lib/postgresql/13/bin/postgres "-D" "/x" "-c" "restore_command=cp"\n',
    });
    const control = readFileSync(node.path('data/global/pg_control'));
    // max_connections and max_worker_processes, before the row of sizes.
    control.writeInt32LE(100, 208 - 28);
    control.writeInt32LE(8, 208 - 24);
    control.writeUInt32LE(1300, 8);
    node.sandbox.file('data/global/pg_control', control);
    const { code, stderr } = await configureCopy(node);
    expect(code).toBe(0);
    expect(stderr).toBe(
      `configStandby: WARNING:  restore_command is set on the command line that the server was last started with, or in an included file, and that wins
HINT:  Start it without that option (postmaster.opts in the data directory has the last command line).
configStandby: WARNING:  max_connections is 20 on this node, but 100 on the primary: with less it does not start as a hot standby
HINT:  Set it to at least 100, in ${node.path('twowarm/node/postgresql.conf')} or where this node sets it.
configStandby: WARNING:  primary_conninfo led to this very node, which would stream from itself: it is taken out
HINT:  Where this standby is to stream, give the primary's with --primary-conninfo.
`,
    );
    // postgresql.conf is the node's own: what comes after it says that there is none.
    expect(textOf(node, 'data/postgresql.auto.conf')).toContain("primary_conninfo = ''\n");
    // Whoever gives one is believed, and warned.
    const own = await configureCopy(node, '--primary-conninfo', 'host=localhost port=5433');
    expect(own.stderr).toContain(
      `configStandby: WARNING:  primary_conninfo leads to this very node
HINT:  Give the primary's with --primary-conninfo, or none with --primary-conninfo ''.
`,
    );
  });

  it('warns of an own archive with WAL in it that is no source', async () => {
    const sources = (...urls: string[]): string =>
      `[restore]\nsources = [${urls.map((url) => `'${url}'`).join(', ')}]\n`;
    await using node = await makeCopy();
    const own = node.path('twowarm/archive');
    node.configure(sources(`file:${node.path('db2')}`));
    expect((await configureCopy(node, '--dry-run')).stderr).toBe('');
    node.segment(segmentNamed(2), {}, 'twowarm/archive');
    expect((await configureCopy(node, '--dry-run')).stderr).toBe(
      `configStandby: WARNING:  restore.sources does not name this node's own archive, ${own}
DETAIL:  WAL has arrived there, and restore_command does not look for it there.
HINT:  In [restore] of ${node.path('twowarm/twowarm.toml')}, put 'file:${own}' first into sources.
`,
    );
    node.configure(sources(`file:${node.path('db2')}`, `file://${own}/`));
    expect((await configureCopy(node, '--dry-run')).stderr).toBe('');
  });

  it.each([
    [['--mode', 'tepid'], '--mode must be hot or warm, not "tepid"'],
    [['--mode', 'warm', '--primary-conninfo', 'host=a'], 'cannot use --primary-conninfo with --mode warm'],
    [['--primary-conninfo', 'host=a\nport=1'], 'cannot use --primary-conninfo: there is a line feed in it'],
  ])('refuses %j', async (words, message) => {
    await using node = await makeCopy();
    const { code, stderr, changed } = await configureCopy(node, ...words);
    expect({ code, changed }).toEqual({ code: 2, changed: [] });
    expect(stderr.split('\n')[0]).toBe(`configStandby: ERROR:  ${message}`);
  });
});
