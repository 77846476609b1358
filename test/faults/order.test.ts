// A zero from archiveWALFile is given after everything that makes it true: seen in the order of system calls.
import { describe, expect, it } from 'vitest';

import { beginOwnArchive } from '../../src/program/own-archive.ts';
import { commandLine, makeNode, type NodeFixture } from '../harness/node-fixture.ts';
import { giveToServerUser } from '../harness/server-user.ts';
import { segmentNamed } from '../harness/wal-files.ts';
import { trace, type Call } from './strace.ts';

const segment = segmentNamed(2);
const line = commandLine('archiveWALFile', `pg_wal/${segment}`, segment);

/** The calls of a run that ends with 0, with as many threads as libuv makes by itself. */
async function archiveTraced(node: NodeFixture): Promise<Call[]> {
  const traced = trace(node, line, { threads: 4 });
  expect(await traced.program.result).toMatchObject({ code: 0, stdout: '', stderr: '' });
  return traced.calls();
}

/** Every call of that name on those paths, of which there has to be one. */
function all(calls: readonly Call[], name: string, path: RegExp): Call[] {
  const found = calls.filter((call) => call.name === name && path.test(call.arguments));
  expect(found.length, `${name} ${path}`).toBeGreaterThan(0);
  return found;
}

/** Expects that each call of a step has succeeded before any call of the next step is entered. */
function expectOrder(...steps: readonly Call[][]): void {
  for (const [index, step] of steps.entries()) {
    const next = steps[index + 1];
    if (next === undefined) continue;
    expect(step.every(({ result }) => result !== undefined && !result.startsWith('-1'))).toBe(true);
    const left = Math.max(...step.map((call) => call.left ?? Infinity));
    expect(left, `${step[0]!.name} before ${next[0]!.name}`).toBeLessThan(
      Math.min(...next.map(({ entered }) => entered)),
    );
  }
}

describe('archiveWALFile', () => {
  it('writes, syncs, names, syncs the directory, and only then exits with 0', async () => {
    await using node = await makeNode('order');
    node.segment(segment);
    const calls = await archiveTraced(node);
    expectOrder(
      all(calls, 'write', /^<~\/db2\/\.tmp\./),
      all(calls, 'fsync', /^<~\/db2\/\.tmp\./),
      all(calls, 'link', new RegExp(`^"~/db2/\\.tmp\\..*", "~/db2/${segment}"$`)),
      all(calls, 'fsync', /^<~\/db2>$/),
      all(calls, 'exit_group', /^0$/),
    );
    expect(
      calls.filter(({ name }) => name.startsWith('rename')).map((call) => call.arguments),
    ).not.toContainEqual(expect.stringContaining('~/db2/'));
  });

  it('syncs a file that is there already, and its directory, before it says so', async () => {
    await using node = await makeNode('order');
    node.segment(segment);
    await archiveTraced(node);
    const calls = await archiveTraced(node);
    expectOrder(
      all(calls, 'fsync', new RegExp(`^<~/db2/${segment}>$`)),
      all(calls, 'fsync', /^<~\/db2>$/),
      all(calls, 'exit_group', /^0$/),
    );
  });

  it('does so in the own archive of a node that was triggered, too, before it exits with 0', async () => {
    await using node = await makeNode('order');
    beginOwnArchive(node.home, '0123456789abcdef', { since: '2026-11-21T04:00:00.000Z', timeline: 2 });
    giveToServerUser(node.path('twowarm/state/own-archive'));
    // Its first use makes .twowarm, and syncs the directory for that.
    const first = node.segment(segmentNamed(1));
    await node.archive(`pg_wal/${first}`, first);
    node.segment(segment);
    const calls = await archiveTraced(node);
    for (const directory of ['db2', 'twowarm/archive']) {
      expectOrder(
        all(calls, 'fsync', new RegExp(`^<~/${directory}/\\.tmp\\.`)),
        all(calls, 'link', new RegExp(`^"~/${directory}/\\.tmp\\..*", "~/${directory}/${segment}"$`)),
        all(calls, 'fsync', new RegExp(`^<~/${directory}>$`)),
        all(calls, 'exit_group', /^0$/),
      );
    }
  });
});
