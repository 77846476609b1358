// SIGKILL at every single system call that changes a file, a third of them in each run (share.ts): there is never a wrong file under the name of a WAL file,
// the next call succeeds, and it leaves nothing unfinished behind.
import { describe, expect, it } from 'vitest';

import { commandLine, makeNode, oneDestination, type NodeFixture } from '../harness/node-fixture.ts';
import { shell } from '../harness/run.ts';
import { segmentBytes, segmentNamed } from '../harness/wal-files.ts';
import { callsOf, inParallel, killAt, Missed } from './kill.ts';
import { changesFiles, words, type Call } from './strace.ts';
import { contentOf, expectNothingUnfinished, expectOnlyWholeFiles, requested } from './whole-files.ts';
import { shareOf } from '../harness/share.ts';

const segment = segmentNamed(2);

interface Story {
  /** A fresh node, ready for the call. */
  prepare: () => Promise<NodeFixture>;
  commandLine: string;
  /** Where the file is when the call has succeeded. */
  result: string;
  /** Calls that change a file, at least: fewer would mean that the account is not read right. */
  atLeast: number;
  /** A story that begins with the same changes: kills in those are its part. */
  beginsLike?: string;
}

/** How often the node's programs ran before: the first call makes what is missing, the second writes caches. */
type CallsBefore = 0 | 1 | 2;

async function prepare(before: CallsBefore, compression = 'none'): Promise<NodeFixture> {
  const configuration = (path: (name: string) => string): string =>
    `${oneDestination(path)}compression = '${compression}'\n`;
  const node = await makeNode('kill', { used: before > 0, configuration });
  if (before < 2) return node;
  const other = node.segment(segmentNamed(3));
  await shell(commandLine('archiveWALFile', `pg_wal/${other}`, other), { cwd: node.dataDirectory });
  await shell(commandLine('restoreWALFile', segmentNamed(9), `pg_wal/${requested}`), {
    cwd: node.dataDirectory,
  });
  return node;
}

async function prepareArchive(before: CallsBefore, compression?: string): Promise<NodeFixture> {
  const node = await prepare(before, compression);
  node.segment(segment);
  return node;
}

async function prepareRestore(before: CallsBefore): Promise<NodeFixture> {
  const node = await prepare(before);
  node.segment(segment, {}, 'twowarm/archive');
  node.mode('standby');
  return node;
}

const archive = {
  commandLine: commandLine('archiveWALFile', `pg_wal/${segment}`, segment),
  result: `db2/${segment}`,
};
const compressed = { ...archive, result: `${archive.result}.zst` };
const restore = {
  commandLine: commandLine('restoreWALFile', segment, `pg_wal/${requested}`, segmentNamed(1)),
  result: `data/pg_wal/${requested}`,
};

const stories: Readonly<Record<string, Story>> = {
  'the first archiveWALFile of a node': { ...archive, prepare: () => prepareArchive(0), atLeast: 40 },
  'the second archiveWALFile of a node': { ...archive, prepare: () => prepareArchive(1), atLeast: 12 },
  'an ordinary archiveWALFile': { ...archive, prepare: () => prepareArchive(2), atLeast: 10 },
  'the first archiveWALFile of a node that compresses': {
    ...compressed,
    prepare: () => prepareArchive(0, 'zstd'),
    atLeast: 48,
    beginsLike: 'the first archiveWALFile of a node',
  },
  'an ordinary archiveWALFile that compresses': {
    ...compressed,
    prepare: () => prepareArchive(2, 'zstd'),
    atLeast: 16,
  },
  'the first restoreWALFile of a node': { ...restore, prepare: () => prepareRestore(0), atLeast: 15 },
  'an ordinary restoreWALFile': { ...restore, prepare: () => prepareRestore(2), atLeast: 8 },
};

async function wholeRun(story: Story): Promise<Call[]> {
  await using node = await story.prepare();
  return await callsOf(node, story.commandLine);
}

/** With how many of the same changes, up to names, another story begins. */
async function sameSteps(changes: readonly Call[], other: Story): Promise<number> {
  const others = (await wholeRun(other)).filter(changesFiles).map(words);
  const differs = changes.findIndex((change, at) => words(change) !== others[at]);
  return differs === -1 ? changes.length : differs;
}

/** One kill and what follows. A point that was missed is aimed at again, on a fresh node. */
async function killOnce(story: Story, calls: readonly Call[], index: number, attempt = 0): Promise<void> {
  await using node = await story.prepare();
  const root = node.sandbox.path;
  try {
    await killAt(node, story.commandLine, calls, index, attempt);
  } catch (error) {
    if (!(error instanceof Missed) || attempt >= 8) throw error;
    return await killOnce(story, calls, index, attempt + 1);
  }
  expectOnlyWholeFiles(root, segment);
  const { code, stderr } = await shell(story.commandLine, { cwd: node.dataDirectory });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(contentOf(node.path(story.result)).equals(segmentBytes(segment))).toBe(true);
  expectOnlyWholeFiles(root, segment);
  expectNothingUnfinished(root);
}

describe.each(Object.entries(stories))('%s', (title, story) => {
  it('can be killed at every system call that changes a file', { timeout: 240_000 }, async () => {
    const calls = await wholeRun(story);
    const changes = calls.filter(changesFiles);
    const first = story.beginsLike === undefined ? 0 : await sameSteps(changes, stories[story.beginsLike]!);
    const points = shareOf([...changes.keys()].slice(first), 6);
    const failures: string[] = [];
    let hit = 0;
    await inParallel(points.length, async (at) => {
      const index = points[at]!;
      try {
        await killOnce(story, calls, index);
        hit += 1;
      } catch (error) {
        const what = error instanceof Error ? error.message : String(error);
        failures.push(`killed at ${words(changes[index]!)}: ${what}`);
      }
    });
    process.stdout.write(
      `${title}: killed at ${hit} of ${changes.length - first} points from number ${first} on\n`,
    );
    expect(failures).toEqual([]);
    expect(hit).toBe(points.length);
    expect(changes.length).toBeGreaterThanOrEqual(story.atLeast);
  });
});
