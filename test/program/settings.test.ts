import { chmodSync, chownSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { runsAsRoot, serverUser } from '../harness/server-user.ts';
import { configuredNode } from './configured-node.ts';
import { faultOf } from './fault.ts';

const smallest = "[node]\ndata_directory = 'DATA'\n";

describe('a configuration', () => {
  it('of one line gets every other value from its default', async () => {
    await using node = configuredNode(smallest);
    expect(node.read().settings).toEqual({
      home: node.home,
      configurationFile: node.file,
      nodeName: hostname(),
      dataDirectory: node.dataDirectory,
      archiveDirectory: `${node.home}/archive`,
      consumers: { warnAfterMs: 86_400_000, spaceWarnBelow: { percent: 10 } },
      server: { programDirectory: undefined, conninfo: undefined, commands: {} },
      destinations: [],
      restore: {
        sources: [`file:${node.home}/archive`],
        timeLimitMs: 120_000,
        retryLimitMs: 10_000,
        triggerFile: `${node.home}/trigger`,
        wait: 'auto',
        prune: false,
      },
      ssh: {
        identityFiles: undefined,
        knownHosts: undefined,
        agent: undefined,
        receiver: 'twowarm',
        connectLimitMs: 10_000,
        idleLimitMs: 30_000,
      },
      rsync: { passwordFile: undefined },
      cluster: { arbiter: undefined },
      distribution: { directory: '.local/lib/twowarm' },
      log: { file: undefined },
    });
  });

  it('is taken at its word where it says something', async () => {
    await using node = configuredNode(`
[node]
name = 'db1'
data_directory = 'DATA'
pg_bindir = '/usr/lib/postgresql/15/bin'
conninfo = 'host=/run dbname=postgres'
[archive]
directory = '/mnt/archive'
consumer_warn_after = '7d'
space_warn_below = '50GB'
[archive_async]
enabled = false
[destination.db2]
url = 'file:/mnt/db2'
policy = 'required'
compression = 'none'
time_limit = '90s'
[destination.d-r_9]
url = 'file:/mnt/dr'
policy = 'best-effort'
[destination.far]
url = 'file:/mnt/far'
policy = 'fallback'
for = ['db2']
limit = '1h'
hold = false
[destination.near]
url = 'file:/mnt/near'
policy = 'fallback'
for = ['db2']
[restore]
sources = ['file:/mnt/a', 'file:/mnt/b']
time_limit = '1min'
retry_limit = '250ms'
trigger_file = '/run/trigger'
wait = 'off'
prune = true
[log]
file = '/var/log/twowarm.json'
`);
    expect(node.read().settings).toMatchObject({
      nodeName: 'db1',
      archiveDirectory: '/mnt/archive',
      consumers: { warnAfterMs: 7 * 86_400_000, spaceWarnBelow: { bytes: 50 * 1024 ** 3 } },
      destinations: [
        {
          name: 'db2',
          url: 'file:/mnt/db2',
          timeLimitMs: 90_000,
          policy: 'required',
          mayLack: [],
          standIn: undefined,
        },
        { name: 'd-r_9', url: 'file:/mnt/dr', timeLimitMs: 120_000, policy: 'best-effort' },
        {
          name: 'far',
          policy: 'fallback',
          standIn: { for: ['db2'], limitMs: 3_600_000, hold: false },
        },
        { name: 'near', standIn: { for: ['db2'], limitMs: undefined, hold: true } },
      ],
      server: { programDirectory: '/usr/lib/postgresql/15/bin', conninfo: 'host=/run dbname=postgres' },
      restore: {
        sources: ['file:/mnt/a', 'file:/mnt/b'],
        timeLimitMs: 60_000,
        retryLimitMs: 250,
        triggerFile: '/run/trigger',
        wait: 'off',
        prune: true,
      },
      log: { file: '/var/log/twowarm.json' },
    });
  });

  it('tells of every value where it comes from', async () => {
    await using node = configuredNode(`${smallest}\n[destination.db2]\nurl = 'file:/mnt/db2'\n`);
    const origins = Object.fromEntries(
      node.read().inForce.map(({ key, value, origin }) => [key, [value, origin]]),
    );
    expect(origins).toMatchObject({
      home: [node.home, 'default'],
      'node.data_directory': [node.dataDirectory, `${node.file}:2`],
      'archive.directory': [`${node.home}/archive`, 'default'],
      'destination.db2.url': ['file:/mnt/db2', `${node.file}:5`],
      'destination.db2.time_limit': ['2min', 'default'],
      'restore.retry_limit': ['10s', 'default'],
    });
  });
});

const durationWords = "is not a duration: write a number with a unit (ms, s, min, h, d), such as '5s'";
const db2 = "[destination.db2]\nurl = 'file:/mnt/db2'\n";

/** The text after the smallest configuration's two lines, and what is said of it. */
const problems: [title: string, toml: string, words: string][] = [
  ['no [node]', '[log]', '"node" is missing'],
  ['no data directory', '[node]', 'line 1: "node.data_directory" is missing'],
  [
    'an unknown section',
    `${smallest}[destinations.db2]`,
    'line 3: unknown key "destinations"; did you mean "destination"?',
  ],
  ['a section like no other', `${smallest}[whatever]`, 'line 3: unknown key "whatever"'],
  ['an unknown key', `${smallest}datadir = 1`, 'line 3: unknown key "datadir" in [node]'],
  ['a mistyped key', `${smallest}nmae = 'x'`, 'line 3: unknown key "nmae" in [node]; did you mean "name"?'],
  [
    'a key in capitals',
    `${smallest}Name = 'x'`,
    'line 3: unknown key "Name" in [node]; did you mean "name"?',
  ],
  [
    'a mistyped key of a destination',
    `${smallest}\n${db2}compresion = 'none'`,
    'line 6: unknown key "compresion" in [destination.db2]; did you mean "compression"?',
  ],
  ['a number for a name', `${smallest}name = 5`, `line 3: "node.name" must be text in quotes, such as '5s'`],
  ['an empty name', `${smallest}name = ''`, 'line 3: "node.name" must not be empty'],
  [
    'a relative path',
    `${smallest}[archive]\ndirectory = 'archive'`,
    'line 4: "archive.directory" must be an absolute path',
  ],
  [
    'a duration without a unit',
    `${smallest}[restore]\ntime_limit = '5'`,
    `line 4: "restore.time_limit" ${durationWords}`,
  ],
  [
    'a duration in words',
    `${smallest}[restore]\nretry_limit = 'long'`,
    `line 4: "restore.retry_limit" ${durationWords}`,
  ],
  [
    'a number for a duration',
    `${smallest}[restore]\nretry_limit = 10`,
    `line 4: "restore.retry_limit" must be text in quotes, such as '5s'`,
  ],
  [
    'an unknown policy',
    `${smallest}${db2}policy = 'mandatory'`,
    `line 5: "destination.db2.policy" must be one of 'required', 'fallback', 'best-effort'`,
  ],
  [
    'no sources',
    `${smallest}[restore]\nsources = []`,
    'line 4: "restore.sources" must name at least one source',
  ],
  [
    'a source that is a number',
    `${smallest}[restore]\nsources = [\n  'file:/a',\n  5,\n]`,
    `line 4: "restore.sources.1" must be text in quotes, such as '5s'`,
  ],
  [
    'a destination without a URL',
    `${smallest}\n[destination.db2]`,
    'line 4: "destination.db2.url" is missing',
  ],
  [
    'a destination named with a space',
    `${smallest}[destination."my db"]\nurl = 'file:/a'`,
    'line 3: "destination.my db" is not a name: use letters, digits, "-" and "_"',
  ],
  [
    'a destination that is none',
    `destination = 5\n${smallest}`,
    'line 1: "destination" must be a table: write [destination.<name>]',
  ],
  [
    'a mistake in a dotted key',
    `node.name = 'x'\nnode.data_directory = 'data'`,
    'line 2: "node.data_directory" must be an absolute path',
  ],
  [
    'a mistake in an inline table',
    `destination = { db2 = { url = 5 } }\n${smallest}`,
    `line 1: "destination.db2.url" must be text in quotes, such as '5s'`,
  ],
  [
    'text for a switch',
    `${smallest}[restore]\nprune = 'no'`,
    'line 4: "restore.prune" must be true or false, without quotes',
  ],
  [
    'room that is neither a share nor a size',
    `${smallest}[archive]\nspace_warn_below = '10'`,
    `line 4: "archive.space_warn_below" must be a share of the disk, such as '10%', or a size, such as '50GB'`,
  ],
];

describe('a configuration that is wrong', () => {
  it.each(problems)('says what and where: %s', async (_, toml, words) => {
    await using node = configuredNode(toml);
    expect(await faultOf(node.read)).toEqual({
      kind: 'settings',
      message: `cannot use the configuration ${node.file}: ${words}`,
    });
  });

  it('names all its problems at once, in the order of the file, what is missing last', async () => {
    await using node = configuredNode(
      `[node]\nnmae = 'x'\n[restore]\ntime_limit = 'soon'\n${db2}policy = 'perhaps'\n[lgo]\n`,
    );
    expect(await faultOf(node.read)).toEqual({
      kind: 'settings',
      message: `cannot use the configuration ${node.file}: line 2: unknown key "nmae" in [node]; did you mean "name"?`,
      detail: [
        `Also line 4: "restore.time_limit" ${durationWords}`,
        `line 7: "destination.db2.policy" must be one of 'required', 'fallback', 'best-effort'`,
        'line 8: unknown key "lgo"; did you mean "log"?',
        'line 1: "node.data_directory" is missing',
      ].join('; '),
    });
  });

  it.each([
    ['a key without a value', `${smallest}name =\n`, 3],
    ['a key that is there twice', `${smallest}name = 'a'\nname = 'b'\n`, 4],
    ['a string that does not end', `${smallest}name = 'a\n`, 3],
    ['no TOML at all', 'archive to db2 please\n', 1],
  ])('names the line of %s', async (_, toml, line) => {
    await using node = configuredNode(toml);
    const { kind, message } = await faultOf(node.read);
    expect(kind).toBe('settings');
    expect(message).toMatch(
      new RegExp(`^cannot read the configuration ${node.file}: line ${line}: [^\\n]+$`),
    );
    expect(message).not.toContain('Invalid TOML document');
  });
});

describe('what is not built', () => {
  it.each([['[archive_async]\nenabled = true', 'asynchronous archiving', 4]])(
    'is refused by name: %j',
    async (toml, name, line) => {
      await using node = configuredNode(`${smallest}${toml}\n`);
      expect(await faultOf(node.read)).toEqual({
        kind: 'not-built',
        message: `${name} is not built yet (${node.file}:${line})`,
      });
    },
  );

  it('is named only once everything else is right', async () => {
    await using node = configuredNode(`${smallest}nmae = 'x'\n${db2}policy = 'fallback'\n`);
    expect((await faultOf(node.read)).kind).toBe('settings');
  });
});

describe('a configuration file', () => {
  // Only root can give a file away.
  const itAsRoot = it.runIf(runsAsRoot());

  itAsRoot('of root is as good as one of the owner of the data directory', async () => {
    await using node = configuredNode();
    chownSync(node.file, 0, 0);
    expect(node.read().settings.home).toBe(node.home);
  });

  itAsRoot('of another user is refused', async () => {
    await using node = configuredNode();
    const stranger = serverUser().uid + 1;
    chownSync(node.file, stranger, serverUser().gid);
    expect(await faultOf(node.read)).toEqual({
      kind: 'settings',
      message: `will not use the configuration ${node.file}: it belongs to user ${stranger}`,
      hint: `It must belong to root or to the owner of the data directory: chown ${serverUser().uid} ${node.file}`,
    });
  });

  it.each([0o620, 0o602, 0o666, 0o622])('that others may write (%o) is refused', async (mode) => {
    await using node = configuredNode();
    chmodSync(node.file, mode);
    expect(await faultOf(node.read)).toEqual({
      kind: 'settings',
      message: `will not use the configuration ${node.file}: others may write it`,
      detail: `Its mode is 0${mode.toString(8)}.`,
      hint: `chmod go-w ${node.file}`,
    });
  });

  it.each([0o600, 0o640, 0o644, 0o400, 0o755])('that only its owner may write (%o) is used', async (mode) => {
    await using node = configuredNode();
    chmodSync(node.file, mode);
    expect(node.read().settings.home).toBe(node.home);
  });

  it('that is a directory is no configuration', async () => {
    await using node = configuredNode();
    rmSync(node.file);
    mkdirSync(node.file);
    expect(await faultOf(node.read)).toEqual({
      kind: 'settings',
      message: `could not read the configuration ${node.file}: Is a directory`,
    });
  });
});

describe('the data directory of a configuration', () => {
  it('may be a link to the one of the call', async () => {
    await using node = configuredNode();
    const link = `${node.sandbox.path}/link`;
    symlinkSync(node.dataDirectory, link);
    node.configure(`[node]\ndata_directory = '${link}'\n`);
    expect(node.read().settings.dataDirectory).toBe(link);
  });

  it('must be the one of the call', async () => {
    await using node = configuredNode();
    const other = node.sandbox.directory('other');
    node.configure(`[node]\ndata_directory = '${other}'\n`);
    expect(await faultOf(node.read)).toEqual({
      kind: 'data-directory',
      message: `the configuration ${node.file} is for another data directory`,
      detail: `It names ${other}, but this call is for ${node.dataDirectory}.`,
      hint: `Correct node.data_directory, or, if this is a second cluster beside the first, make a home for it: ${node.sandbox.path}/twowarm-data`,
    });
  });

  it('must be there', async () => {
    await using node = configuredNode();
    const missing = `${node.sandbox.path}/missing`;
    node.configure(`[node]\ndata_directory = '${missing}'\n`);
    expect(await faultOf(node.read)).toEqual({
      kind: 'data-directory',
      message: `could not open the data directory ${missing}: No such file or directory`,
      detail: `It is node.data_directory of ${node.file}.`,
    });
  });

  it('needs a home beside it, which no program makes', async () => {
    await using node = configuredNode();
    const file = node.sandbox.file('elsewhere.toml', `[node]\ndata_directory = '${node.dataDirectory}'\n`);
    renameSync(node.home, `${node.home}.away`);
    Object.assign(node.call, { configOption: file });
    expect(await faultOf(node.read)).toEqual({
      kind: 'directory-missing',
      message: `twowarm's home ${node.home} does not exist`,
      hint: `Create it as the owner of the data directory: mkdir -m 700 ${node.home}`,
    });
  });
});
