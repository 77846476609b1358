// Pruning by restore_command: after a delivery, a little with each call, never more than was asked for, never an error.
import { rmSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { trace } from '../faults/strace.ts';
import { commandLine, silent, type NodeFixture } from '../harness/node-fixture.ts';
import { segmentNamed } from '../harness/wal-files.ts';
import { fill, makePruner, named, namesIn, ofRegistry } from './archive-of-names.ts';

const target = 'pg_wal/RECOVERYXLOG';
const warning = (...lines: string[]): string => `restoreWALFile: WARNING:  ${lines.join('\n')}\n`;

/** A standby whose archive has segments 1 to 99, and segment 100 whole. */
async function withHundred(wanted = true, more = ''): Promise<NodeFixture> {
  const node = await makePruner(wanted, more);
  fill(node, 2, 100);
  node.segment(segmentNamed(100), {}, 'db2');
  return node;
}

/** Restores segment 100 as PostgreSQL does, and gives its place free again. */
async function restore(node: NodeFixture, restart: string, asked = 100) {
  rmSync(node.path(`data/${target}`), { force: true });
  const { changed, ...said } = await node.restore(segmentNamed(asked), target, restart);
  return { ...said, changed: changed.filter((change) => !ofRegistry.test(change)) };
}

describe('restoreWALFile with prune = true', () => {
  it('removes at most 64 segments a call, the oldest first, until those before %r are gone', async () => {
    await using node = await withHundred();
    expect(await restore(node, segmentNamed(98))).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(namesIn(node)).toEqual(named(65, 101));
    expect(statSync(node.path(`data/${target}`)).size).toBe(1024 * 1024);
    expect(await restore(node, segmentNamed(98))).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(namesIn(node)).toEqual(named(98, 101));
  });

  it('does not list the archive once it knows where it is', async () => {
    await using node = await withHundred();
    await restore(node, segmentNamed(50));
    rmSync(node.path(`data/${target}`));
    const line = commandLine('restoreWALFile', segmentNamed(100), target, segmentNamed(60));
    const traced = trace(node, line, { threads: 4, also: ['getdents64'] });
    expect(await traced.program.result).toMatchObject({ code: 0, stdout: '', stderr: '' });
    const listed = traced.calls().filter(({ name }) => name === 'getdents64');
    expect(listed.filter((call) => call.arguments.startsWith('<~/db2>'))).toEqual([]);
    // A traced call is slow, and stops pruning at its limit; the next one goes on.
    const left = namesIn(node);
    expect(left.length).toBeLessThan(named(50, 101).length);
    expect(left).toEqual(named(101 - left.length, 101));
  });

  it('removes nothing by a restart point newer than what is asked for', async () => {
    await using node = await withHundred();
    fill(node, 101, 105);
    for (const restart of [segmentNamed(101), segmentNamed(104), segmentNamed(101, 2)])
      expect(await restore(node, restart)).toEqual(silent([`created data/${target}`]));
    expect(namesIn(node)).toEqual(named(1, 105));
  });

  it('removes nothing where PostgreSQL knows no restart point yet', async () => {
    await using node = await withHundred();
    expect(await restore(node, '0'.repeat(24))).toEqual(silent([`created data/${target}`]));
  });

  it('warns of a garbled %r and delivers all the same', async () => {
    await using node = await withHundred();
    const message = warning(
      '"rubbish" is not the name of a segment of this cluster',
      'DETAIL:  Its segments have 1048576 bytes. Nothing is removed.',
      'HINT:  The restart file is what PostgreSQL puts in for %r.',
    );
    expect(await restore(node, 'rubbish')).toEqual({
      ...silent([`created data/${target}`]),
      stderr: message,
    });
  });

  it('removes nothing when it has delivered nothing', async () => {
    await using node = await withHundred(true, "wait = 'off'\n");
    expect(await restore(node, segmentNamed(50), 101)).toEqual({ ...silent(), code: 1 });
    node.sandbox.file('db2/00000002.history', '1\t0/500000\tno recovery target specified\n');
    const history = await node.restore('00000002.history', 'pg_wal/RECOVERYHISTORY', segmentNamed(50));
    expect(history).toEqual(silent(['created data/pg_wal/RECOVERYHISTORY']));
  });

  it.each(['recovery', 'none'] as const)('removes nothing in mode %s', async (mode) => {
    await using node = await withHundred();
    node.mode(mode);
    expect(await restore(node, segmentNamed(50))).toEqual(silent([`created data/${target}`]));
  });

  it("removes under recovery.signal where wait = 'warm': that is a standby", async () => {
    await using node = await withHundred(true, "wait = 'warm'\n");
    node.mode('recovery');
    expect(await restore(node, segmentNamed(40))).toMatchObject({ code: 0, stderr: '' });
    expect(namesIn(node)).toEqual(named(40, 101));
  });

  it('warns of an archive that it may only read, and delivers', async () => {
    await using node = await withHundred();
    await node.sh(`chmod 500 ${node.path('db2')}`);
    const outcome = await restore(node, segmentNamed(50));
    await node.sh(`chmod 700 ${node.path('db2')}`);
    expect({ code: outcome.code, stderr: outcome.stderr }).toEqual({
      code: 0,
      stderr: warning(`could not remove ${segmentNamed(1)} at file:${node.path('db2')}: Permission denied`),
    });
    expect(namesIn(node)).toEqual(named(1, 101));
  });

  it('leaves an archive alone that has no owner, and delivers', async () => {
    await using node = await withHundred();
    rmSync(node.path('db2/.twowarm'), { recursive: true });
    rmSync(node.path('twowarm/state/archives'), { recursive: true });
    // The first name that turns up tells the cluster: all of them must.
    for (const name of named(1, 100)) rmSync(node.path(`db2/${name}`));
    node.segment(segmentNamed(1), {}, 'db2');
    const outcome = await restore(node, segmentNamed(50));
    expect({ code: outcome.code, stderr: outcome.stderr }).toEqual({
      code: 0,
      stderr: warning(
        `the archive directory ${node.path('db2')} has no .twowarm/owner`,
        'DETAIL:  Whose files these are cannot be known; nothing is removed there.',
      ),
    });
    expect(namesIn(node)).toEqual([segmentNamed(1), segmentNamed(100)]);
  });
});

describe('restoreWALFile with prune = false', () => {
  it('removes nothing', async () => {
    await using node = await withHundred(false);
    expect(await restore(node, segmentNamed(50))).toEqual(silent([`created data/${target}`]));
  });
});
