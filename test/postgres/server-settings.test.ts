// What server-settings.ts makes of files, without a server: places, includes, what is missing, and what then is known.
import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { programDirectoryFromOpts } from '../../src/postgres/postmaster-options.ts';
import { readServerSettings } from '../../src/postgres/server-settings.ts';
import { majorVersion } from '../../src/postgres/version.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';

/** Writes files into a sandbox; those of the data directory begin with data/. `%` is the path of the sandbox. */
function lay(files: Record<string, string>): Sandbox & { data: string; opts: (...words: string[]) => void } {
  const sandbox = makeSandbox('settings');
  const all = { 'data/PG_VERSION': '15\n', 'data/postgresql.conf': "x.file = 'here'\n", ...files };
  for (const [name, text] of Object.entries(all)) sandbox.file(name, text.replaceAll('%', sandbox.path));
  const opts = (...words: string[]): void => {
    const quoted = words.map((word) => ` "${word.replaceAll('%', sandbox.path)}"`).join('');
    sandbox.file('data/postmaster.opts', `/usr/lib/postgresql/15/bin/postgres${quoted}\n`);
  };
  return { ...sandbox, data: join(sandbox.path, 'data'), opts };
}
const known = { complete: true, problem: undefined };
/** With the path of the sandbox as %. */
function read({ path, data }: { path: string; data: string }, ...names: string[]) {
  const { complete, problem, get } = readServerSettings(data);
  return { complete, problem: problem?.replaceAll(path, '%'), values: names.map((name) => get(name)) };
}

describe('the place of postgresql.conf', () => {
  it.each<[string, string[], string]>([
    ['the data directory, when no server ran', [], 'here'],
    ['the data directory', ['-D', '%/data'], 'here'],
    ['the data directory, when -D is relative', ['-D', 'somewhere/data'], 'here'],
    ['the data directory, when -D is where it was before', ['-D', '%/moved'], 'here'],
    ['the data directory, when -D is the one it was copied from', ['-D', '%/other'], 'here'],
    ['-D, when that is configuration alone', ['-D', '%/etc'], 'etc'],
    ['config_file', ['-D', '%/data', '-c', 'config_file=%/etc/file.conf'], 'named'],
    ['config_file in one word', ['-cconfig_file=%/etc/file.conf', '-D', '%/data'], 'named'],
    ['config_file with two dashes', ['--config-file=%/etc/file.conf'], 'named'],
    ['the last config_file', ['--config_file=%/etc/none', '-c', 'Config_File=%/etc/file.conf'], 'named'],
    ['config_file after switches in one word', ['-iFc', 'config_file=%/etc/file.conf'], 'named'],
  ])('is %s', async (_, words, value) => {
    await using files = lay({
      'etc/postgresql.conf': "x.file = 'etc'",
      'etc/file.conf': "x.file = 'named'",
      'other/PG_VERSION': '15\n',
      'other/postgresql.conf': "x.file = 'other'",
    });
    if (words.length > 0) files.opts(...words);
    expect(read(files, 'x.file')).toEqual({ ...known, values: [value] });
  });

  it('is not known when config_file is relative to where the server was started', async () => {
    await using files = lay({});
    files.opts('-c', 'config_file=my.conf');
    const problem = 'config_file=my.conf is relative to where the server was started';
    expect(read(files, 'x.file')).toEqual({ complete: false, problem, values: [undefined] });
  });
});

describe('which setting counts', () => {
  it('is the last one of the file, then of postgresql.auto.conf, then of the command line', async () => {
    await using files = lay({
      'data/postgresql.conf': 'a.a = 1\nA.A = 2\nb.b = 1\nc.c = 1\n#d.d = 1\n',
      'data/postgresql.auto.conf': 'b.b = 2\nc.c = 2\n',
      'data/recovery.conf': "standby_mode = 'on'",
    });
    files.opts('-c', 'c.c=3', '--c.c=a=4', '-p', '5433', '-k/run', '-h', '::1', '-c', 'my-name=x y');
    const names = [
      'a.a',
      'b.b',
      'c.c',
      'd.d',
      'port',
      'unix_socket_directories',
      'listen_addresses',
      'my_name',
    ];
    const values = ['2', '2', 'a=4', undefined, '5433', '/run', '::1', 'x y'];
    expect(read(files, ...names, 'standby_mode')).toEqual({ ...known, values: [...values, undefined] });
    files.file('data/PG_VERSION', '9.6\n');
    expect(read(files, 'standby_mode')).toEqual({ ...known, values: ['on'] });
  });
});

