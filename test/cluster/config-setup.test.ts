// configSetup: every setting in force with the place it came from, for people, for shells and for programs.
import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { commandLine, makeNode, refused, type NodeFixture } from '../harness/node-fixture.ts';
import { shell } from '../harness/run.ts';

const sparse = (path: (name: string) => string): string => `
[destination.db2]
url = 'file:${path("it's 100% ü")}'
time_limit = '30s'  # as long as the disk spins up

[restore]
sources = [
  'file:${path('twowarm/archive')}',
  'file:${path('db3')}',
]
`;

let node: NodeFixture;
let file: string;
beforeAll(async () => {
  node = await makeNode('config-setup', {
    configuration: (path) => sparse(path).replace(/'file:.*100% ü'/, (url) => `"${url.slice(1, -1)}"`),
    directories: ["it's 100% ü"],
    used: false,
  });
  file = node.path('twowarm/twowarm.toml');
});
afterAll(() => node[Symbol.asyncDispose]());

const configSetup = (...words: string[]) => node.sh(commandLine('configSetup', ...words));

interface Setting {
  key: string;
  value: unknown;
  origin: string;
}

describe('configSetup', () => {
  it('shows each setting, its value and where it stands', async () => {
    const { code, stdout, stderr, changed } = await configSetup();
    expect({ code, stderr, changed }).toEqual({ code: 0, stderr: '', changed: [] });
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toBe(`# ${file}`);
    const rows = lines.slice(1).map((line) => /^(\S+) += (.*?) +# (\S+)$/.exec(line)!.slice(1));
    const width = lines[1]!.indexOf(' = ');
    expect(lines.slice(1).every((line) => line.indexOf(' = ') === width)).toBe(true);
    expect(rows).toEqual([
      ['home', `'${node.home}'`, 'default'],
      ['node.name', `'${hostname()}'`, 'default'],
      ['node.data_directory', `'${node.dataDirectory}'`, `${file}:2`],
      ['archive.directory', `'${node.path('twowarm/archive')}'`, 'default'],
      ['archive.consumer_warn_after', "'1d'", 'default'],
      ['archive.space_warn_below', "'10%'", 'default'],
      ['archive_async.enabled', 'false', 'default'],
      ['destination.db2.url', `"file:${node.path("it's 100% ü")}"`, `${file}:5`],
      ['destination.db2.policy', "'required'", 'default'],
      ['destination.db2.compression', "'none'", 'default'],
      ['destination.db2.time_limit', "'30s'", `${file}:6`],
      [
        'restore.sources',
        `['file:${node.path('twowarm/archive')}', 'file:${node.path('db3')}']`,
        `${file}:9`,
      ],
      ['restore.time_limit', "'2min'", 'default'],
      ['restore.retry_limit', "'10s'", 'default'],
      ['restore.trigger_file', `'${node.path('twowarm/trigger')}'`, 'default'],
      ['restore.wait', "'auto'", 'default'],
      ['restore.prune', 'false', 'default'],
      ['ssh.receiver', "'twowarm'", 'default'],
      ['ssh.connect_limit', "'10s'", 'default'],
      ['ssh.idle_limit', "'30s'", 'default'],
      ['distribution.directory', "'.local/lib/twowarm'", 'default'],
    ]);
  });

  it('--json says the same to programs', async () => {
    const { code, stdout, stderr } = await configSetup('--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { configuration, settings } = JSON.parse(stdout) as { configuration: string; settings: Setting[] };
    expect(configuration).toBe(file);
    expect(settings).toContainEqual({
      key: 'destination.db2.time_limit',
      value: '30s',
      origin: `${file}:6`,
    });
    expect(settings).toContainEqual({
      key: 'restore.sources',
      value: [`file:${node.path('twowarm/archive')}`, `file:${node.path('db3')}`],
      origin: `${file}:9`,
    });
    expect(settings).toContainEqual({ key: 'archive_async.enabled', value: false, origin: 'default' });
  });

  it('debug is 2warm’s form, which a shell can eval', async () => {
    const { code, stdout, stderr } = await configSetup('debug');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n').slice(0, 3)).toEqual([
      `PGDATA=${node.dataDirectory}`,
      `ARCHIVE=${node.path('twowarm/archive')}`,
      'ARCHIVING_ACTIVE=yes',
    ]);
    const script = `eval "$(${commandLine('configSetup', 'debug')})"; printf '%s\\n' "$PGDATA" "$TWOWARM_DESTINATION_DB2_URL" "$TWOWARM_RESTORE_SOURCES"`;
    const evaluated = await shell(script, { cwd: node.dataDirectory });
    expect(evaluated).toMatchObject({ code: 0, stderr: '' });
    expect(evaluated.stdout.split('\n')).toEqual([
      node.dataDirectory,
      `file:${node.path("it's 100% ü")}`,
      `file:${node.path('twowarm/archive')} file:${node.path('db3')}`,
      '',
    ]);
  });

  it.each(['hold', 'discard', 'damaged'])('debug says that archiving is not active: %s', async (state) => {
    await using held = await makeNode('config-held');
    held.sandbox.file('twowarm/state/archiving', `${state}\n`);
    const { stdout } = await held.sh(commandLine('configSetup', 'debug'));
    expect(stdout).toContain('\nARCHIVING_ACTIVE=no\n');
  });

  it('names what set the home and the configuration when it was not the file', async () => {
    const env = { TWOWARM_HOME: node.home };
    const { stdout } = await node.sh(commandLine('configSetup'), { env });
    expect(stdout.split('\n')[1]).toMatch(/^home += '.*' +# TWOWARM_HOME$/);
    const named = node.sandbox.file('other.toml', `[node]\ndata_directory = '${node.dataDirectory}'\n`);
    const { stdout: other } = await configSetup('--config', named);
    expect(other.split('\n')[0]).toBe(`# ${named}`);
  });

  it.each([
    [['debgu'], 'argument debug must be one of debug, not "debgu"; did you mean "debug"?'],
    [['debug', 'debug'], 'too many arguments, the first is "debug"'],
  ])('refuses %j', async (words, message) => {
    const hint = 'HINT:  Usage: configSetup [OPTION]... [debug]; see configSetup --help.';
    expect(await configSetup(...words)).toEqual(refused(2, `configSetup: ERROR:  ${message}\n${hint}\n`));
  });

  it('shows the hold of a fallback, also where the file does not give it', async () => {
    await using holding = await makeNode('config-hold', {
      used: false,
      configuration: (path) =>
        `[destination.db2]\nurl = 'file:${path('db2')}'\n[destination.dr]\nurl = 'file:${path('dr')}'\npolicy = 'fallback'\nfor = ['db2']\n`,
    });
    const { stdout } = await holding.sh(commandLine('configSetup', '--json'));
    const { settings } = JSON.parse(stdout) as { settings: Setting[] };
    const holds = settings.filter(({ key }) => key.endsWith('.hold'));
    expect(holds).toEqual([{ key: 'destination.dr.hold', value: true, origin: 'default' }]);
  });

  it('refuses a wrong configuration with file and line', async () => {
    await using wrong = await makeNode('config-wrong', { used: false, configuration: () => "nmae = 'x'\n" });
    const message = `cannot use the configuration ${wrong.path('twowarm/twowarm.toml')}: line 3: unknown key "nmae" in [node]; did you mean "name"?`;
    const outcome = await wrong.sh(commandLine('configSetup'));
    expect(outcome).toEqual(refused(3, `configSetup: ERROR:  ${message}\n`));
  });

  it('--help says what it is for', async () => {
    const { code, stdout, stderr } = await configSetup('--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n').slice(0, 3)).toEqual([
      'Usage: configSetup [OPTION]... [debug]',
      '',
      'Prints the settings in force and where each came from.',
    ]);
    expect(stdout).not.toContain('In postgresql.conf');
  });

  it('shows what is in force for a fallback that does not say whether it holds', async () => {
    await using fallback = await makeNode('config-hold', {
      configuration: (path) =>
        `[destination.db2]\nurl = 'file:${path('db2')}'\n` +
        `[destination.dr]\nurl = 'file:${path('dr')}'\npolicy = 'fallback'\nfor = ['db2']\n`,
      used: false,
    });
    const { stdout } = await fallback.sh(commandLine('configSetup'));
    const rows = stdout.split('\n').filter((row) => / hold |\.hold /.test(row));
    expect(rows.map((row) => row.replaceAll(/ +/g, ' '))).toEqual(['destination.dr.hold = true # default']);
  });
});
