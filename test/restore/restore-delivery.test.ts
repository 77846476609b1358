// The last step of restoreWALFile: what may stand at %p, and what is never left in pg_wal. And its command line.
import { chmodSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { installation, program } from '../harness/installation.ts';
import {
  commandLine,
  makeNode,
  oneDestination,
  refused,
  silent,
  type NodeFixture,
} from '../harness/node-fixture.ts';
import { startProgram } from '../harness/run.ts';
import { inTurn, placeOf } from '../harness/share.ts';
import { withSlowCalls } from '../harness/slow-calls.ts';
import { anotherCluster, segmentBytes, segmentNamed } from '../harness/wal-files.ts';
import { waitFor } from '../harness/wait-for.ts';

const target = 'pg_wal/RECOVERYXLOG';
const name = segmentNamed(0x21);
const configuration = (path: (name: string) => string): string =>
  `${oneDestination(path)}[restore]\nsources = ['file:${path('source')}']\nretry_limit = '100ms'\nwait = 'off'\n`;

let node: NodeFixture;
beforeAll(async () => {
  node = await makeNode('restore-delivery', { configuration, directories: ['db2', 'source'] });
  await node.restore(segmentNamed(1), target);
  node.segment(name, {}, 'source');
  // The one note that a first delivery leaves: the directory for notes.
  await node.restore(name, target);
});
beforeEach(() => {
  node.mode('recovery');
  node.configure(configuration(node.path));
  rmSync(node.path(`data/${target}`), { recursive: true, force: true });
});
afterAll(() => node[Symbol.asyncDispose]());

const error = (...lines: string[]): string => `restoreWALFile: ERROR:  ${lines.join('\n')}\n`;

describe('what stands at %p', () => {
  it('stays when it is another file', async () => {
    node.sandbox.file(`data/${target}`, segmentBytes(name, { content: 0x33 }));
    const message = error(
      `could not restore ${name}: will not replace ${node.path(`data/${target}`)}: it exists with other content`,
    );
    expect(await node.restore(name, target)).toEqual(refused(200, message));
  });

  it('stays when it is a directory', async () => {
    mkdirSync(node.path(`data/${target}`));
    const message = error(
      `could not restore ${name}: will not replace ${node.path(`data/${target}`)}: it exists with other content`,
    );
    expect(await node.restore(name, target)).toEqual(refused(200, message));
  });

  it('may be the same file', async () => {
    node.sandbox.file(`data/${target}`, segmentBytes(name));
    expect(await node.restore(name, target)).toEqual(silent());
  });

  it('may be named by an absolute path', async () => {
    const changed = [`created data/${target}`];
    expect(await node.restore(name, join(node.dataDirectory, target))).toEqual(silent(changed));
  });

  it('may have the name of the segment itself, as pg_rewind asks', async () => {
    node.mode('none');
    expect(await node.restore(name, `pg_wal/${name}`)).toEqual(silent([`created data/pg_wal/${name}`]));
    rmSync(node.path(`data/pg_wal/${name}`));
  });

  it('cannot be in a directory that is missing', async () => {
    const directory = node.path('data/pg_xlog');
    const message = error(
      `could not restore ${name}: could not create a file in ${directory}: No such file or directory`,
    );
    expect(await node.restore(name, 'pg_xlog/RECOVERYXLOG')).toEqual(refused(200, message));
  });

  it('cannot be written when pg_wal is closed', async () => {
    chmodSync(node.path('data/pg_wal'), 0o500);
    const outcome = await node.restore(name, target);
    chmodSync(node.path('data/pg_wal'), 0o700);
    const message = error(
      `could not restore ${name}: could not create a file in ${node.path('data/pg_wal')}: Permission denied`,
    );
    expect(outcome).toEqual(refused(200, message));
  });
});

describe('a restore that is stopped', () => {
  it('by SIGTERM dies of it and leaves nothing in pg_wal', async () => {
    const slow = { calls: ['fstat', 'newfstatat', 'fchmod'], delayMs: 200 };
    const line = withSlowCalls(commandLine('restoreWALFile', name, target), slow);
    const call = startProgram('/bin/sh', ['-c', line], { cwd: node.dataDirectory });
    await waitFor('a temporary file', () => readdirSync(node.path('data/pg_wal')).length > 0);
    call.kill('SIGTERM');
    const { code, signal, stdout, stderr } = await call.result;
    expect({ code, signal, stdout, stderr }).toEqual({
      code: null,
      signal: 'SIGTERM',
      stdout: '',
      stderr: '',
    });
    expect(readdirSync(node.path('data/pg_wal'))).toEqual([]);
  });

  it('by its time limit answers that it cannot know', async () => {
    node.configure(
      configuration(node.path).replace("retry_limit = '100ms'", "time_limit = '300ms'\nretry_limit = '1ms'"),
    );
    await node.restore(segmentNamed(2), target);
    const line = withSlowCalls(commandLine('restoreWALFile', name, target), {
      calls: ['link', 'linkat'],
      delayMs: 3000,
    });
    const call = startProgram('/bin/sh', ['-c', line], { cwd: node.dataDirectory });
    const { code, stderr } = await call.result;
    const message = error(
      `could not restore ${name} from file:${node.path('source')}: no answer within 300ms`,
    );
    expect({ code, stderr }).toEqual({ code: 200, stderr: message });
    rmSync(node.path(`data/${target}`), { force: true });
    await node.restore(segmentNamed(2), target);
    expect(readdirSync(node.path('data/pg_wal'))).toEqual([]);
  });
});

describe.each([
  ['standby', 1],
  ['recovery', 200],
  ['none', 1],
] as const)('a call that is wrong under %s', (mode, code) => {
  const its = inTurn(3, placeOf[mode]);
  beforeEach(() => node.mode(mode));
  const usage = 'HINT:  Usage: restoreWALFile [OPTION]... %f %p [%r]; see restoreWALFile --help.';

  its.each([
    ['no arguments', [], 'missing argument %f'],
    ['one argument', [name], 'missing argument %p'],
    ['four arguments', [name, target, name, 'x'], 'too many arguments, the first is "x"'],
    ['an empty %f', ['', target], 'argument %f is empty'],
    ['an unknown option', ['--wiat', name, target], 'unknown option "--wiat"'],
  ])(`is answered ${code}: %s`, async (_, words, message) => {
    expect(await node.restore(...words)).toEqual(refused(code, error(message, usage)));
  });

  its(`is answered ${code}: %f and %p swapped`, async () => {
    const message = error(
      `"${target}" is not the name of a file that PostgreSQL restores`,
      'HINT:  Are %f and %p swapped? The order is %f %p.',
    );
    expect(await node.restore(target, name)).toEqual(refused(code, message));
  });

  its.each(['../etc/passwd', name.toLowerCase().replace('21', 'ab'), `${name}.gz`, `${name}\n`])(
    `is answered ${code}: %j is no name`,
    async (file) => {
      const shown = file.replace('\n', '\\x0a');
      const message = error(`"${shown}" is not the name of a file that PostgreSQL restores`);
      expect(await node.restore(file, target)).toEqual(refused(code, message));
    },
  );

  its(`is answered ${code}: the configuration is wrong`, async () => {
    node.configure("[restore]\nsource = ['x']\n");
    const message = error(
      `cannot use the configuration ${node.path('twowarm/twowarm.toml')}: line 4: unknown key "source" in [restore]; did you mean "sources"?`,
    );
    expect(await node.restore(name, target)).toEqual(refused(code, message));
  });

  its(`is answered ${code}: the configuration is missing`, async () => {
    rmSync(node.path('twowarm/twowarm.toml'));
    const message = error(
      `could not find the configuration: there is no ${node.path('twowarm/twowarm.toml')} and no /etc/twowarm/twowarm.toml`,
      `HINT:  Create it from ${installation()}/conf-templates/twowarm.toml, or name it with --config or TWOWARM_CONFIG.`,
    );
    expect(await node.restore(name, target)).toEqual(refused(code, message));
  });

  its(`is answered ${code}: the source is of a kind that is not built`, async () => {
    node.configure("[restore]\nsources = ['s3://db1/archive']\nretry_limit = '1ms'\nwait = 'off'\n");
    const message = error(
      `could not restore ${name}: s3 destinations and sources are not built yet: s3://db1/archive`,
      'HINT:  This version knows file:, ssh:, sftp:, rsync: and rsync+ssh:.',
    );
    expect(await node.restore(name, target)).toEqual(refused(code, message));
  });

  its(`is answered ${code}: the home is another cluster’s`, async () => {
    const record = node.path('twowarm/state/node.json');
    const text = readFileSync(record, 'utf8');
    writeFileSync(
      record,
      text.replace(/"systemIdentifier": "\d+"/, `"systemIdentifier": "${anotherCluster}"`),
    );
    const outcome = await node.restore(name, target);
    writeFileSync(record, text);
    expect({ ...outcome, stderr: outcome.stderr.split('\n')[0] }).toEqual(
      refused(code, `restoreWALFile: ERROR:  the home ${node.home} belongs to another cluster`),
    );
  });
});

describe('a server before 12', () => {
  const its = inTurn(2);
  its.each([
    ["standby_mode = 'on'", 1],
    ['standby_mode = true', 1],
    ['standby_mode=y', 1],
    ["standby_mode = 'off'", 200],
    ["restore_command = 'x'", 200],
    ["#standby_mode = 'on'", 200],
    ["standby_mode = 'on'\nstandby_mode = 'off'", 200],
  ])('with recovery.conf saying %j is answered %i when it cannot be known', async (text, code) => {
    node.mode('none');
    node.sandbox.file('data/recovery.conf', `${text}\n`);
    const outcome = await node.restore('x', target);
    rmSync(node.path('data/recovery.conf'));
    expect(outcome).toEqual(refused(code, error('"x" is not the name of a file that PostgreSQL restores')));
  });
});

describe('--help and --version', () => {
  it('--help tells both codes of "cannot know" and the line for postgresql.conf', async () => {
    node.mode('none');
    const { code, stdout, stderr } = await node.restore('--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n').slice(0, 3)).toEqual([
      'Usage: restoreWALFile [OPTION]... %f %p [%r]',
      '',
      'Brings one requested WAL file back from the first source that has it; called by restore_command.',
    ]);
    expect(stdout).toContain(`  restore_command = '${program('restoreWALFile')} %f %p %r'\n`);
    expect(stdout).toContain(
      '  200  it cannot be known, under recovery.signal: recovery stops instead of ending early\n',
    );
  });

  it('--version says the version', async () => {
    const { code, stdout } = await node.restore('--version');
    expect({ code, stdout: stdout.replace(/\d+\.\d+\.\d+/, 'N') }).toEqual({
      code: 0,
      stdout: 'restoreWALFile (twowarm) N\n',
    });
  });
});