describe('includes', () => {
  it('take effect where they stand, each relative to its own file', async () => {
    await using files = lay({
      'data/postgresql.conf':
        "a.a = 1\ninclude = 'sub/one.conf'\nb.b = 1\ninclude_if_exists none\ninclude_dir sub/d",
      'data/sub/one.conf': "a.a = 2\nb.b = 2\ninclude '%/two.conf'\ninclude 'three'",
      'two.conf': 'c.c = 2',
      'data/sub/three': 'c.c = 3',
      'data/sub/d/10.conf': 'd.d = 10',
      'data/sub/d/9.conf': 'd.d = 9',
      'data/sub/d/\u{10000}.conf': 'e.e = 1',
      'data/sub/d/\uFFFD.conf': 'e.e = 2',
      'data/sub/d/.x.conf': 'd.d = 0',
      'data/sub/d/x.conf.old': 'd.d = 0',
    });
    expect(read(files, 'a.a', 'b.b', 'c.c', 'd.d', 'e.e')).toEqual({
      ...known,
      values: ['2', '1', '3', '9', '1'],
    });
  });

  it('may be ten deep and no deeper', async () => {
    await using files = lay({});
    for (let depth = 0; depth <= 10; depth++) {
      const name = depth === 0 ? 'postgresql.conf' : `${depth}.conf`;
      const next = depth === 10 ? '' : `include '${depth + 1}.conf'\n`;
      files.file(`data/${name}`, `x.depth = ${depth}\n${next}`);
    }
    expect(read(files, 'x.depth')).toEqual({ ...known, values: ['10'] });
    // As in the server, also when there is no such file.
    files.file('data/10.conf', "x.depth = 10\ninclude_if_exists '11.conf'\n");
    const problem = '%/data/11.conf is included too deep';
    expect(read(files, 'x.depth')).toEqual({ complete: false, problem, values: ['10'] });
    files.file('data/1.conf', "include '1.conf'\ninclude '1.conf'\n");
    expect(read(files).problem).toBe('%/data/1.conf is included too deep');
  });
});

describe('what is not known', () => {
  it.each<[string, Record<string, string>, string]>([
    [
      'a syntax error',
      { 'data/postgresql.conf': 'x.file = 1\n\nx x x' },
      'syntax error in file %/data/postgresql.conf line 3',
    ],
    [
      'one in postgresql.auto.conf',
      { 'data/postgresql.auto.conf': '!' },
      'syntax error in file %/data/postgresql.auto.conf line 1',
    ],
    [
      'a missing include',
      { 'data/postgresql.conf': "include 'gone.conf'" },
      'could not read %/data/gone.conf: ENOENT',
    ],
    [
      'a missing directory',
      { 'data/postgresql.conf': "include_dir 'gone'" },
      'could not read %/data/gone: ENOENT',
    ],
    ['a directory for a file', { 'data/postgresql.conf': "include '.'" }, 'could not read %/data: EISDIR'],
    ['an unknown version', { 'data/PG_VERSION': 'new\n' }, 'could not read %/data/PG_VERSION'],
    [
      'a cut command line',
      { 'data/postmaster.opts': '/bin/postgres "-c" "x' },
      '%/data/postmaster.opts is not a command line of a server',
    ],
    [
      'a word that is no option',
      { 'data/postmaster.opts': '/bin/postgres "-c" "a.b=say " word" """\n' },
      '%/data/postmaster.opts is not a command line of a server',
    ],
    [
      'an empty command line',
      { 'data/postmaster.opts': '' },
      '%/data/postmaster.opts is not a command line of a server',
    ],
  ])('with %s is said', async (_, text, problem) => {
    await using files = lay(text);
    expect(read(files)).toEqual({ complete: false, problem, values: [] });
  });

  it('with no postgresql.conf, or one that is closed to us, is said', async () => {
    await using files = lay({ 'data/postgresql.auto.conf': 'x.auto = 1' });
    rmSync(join(files.data, 'postgresql.conf'));
    const missing = 'could not read %/data/postgresql.conf: ENOENT';
    expect(read(files, 'x.auto')).toEqual({ complete: false, problem: missing, values: ['1'] });
    symlinkSync('postgresql.conf', join(files.data, 'postgresql.conf'));
    expect(read(files).problem).toBe('could not read %/data/postgresql.conf: ELOOP');
  });

  it('with a file in place of a directory is not there, where nothing need be', async () => {
    await using files = lay({ 'data/postgresql.conf': "include_if_exists 'PG_VERSION/x'\nx.y = 1" });
    expect(read(files, 'x.y')).toEqual({ ...known, values: ['1'] });
  });
});

describe('the programs and the version of a data directory', () => {
  it('are undefined where its files do not say', async () => {
    await using files = lay({});
    expect(programDirectoryFromOpts(files.data)).toBeUndefined();
    files.opts('-D', 'x', '-d5', '-W', '1', '-s');
    expect(programDirectoryFromOpts(files.data)).toBe('/usr/lib/postgresql/15/bin');
    files.file('data/postmaster.opts', 'postgres "-D" "x"\n');
    expect(programDirectoryFromOpts(files.data)).toBeUndefined();
    const versions = ['15\n', '9.6\n', '10', '', 'x', '15beta'].map((text) => {
      files.file('data/PG_VERSION', text);
      return majorVersion(files.data);
    });
    expect(versions).toEqual([15, 9, 10, undefined, undefined, undefined]);
    expect(majorVersion(join(files.data, 'nowhere'))).toBeUndefined();
  });
});
