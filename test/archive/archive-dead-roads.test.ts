// Destinations that never answer: they cost their own time limit, and nothing of a destination that is well.
import { existsSync, readdirSync, renameSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { commandLine, makeNode, refused, type NodeFixture } from '../harness/node-fixture.ts';
import { run, shell } from '../harness/run.ts';
import { segmentNamed } from '../harness/wal-files.ts';

const name = segmentNamed(0x21);

/** A directory that hangs where an archive is first looked at: nobody ever opens the other end of a FIFO. */
async function makeDead(node: NodeFixture, directory: string): Promise<void> {
  node.sandbox.directory(`${directory}/.twowarm`);
  const pipes = ['format', 'owner'].map((file) => node.path(`${directory}/.twowarm/${file}`));
  const made = await run('mkfifo', pipes);
  if (made.code !== 0) throw new Error(made.stderr);
}

const destinations = (node: NodeFixture, ...names: string[]): string =>
  names
    .map((each) => `[destination.${each}]\nurl = 'file:${node.path(each)}'\ntime_limit = '1500ms'\n`)
    .join('');

const noAnswer = (node: NodeFixture, what: string, directory: string): string =>
  `could not ${what} ${name} at file:${node.path(directory)}: no answer within 1500ms`;

describe.concurrent('destinations that never answer', () => {
  it.each([
    ['first', ['dead1', 'dead2', 'db2']],
    ['last', ['db2', 'dead1', 'dead2']],
  ])('two of them, %s: the third has the file within the same time, and both are named', async (_, order) => {
    await using node = await makeNode('archive-dead');
    for (const each of ['dead1', 'dead2']) await makeDead(node, each);
    node.configure(destinations(node, ...order));
    node.segment(name);
    const started = performance.now();
    const stderr = ['dead2', 'dead1'].map(
      (each) => `archiveWALFile: ERROR:  ${noAnswer(node, 'store', each)}\n`,
    );
    expect(await node.archive(`pg_wal/${name}`, name)).toEqual({
      ...refused(27, stderr.join('')),
      changed: [`created db2/${name}`],
    });
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('in the state discard, one of them: the other one is told of the gap', async () => {
    await using node = await makeNode('archive-dead-discard');
    await makeDead(node, 'dead');
    node.configure(destinations(node, 'dead', 'db2'));
    await node.sh(commandLine('twowarm', 'archiving', 'discard'));
    node.segment(name);
    const { code, stdout, stderr } = await node.archive(`pg_wal/${name}`, name);
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: '',
      stderr:
        `archiveWALFile: WARNING:  discarded ${name}: the archiving state is "discard"\n` +
        'HINT:  Point-in-time recovery and archive-only standbys end here. To archive again: twowarm archiving on\n' +
        `archiveWALFile: WARNING:  ${noAnswer(node, 'record the gap', 'dead')}; it will be recorded before the next file is archived\n`,
    });
    expect(readdirSync(node.path('db2/.twowarm/gaps'))).toEqual([name]);
    expect(readdirSync(node.path('twowarm/state/untold-gaps'))).toEqual([name]);
  });
});

describe('gaps that several archivers deliver at once', () => {
  it('are delivered, and each of them archives its file', async () => {
    await using node = await makeNode('archive-gaps-at-once');
    const call = (file: string) =>
      shell(commandLine('archiveWALFile', `pg_wal/${file}`, file), { cwd: node.dataDirectory });
    await node.sh(commandLine('twowarm', 'archiving', 'discard'));
    renameSync(node.path('db2'), node.path('away'));
    const lost = Array.from({ length: 20 }, (_, at) => node.segment(segmentNamed(0x30 + at)));
    await Promise.all(lost.map(call));
    expect(readdirSync(node.path('twowarm/state/untold-gaps'))).toEqual(lost);
    await node.sh(commandLine('twowarm', 'archiving', 'on'));
    renameSync(node.path('away'), node.path('db2'));

    const files = Array.from({ length: 8 }, (_, at) => node.segment(segmentNamed(0x60 + at)));
    const said = { code: 0, stdout: '', stderr: '' };
    for (const result of await Promise.all(files.map(call))) expect(result).toMatchObject(said);
    expect(readdirSync(node.path('db2/.twowarm/gaps'))).toEqual(lost);
    expect(readdirSync(node.path('twowarm/state/untold-gaps'))).toEqual([]);
    expect(files.every((each) => existsSync(node.path(`db2/${each}`)))).toBe(true);
  });
});
