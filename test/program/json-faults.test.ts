// A command that was asked for JSON prints one object also when it fails; the text on stderr stays.
import { describe, expect, it } from 'vitest';

import { program } from '../harness/installation.ts';
import { makeNode, type NodeFixture } from '../harness/node-fixture.ts';
import { run, type RunResult } from '../harness/run.ts';

const call = (node: NodeFixture, name: string, ...words: string[]): Promise<RunResult> =>
  run(program(name), words, { cwd: node.dataDirectory });

describe('a fault of a call with --json', () => {
  it('is one JSON object on stdout, beside the text on stderr', async () => {
    await using node = await makeNode('json-faults');
    const { code, stdout, stderr } = await call(node, 'triggerStandby', '--json');
    const message = `the server in ${node.dataDirectory} is not running`;
    const hint = `Start it, then run triggerStandby again: pg_ctl start -D ${node.dataDirectory}`;
    const detail = 'A standby is promoted while it runs.';
    expect(code).toBe(50);
    expect(stderr).toBe(`triggerStandby: ERROR:  ${message}\nDETAIL:  ${detail}\nHINT:  ${hint}\n`);
    expect(stdout).toBe(
      `${JSON.stringify({ outcome: 'failed', kind: 'server-not-running', message, detail, hint, exitCode: 50 })}\n`,
    );
  });

  it.each([
    ['configSetup', ['--json']],
    ['twowarm', ['archiving', 'status', '--json']],
    ['twowarm', ['prune', '000000010000000000000001', '--json']],
    ['triggerStandby', ['fast', '--json']],
  ])('is one of every command that has the option: %s %j', async (name, words) => {
    await using node = await makeNode('json-faults', { configuration: () => 'nonsense = 1\n', used: false });
    const { code, stdout } = await call(node, name, ...words);
    expect(code).toBe(3);
    expect(stdout.split('\n')).toHaveLength(2);
    expect(JSON.parse(stdout)).toEqual({
      outcome: 'failed',
      kind: 'settings',
      message: `cannot use the configuration ${node.path('twowarm/twowarm.toml')}: line 3: unknown key "nonsense" in [node]`,
      detail: null,
      hint: null,
      exitCode: 3,
    });
  });

  it('is one where the command line itself is wrong', async () => {
    await using node = await makeNode('json-faults', { used: false });
    const { code, stdout } = await call(node, 'configSetup', '--jsn', '--json');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ outcome: 'failed', kind: 'usage', exitCode: 2 });
  });

  it('is text alone without it, and for a command that has no such option', async () => {
    await using node = await makeNode('json-faults', { used: false });
    expect(await call(node, 'triggerStandby')).toMatchObject({ code: 50, stdout: '' });
    expect(await call(node, 'archiveWALFile', '--json')).toMatchObject({ code: 2, stdout: '' });
  });

  it('is told of by --help', async () => {
    await using node = await makeNode('json-faults', { used: false });
    const { stdout } = await call(node, 'triggerStandby', '--help');
    expect(stdout).toContain(
      'Print one JSON object. A failure, too, prints one JSON object, beside its text on stderr: outcome "failed", kind, message, detail, hint, exitCode.',
    );
  });
});
