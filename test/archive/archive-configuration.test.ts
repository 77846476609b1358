// archiveWALFile with a configuration that cannot be used, or a home or data directory that is not what it should be:
// it says which, and PostgreSQL keeps the WAL.
import { chmodSync, chownSync, copyFileSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { installation } from '../harness/installation.ts';
import {
  commandLine,
  controlFile,
  makeNode,
  oneDestination,
  refused,
  silent,
  type NodeFixture,
  type Outcome,
} from '../harness/node-fixture.ts';
import { runsAsRoot } from '../harness/server-user.ts';
import { inTurn } from '../harness/share.ts';
import { anotherCluster, ourCluster, segmentNamed } from '../harness/wal-files.ts';

const name = segmentNamed(0x21);
let node: NodeFixture;
beforeEach(async () => {
  node = await makeNode('archive-configuration');
  node.segment(name);
});
afterEach(() => node[Symbol.asyncDispose]());

const archive = (): Promise<Outcome> => node.archive(`pg_wal/${name}`, name);
const error = (...lines: string[]): string => `archiveWALFile: ERROR:  ${lines.join('\n')}\n`;
const file = (): string => node.path('twowarm/twowarm.toml');
const destination = (...lines: string[]): string => `${oneDestination(node.path)}${lines.join('\n')}\n`;

describe('a configuration that is wrong', () => {
  // [node] and data_directory are lines 1 and 2, [destination.db2] and its url 3 and 4.
  const wrong: [string, () => string, string][] = [
    [
      'an unknown key',
      () => destination("compresion = 'none'"),
      'line 5: unknown key "compresion" in [destination.db2]; did you mean "compression"?',
    ],
    [
      'an unknown section',
      () => destination('[archve]'),
      'line 5: unknown key "archve"; did you mean "archive"?',
    ],
    [
      'a duration without a unit',
      () => destination("time_limit = '5'"),
      'line 5: "destination.db2.time_limit" is not a duration: write a number with a unit (ms, s, min, h, d), such as \'5s\'',
    ],
    [
      'a number for a duration',
      () => destination('time_limit = 5'),
      'line 5: "destination.db2.time_limit" must be text in quotes, such as \'5s\'',
    ],
    [
      'a policy nobody knows',
      () => destination("policy = 'must'"),
      "line 5: \"destination.db2.policy\" must be one of 'required', 'fallback', 'best-effort'",
    ],
    [
      'best-effort where nothing is required',
      () => destination("policy = 'best-effort'"),
      "line 5: \"destination.db2.policy\" must not be 'best-effort' where no destination is 'required': archive_command would succeed without a copy",
    ],
    [
      'a fallback without anybody to stand in for',
      () => destination("policy = 'fallback'"),
      'line 3: "destination.db2.for" is missing: it names the required destinations that this fallback stands in for',
    ],
    ['no url', () => "[destination.db2]\npolicy = 'required'\n", 'line 3: "destination.db2.url" is missing'],
    [
      'a relative path',
      () => destination('[archive]', "directory = 'archive'"),
      'line 6: "archive.directory" must be an absolute path',
    ],
    [
      'a name with a space',
      () => '[destination."db 2"]\nurl = \'file:/x\'\n',
      'line 3: "destination.db 2" is not a name: use letters, digits, "-" and "_"',
    ],
  ];
  inTurn(3).each(wrong)('is refused: %s', async (_, toml, problem) => {
    node.configure(toml());
    const message = error(`cannot use the configuration ${file()}: ${problem}`);
    expect(await archive()).toEqual(refused(3, message));
  });

  it('is told all its problems at once', async () => {
    node.configure(destination("compresion = 'none'", '[archive]', "directory = ''"));
    const message = error(
      `cannot use the configuration ${file()}: line 5: unknown key "compresion" in [destination.db2]; did you mean "compression"?`,
      'DETAIL:  Also line 7: "archive.directory" must not be empty; line 7: "archive.directory" must be an absolute path',
    );
    expect(await archive()).toEqual(refused(3, message));
  });

  inTurn(3).each([
    ["url = 'file:/x", 'line 4: control characters are not allowed in strings'],
    ["url = 'file:/x'\nurl = 'file:/y'", 'line 5: trying to redefine an already defined table or value'],
    ['= 3', 'line 4: unexpected end of key'],
    ['url = file:/x', `line 4: the value of "url" must be in quotes: url = 'file:/x'`],
    ['time_limit = 5s # long', `line 4: the value of "time_limit" must be in quotes: time_limit = '5s'`],
    ['accept = [x]', 'line 4: invalid value'],
  ])('is refused: not TOML: %j', async (text, problem) => {
    node.configure(`[destination.db2]\n${text}\n`);
    const message = error(`cannot read the configuration ${file()}: ${problem}`);
    expect(await archive()).toEqual(refused(3, message));
  });

  it('is refused: empty', async () => {
    node.sandbox.file('twowarm/twowarm.toml', '');
    const message = error(`cannot use the configuration ${file()}: "node" is missing`);
    expect(await archive()).toEqual(refused(3, message));
  });

  it('is refused: no destination', async () => {
    node.configure('');
    const message = error(
      `could not archive ${name}: no destination is configured`,
      `HINT:  Add a [destination.<name>] with its url to ${file()}.`,
    );
    expect(await archive()).toEqual(refused(3, message));
  });
});

describe('what this version lacks', () => {
  const lacking: [string, () => string, () => string[]][] = [
    [
      'asynchronous archiving',
      () => destination('[archive_async]', 'enabled = true'),
      () => [`asynchronous archiving is not built yet (${file()}:6)`],
    ],
    [
      's3',
      () => "[destination.db2]\nurl = 's3://postgres:secret@db2/archive'\n",
      () => [
        `could not store ${name}: s3 destinations and sources are not built yet: s3://postgres:…@db2/archive`,
        'HINT:  This version knows file:, ssh:, sftp:, rsync: and rsync+ssh:.',
      ],
    ],
  ];
  inTurn(2).each(lacking)('is refused by name: %s', async (_, toml, lines) => {
    node.configure(toml());
    expect(await archive()).toEqual(refused(4, error(...lines())));
  });

  inTurn(2).each(['/mnt/archive', 'file:archive', 'file://host/archive', 'file:', 'gopher://x'])(
    'is no URL: %s',
    async (url) => {
      node.configure(`[destination.db2]\nurl = '${url}'\n`);
      const cure =
        'write file: and an absolute directory, such as file:/mnt/db2/archive, or ssh://user@host:port and one there';
      const message = error(
        `cannot use the configuration ${file()}: line 4: "destination.db2.url" cannot be "${url}": ${cure}`,
      );
      expect(await archive()).toEqual(refused(3, message));
    },
  );
});

describe('two destinations', () => {
  it('are refused when they are one directory: that would look like two copies', async () => {
    node.configure(`[destination.a]\nurl = 'file:/mnt/x'\n[destination.b]\nurl = 'file:///mnt/x/'\n`);
    const message = error(
      `cannot use the configuration ${file()}: line 6: "destination.b.url" is the same place as "destination.a.url"`,
    );
    expect(await archive()).toEqual(refused(3, message));
  });
});

describe('a configuration file that cannot be trusted or read', () => {
  inTurn(3).each(['620', '602', '666'])('is refused with mode %s', async (mode) => {
    chmodSync(file(), Number.parseInt(mode, 8));
    const message = error(
      `will not use the configuration ${file()}: others may write it`,
      `DETAIL:  Its mode is 0${mode}.`,
      `HINT:  chmod go-w ${file()}`,
    );
    expect(await archive()).toEqual(refused(3, message));
  });

  it.runIf(runsAsRoot())(
    'is refused when it is somebody else’s, and accepted when it is root’s',
    async () => {
      chmodSync(file(), 0o644);
      chownSync(file(), 54_321, 54_321);
      const owner = (await node.sh('id -u')).stdout.trim();
      const message = error(
        `will not use the configuration ${file()}: it belongs to user 54321`,
        `HINT:  It must belong to root or to the owner of the data directory: chown ${owner} ${file()}`,
      );
      expect(await archive()).toEqual(refused(3, message));
      chownSync(file(), 0, 0);
      expect(await archive()).toEqual(silent([`created db2/${name}`]));
    },
  );

  it('is refused when it cannot be read', async () => {
    chmodSync(file(), 0);
    const message = error(`could not read the configuration ${file()}: Permission denied`);
    expect(await archive()).toEqual(refused(3, message));
  });

  it('is refused when it is a directory', async () => {
    rmSync(file());
    mkdirSync(file(), 0o755);
    const message = error(`could not read the configuration ${file()}: Is a directory`);
    expect(await archive()).toEqual(refused(3, message));
  });

  it('is missed when there is none', async () => {
    rmSync(file());
    const message = error(
      `could not find the configuration: there is no ${file()} and no /etc/twowarm/twowarm.toml`,
      `HINT:  Create it from ${installation()}/conf-templates/twowarm.toml, or name it with --config or TWOWARM_CONFIG.`,
    );
    expect(await archive()).toEqual(refused(3, message));
  });

  inTurn(2).each(['TWOWARM_CONFIG', '--config'])('is missed where %s points', async (means) => {
    const nowhere = node.path('nowhere.toml');
    const words = means === '--config' ? ['--config', nowhere] : [];
    const line = commandLine('archiveWALFile', ...words, `pg_wal/${name}`, name);
    const message = error(`could not read the configuration ${nowhere}: No such file or directory`);
    const env = means === '--config' ? {} : { TWOWARM_CONFIG: nowhere };
    expect(await node.sh(line, { env })).toEqual(refused(3, message));
  });
});

describe('a home', () => {
  it('that is missing is not created', async () => {
    const elsewhere = node.sandbox.file('etc/twowarm.toml', '');
    copyFileSync(file(), elsewhere);
    rmSync(node.home, { recursive: true });
    const line = commandLine('archiveWALFile', `pg_wal/${name}`, name);
    const message = error(
      `twowarm's home ${node.home} does not exist`,
      `HINT:  Create it as the owner of the data directory: mkdir -m 700 ${node.home}`,
    );
    expect(await node.sh(line, { env: { TWOWARM_CONFIG: elsewhere } })).toEqual(refused(20, message));
  });

  inTurn(3).each(['720', '702', '777'])('that others may write to is refused: mode %s', async (mode) => {
    chmodSync(node.home, Number.parseInt(mode, 8));
    const message = error(
      `will not use the home ${node.home}: others may write to it`,
      `DETAIL:  Its mode is 0${mode}.`,
      `HINT:  chmod 700 ${node.home}`,
    );
    expect(await archive()).toEqual(refused(3, message));
  });

  it('named by TWOWARM_HOME must be absolute', async () => {
    const line = commandLine('archiveWALFile', `pg_wal/${name}`, name);
    const message = error('TWOWARM_HOME must be an absolute path, but is "../twowarm"');
    expect(await node.sh(line, { env: { TWOWARM_HOME: '../twowarm' } })).toEqual(refused(3, message));
  });

  it('of a sibling goes before the common one', async () => {
    renameSync(node.home, node.path('twowarm-data'));
    node.sandbox.file('twowarm/twowarm.toml', 'not this one');
    expect(await archive()).toEqual(silent([`created db2/${name}`]));
  });

  it('that another cluster used is refused', async () => {
    node.sandbox.file('data/global/pg_control', controlFile(anotherCluster));
    node.segment(name, { systemIdentifier: anotherCluster });
    const message = error(
      `the home ${node.home} belongs to another cluster`,
      `DETAIL:  It serves system identifier ${ourCluster}; ${node.dataDirectory} has ${anotherCluster}.`,
      `HINT:  Give this cluster a home of its own. If it replaces the other one for good, move ${node.home}/state/node.json away.`,
    );
    expect(await archive()).toEqual(refused(13, message));
  });

  it('whose record is damaged is refused', async () => {
    const record = node.sandbox.file('twowarm/state/node.json', '{"id": "');
    const message = error(
      `the node's record ${record} is damaged`,
      'HINT:  Move it away if this home belongs to the cluster in its configuration; the next call makes a new one.',
    );
    expect(await archive()).toEqual(refused(28, message));
  });

  it('that the server may not write is refused on its first use', async () => {
    await using fresh = await makeNode('archive-home', { used: false });
    fresh.segment(name);
    chmodSync(fresh.home, 0o500);
    const message = error(`could not create the directory ${fresh.home}/state: Permission denied`);
    expect(await fresh.archive(`pg_wal/${name}`, name)).toEqual(refused(21, message));
  });
});

describe('a data directory', () => {
  it('without pg_control is refused', async () => {
    const control = node.path('data/global/pg_control');
    rmSync(control);
    const message = error(`could not read ${control}: No such file or directory`);
    expect(await archive()).toEqual(refused(5, message));
  });

  inTurn(2).each([
    ['empty', Buffer.alloc(0)],
    ['zeroed', Buffer.alloc(8192)],
    ['cut short', controlFile(ourCluster).subarray(0, 8)],
  ])('with a pg_control that is %s is refused', async (_, bytes) => {
    const control = node.sandbox.file('data/global/pg_control', bytes);
    const message = error(`${control} is not a control file: it is too short or zero`);
    expect(await archive()).toEqual(refused(5, message));
  });

  it('that is not the configured one is refused', async () => {
    node.sandbox.file('second/PG_VERSION', '15\n');
    const line = commandLine('archiveWALFile', `pg_wal/${name}`, name);
    const message = error(
      `the configuration ${file()} is for another data directory`,
      `DETAIL:  It names ${node.dataDirectory}, but this call is for ${node.path('second')}.`,
      `HINT:  Correct node.data_directory, or, if this is a second cluster beside the first, make a home for it: ${node.path('twowarm-second')}`,
    );
    expect(await node.sh(line, { cwd: node.path('second') })).toEqual(refused(5, message));
  });

  it('that is configured must exist', async () => {
    const gone = node.path('gone');
    node.sandbox.file(
      'twowarm/twowarm.toml',
      `[node]\ndata_directory = '${gone}'\n${oneDestination(node.path)}`,
    );
    const message = error(
      `could not open the data directory ${gone}: No such file or directory`,
      `DETAIL:  It is node.data_directory of ${file()}.`,
    );
    expect(await archive()).toEqual(refused(5, message));
  });

  it('must be named where it is not the working directory', async () => {
    const line = commandLine('archiveWALFile', `pg_wal/${name}`, name);
    const message = error(
      'could not find the configuration: there is no /etc/twowarm/twowarm.toml',
      'HINT:  Run this in the data directory, or name that with -D, or name the configuration with --config.',
    );
    expect(await node.sh(line, { cwd: node.sandbox.path })).toEqual(refused(3, message));
  });
});
