// The command line of twowarm check, its first line, its exit codes, its JSON, and the lines for cron.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { steps } from '../../../src/cluster/check/steps.ts';
import { installation } from '../../harness/installation.ts';
import { commandLine, makeNode, type NodeFixture, type Outcome } from '../../harness/node-fixture.ts';
import { program } from '../../harness/installation.ts';
import { run } from '../../harness/run.ts';
import { runsAsRoot } from '../../harness/server-user.ts';
import type { Answer } from './check.ts';

let node: NodeFixture;
beforeAll(async () => {
  node = await makeNode('check-command');
});
afterAll(() => node[Symbol.asyncDispose]());

const check = (...words: string[]): Promise<Outcome> => node.sh(commandLine('twowarm', 'check', ...words));
const error = (...lines: string[]): string => `twowarm check: ERROR:  ${lines.join('\n')}\n`;
const usage = 'HINT:  Usage: twowarm check [OPTION]...; see twowarm check --help.';

describe('twowarm check', () => {
  it('refuses what it does not understand as UNKNOWN', async () => {
    const refused = (stderr: string) => ({ code: 3, stdout: '', stderr, changed: [] });
    expect(await check('--fulll')).toEqual(
      refused(error('unknown option "--fulll"; did you mean "--full"?', usage)),
    );
    expect(await check('--quick', '--full')).toEqual(
      refused(error('--quick and --full contradict each other')),
    );
    expect(await check('--timeout', '5')).toEqual(
      refused(error('--timeout must be a number with a unit (ms, s, min, h, d), such as \'5s\', not "5"')),
    );
    expect(await check('--only', 'segment')).toEqual(refused(error('the check "segment" needs --full')));
    expect(await check('--only', 'archiv')).toEqual(
      refused(
        error(
          'there is no check "archiv"; did you mean "archiver"?',
          `HINT:  There are: ${steps.map(({ id }) => id).join(', ')}.`,
        ),
      ),
    );
  });

  it('begins with the line that monitoring reads, the worst first, and ends with its code', async () => {
    const { code, stdout } = await check('--only', 'server,archive-timeout,archiving-state,connection');
    expect({ code, first: stdout.split('\n')[0] }).toEqual({
      code: 2,
      first: expect.stringMatching(
        /^CRITICAL: twowarm check on \S+ \(primary\): server, archive-timeout \(4 checks: 1 ok, 1 warning, 1 critical, 1 skipped\)$/,
      ) as string,
    });
  });

  it('prints with --quiet only what is not well', async () => {
    const words = ['--only', 'configuration,destinations,archive-timeout,archiving-state'];
    const [all, quiet] = [await check(...words), await check(...words, '--quiet')];
    const wrong = all.stdout.split('\n').filter((line) => !/^(ok|skipped) /.test(line));
    expect({ code: quiet.code, lines: quiet.stdout.split('\n') }).toEqual({ code: 1, lines: wrong });
    expect(wrong.length).toBe(5);
    expect(await check('--only', 'configuration', '--quiet')).toMatchObject({ code: 0, stdout: '' });
  });

  it('prints one JSON object, in the order of the declarations', async () => {
    const { code, stdout } = await check('--json', '--only', 'destination,trigger-file,home');
    const answer = JSON.parse(stdout) as Answer;
    expect(answer).toMatchObject({ status: 'WARNING', role: 'primary', version: '0.1.0', hops: [] });
    expect({ code, ids: answer.steps.map(({ id, subject }) => [id, subject]) }).toEqual({
      code: 1,
      ids: [
        ['home', null],
        ['trigger-file', null],
        ['destination-road', 'db2'],
        ['destination-owner', 'db2'],
        ['destination-place', 'db2'],
        ['destination-room', 'db2'],
        ['destination-write', 'db2'],
      ],
    });
    const room = answer.steps[5]!.findings[0]!.figures;
    expect(Object.keys(room)).toEqual(['freeBytes', 'totalBytes', 'segments', 'lastsHours']);
  });

  it('finds a configuration that cannot be used critical, and says of everything else that it was not judged', async () => {
    await using broken = await makeNode('check-broken');
    rmSync(broken.path('twowarm/twowarm.toml'));
    const { code, stdout, stderr } = await broken.sh(commandLine('twowarm', 'check', '--json'));
    const { status, node: name, role, steps: done } = JSON.parse(stdout) as Answer;
    expect({ code, stderr, status, name, role }).toEqual({
      ...{ code: 2, stderr: '', status: 'CRITICAL', name: null, role: null },
    });
    expect(done[0]).toMatchObject({ id: 'configuration', level: 'critical' });
    expect(new Set(done.slice(1).map(({ level }) => level))).toEqual(new Set(['skipped']));
    // Asked for one of these alone it is not well either.
    const one = await broken.sh(commandLine('twowarm', 'check', '--only', 'destination-room', '--quiet'));
    expect({ code: one.code, first: one.stdout.split('\n')[0] }).toEqual({
      code: 2,
      first: 'CRITICAL: twowarm check: configuration (2 checks: 1 critical, 1 skipped)',
    });
  });

  it('is the same for root, who becomes the owner of the data directory', async () => {
    expect(runsAsRoot()).toBe(true);
    const words = ['check', '-D', node.dataDirectory, '--only', 'configuration,file-modes,destination-write'];
    const { code, stdout } = await run(program('twowarm'), words, { user: 'self' });
    expect({ code, first: stdout.split('\n')[0] }).toEqual({
      code: 0,
      first: expect.stringMatching(/: 3 checks: 3 ok$/) as string,
    });
  });

  it('leaves nothing behind, whatever it looks at', async () => {
    expect(await check()).toMatchObject({ changed: [] });
  });

  it('is called by cron as the template has it', async () => {
    const text = readFileSync(join(installation(), 'conf-templates', 'twowarm-check.cron'), 'utf8');
    const lines = text.split('\n').filter((line) => /^[*\d]/.test(line));
    expect(lines).toEqual([
      '*/15 * * * * postgres /usr/local/bin/twowarm check --quiet -D /var/lib/postgresql/15/main',
      '10 4 * * * postgres /usr/local/bin/twowarm check --full --quiet -D /var/lib/postgresql/15/main',
    ]);
    const words = lines[0]!.split(' ').slice(7, -1);
    const { code, stdout } = await node.sh(commandLine('twowarm', ...words, node.dataDirectory));
    // Something is not well with a server that does not run, so that it is said.
    expect({ code, isSaid: stdout.startsWith('CRITICAL: twowarm check on ') }).toEqual({
      code: 2,
      isSaid: true,
    });
  });
});

describe('the steps', () => {
  it('have ids of their own, and need only steps that exist and come before them', () => {
    const ids = steps.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !/^[a-z]+(-[a-z]+)*$/.test(id))).toEqual([]);
    for (const [index, { id, needs = [], after = [] }] of steps.entries())
      for (const other of [...needs, ...after])
        expect(ids.slice(0, index), `${id} needs ${other}`).toContain(other);
  });
});
