// An archive may hold a million names: no program lists it to find one, nor looks further than its first thousand.
import { describe, expect, it } from 'vitest';

import { commandLine, makeNode, oneDestination, type NodeFixture } from '../harness/node-fixture.ts';
import { segmentNamed } from '../harness/wal-files.ts';
import { trace } from './strace.ts';

const stored = segmentNamed(2);
const absent = segmentNamed(3);

/** The directories that a run reads, once a first one has made everything. */
async function listedBy(node: NodeFixture, line: string, code: number): Promise<string[]> {
  const traced = trace(node, line, { threads: 4, also: ['getdents64'] });
  expect(await traced.program.result).toMatchObject({ code, stdout: '', stderr: '' });
  const reads = traced.calls().filter(({ name }) => name === 'getdents64');
  return reads.map((call) => /^<([^>]*)>/.exec(call.arguments)![1]!);
}

describe('the archive is not listed', () => {
  it('to store a segment, to compare one, to restore one, or to say that one is absent', async () => {
    const both = (path: (name: string) => string): string =>
      `${oneDestination(path)}[restore]\nsources = ['file:${path('db2')}']\n`;
    await using node = await makeNode('no-listing', { configuration: both });
    node.segment(stored);
    const archive = commandLine('archiveWALFile', `pg_wal/${stored}`, stored);
    await listedBy(node, archive, 0);
    const runs = [
      await listedBy(node, archive, 0),
      await listedBy(node, commandLine('restoreWALFile', stored, 'pg_wal/RECOVERYXLOG'), 0),
      await listedBy(node, commandLine('restoreWALFile', absent, 'pg_wal/RECOVERYXLOG'), 1),
    ];
    // The notes of unfinished files and the home's state are listed: they are as short as what has gone wrong.
    expect(runs.flat().length).toBeGreaterThan(0);
    expect(runs.flat().filter((directory) => !directory.includes('/twowarm/state'))).toEqual([]);
  });
});
