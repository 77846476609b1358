// A directory becomes an archive with the first file that is stored in it, by one of several calls that find it empty.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { noteAbout } from '../../src/transport/known-archives.ts';
import { commandLine, makeNode } from '../harness/node-fixture.ts';
import { startProgram } from '../harness/run.ts';
import { withSlowCalls } from '../harness/slow-calls.ts';
import { waitFor } from '../harness/wait-for.ts';
import { segmentNamed } from '../harness/wal-files.ts';

const [first, second] = [segmentNamed(1), segmentNamed(2)];
const call = (name: string): string => commandLine('archiveWALFile', `pg_wal/${name}`, name);

/** Resolves once the tracer holds the process up: for much longer than it does at any other call. */
async function heldUp(pid: number): Promise<void> {
  let seen = 0;
  const isHeldUp = (): boolean => {
    const state = /^State:\s+(.)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    seen = state === 't' ? seen + 1 : 0;
    return seen === 100;
  };
  await waitFor('it to be held up', isHeldUp, { everyMs: 10 });
}

describe('a directory that becomes an archive', () => {
  it('between two looks of another call has lost nothing', { timeout: 60_000 }, async () => {
    await using node = await makeNode('first-use', { used: false });
    for (const name of [first, second]) node.segment(name);
    const note = noteAbout(node.path('db2'), node.path('twowarm/state'));
    // It has looked for an owner when it looks for the note, and waits there while the other call makes both.
    const slow = withSlowCalls(call(first), { calls: ['open', 'openat'], delayMs: 4000, path: note });
    const held = startProgram('/bin/sh', ['-c', slow], { cwd: node.dataDirectory });
    await heldUp(held.pid);
    expect(await node.sh(call(second))).toMatchObject({ code: 0, stderr: '' });
    expect(await held.result).toMatchObject({ code: 0, stderr: '' });
  });
});
