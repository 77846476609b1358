import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isAbandoned, temporaryPath } from '../../src/program/temporary-name.ts';
import { openDestination } from '../../src/transport/open.ts';
import { noteUnfinished, sweepUnfinished } from '../../src/transport/unfinished.ts';
import type { Identity } from '../../src/transport/transport.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { startScript } from '../harness/source-script.ts';
import { waitFor } from '../harness/wait-for.ts';
import { acceptAll, makeNode, neverStopped, patterned, treeOf } from './archives.ts';
import type { PutFacts } from './children/put.ts';
import type { SweepFacts } from './children/sweep.ts';

const segment = '000000010000000000000005';
const notesOf = ({ stateDirectory }: Identity): string[] => treeOf(join(stateDirectory, 'unfinished'));
const sweep = ({ stateDirectory, nodeId }: Identity): Promise<void> =>
  sweepUnfinished(stateDirectory, nodeId, neverStopped);

/** A temporary path as another process of the node would have it. */
function pathOf(directory: string, { nodeId }: Identity, pid: number, start: string): string {
  return join(directory, `.tmp.${segment}.${nodeId}.${pid}.${start}.0123456789ab`);
}
/** No process has this id: it is above what Linux gives (PID_MAX_LIMIT, 2^22). */
const nobody = 2 ** 22 + 1;

describe('what a killed process left in the middle of a put', () => {
  it('stays while it lives, has no name, and is swept once it is dead', async () => {
    await using sandbox = makeSandbox('unfinished');
    const node = makeNode(sandbox);
    const directory = sandbox.directory('archive');
    const url = `file:${directory}`;
    const source = sandbox.file('source', patterned(4 * 1024 * 1024, 1));
    const ready = join(sandbox.path, 'ready');
    const facts: PutFacts = { url, node, source, name: segment, blockAt: 3, ready };
    const program = startScript('test/transport/children/put.ts', facts);
    await waitFor('the put to be half done', () => existsSync(ready));

    const temporary = readdirSync(directory).filter((name) => name !== '.twowarm');
    expect(temporary).toEqual([
      expect.stringMatching(`^\\.tmp\\.${segment}\\.${node.nodeId}\\.${program.pid}\\.`),
    ]);
    expect(notesOf(node)).toEqual(temporary);
    const road = await openDestination(url, makeNode(sandbox));
    expect(await road.list(neverStopped)).toEqual([]);
    expect(await road.stat(segment, neverStopped)).toBe('missing');
    await sweep(node);
    expect(readdirSync(directory)).toContain(temporary[0]);

    program.kill('SIGKILL');
    expect((await program.result).signal).toBe('SIGKILL');
    await sweep(makeNode(sandbox));
    await sweepUnfinished(node.stateDirectory, 'ffffffffffffffff', neverStopped);
    expect(readdirSync(directory)).toContain(temporary[0]);
    await sweep(node);
    expect(readdirSync(directory)).toEqual(['.twowarm']);
    expect(notesOf(node)).toEqual([]);
    expect(await road.put(segment, source, acceptAll, neverStopped)).toBe('stored');
  });
});

describe('a put that ends', () => {
  it('leaves no note, whatever came of it', async () => {
    await using sandbox = makeSandbox('unfinished');
    const node = makeNode(sandbox);
    const road = await openDestination(`file:${sandbox.directory('archive')}`, node);
    const sources = [1, 2].map((seed) => sandbox.file(`${seed}`, patterned(1000, seed)));
    const refuse = (): never => {
      throw new Error('refused');
    };
    const put = (index: number, inspect = acceptAll) =>
      road.put(segment, sources[index]!, inspect, neverStopped).catch((error: Error) => error.message);
    const outcomes = [
      await put(0, () => ({ add: refuse, end: refuse })),
      await put(0),
      await put(0),
      await put(1),
    ];
    const duplicate = `${segment} exists at ${road.url} with different content`;
    expect(outcomes).toEqual(['refused', 'stored', 'already-stored', duplicate]);
    expect(notesOf(node)).toEqual([]);
  });

  it('needs no note: a state directory that is a file does not stop it', async () => {
    await using sandbox = makeSandbox('unfinished');
    const directory = sandbox.directory('archive');
    const node = makeNode(sandbox);
    const road = await openDestination(`file:${directory}`, node);
    writeFileSync(join(node.stateDirectory, 'unfinished'), 'in the way');
    const source = sandbox.file('source', patterned(1000, 1));
    expect(await road.put(segment, source, acceptAll, neverStopped)).toBe('stored');
    expect(readdirSync(directory).sort()).toEqual(['.twowarm', segment].sort());
  });
});

describe('sweeping', () => {
  it('does nothing where nothing was ever unfinished', async () => {
    await using sandbox = makeSandbox('unfinished');
    const node = makeNode(sandbox);
    await sweep(node);
    expect(treeOf(node.stateDirectory)).toEqual([]);
  });

  it('knows a process from another one that has its id by now', async () => {
    await using sandbox = makeSandbox('unfinished');
    const node = makeNode(sandbox);
    const own = temporaryPath(join(sandbox.path, segment), node.nodeId);
    const earlier = pathOf(sandbox.path, node, process.pid, '1');
    for (const path of [own, earlier]) {
      noteUnfinished(node.stateDirectory, path);
      writeFileSync(path, 'x');
    }
    await sweep(node);
    expect([own, earlier].map((path) => existsSync(path))).toEqual([true, false]);
    expect(notesOf(node)).toEqual([basename(own)]);
  });

  it('takes back the note of a file that is gone, or whose directory is', async () => {
    await using sandbox = makeSandbox('unfinished');
    const node = makeNode(sandbox);
    for (const directory of [sandbox.path, join(sandbox.path, 'gone')]) {
      noteUnfinished(node.stateDirectory, pathOf(directory, node, nobody, '1'));
    }
    await sweep(node);
    expect(notesOf(node)).toEqual([]);
  });

  it('believes no note that names anything but its own file', async () => {
    await using sandbox = makeSandbox('unfinished');
    const node = makeNode(sandbox);
    const precious = sandbox.file(segment, 'precious');
    const path = pathOf(sandbox.path, node, nobody, '1');
    for (const text of [precious, '', precious.slice(0, 5), `${path}\n`, path.slice(0, -1)]) {
      noteUnfinished(node.stateDirectory, path);
      const note = join(node.stateDirectory, 'unfinished', basename(path));
      expect(readFileSync(note, 'utf8')).toBe(path);
      writeFileSync(note, text);
      await sweep(node);
      expect(notesOf(node)).toEqual([]);
    }
    expect(readFileSync(precious, 'utf8')).toBe('precious');
  });

  it('keeps the note of what it cannot remove, and goes on with the next', async () => {
    await using sandbox = makeSandbox('unfinished');
    const node = makeNode(sandbox);
    const stuck = pathOf(sandbox.path, node, nobody, '1');
    const plain = pathOf(sandbox.path, node, nobody, '2');
    for (const path of [stuck, plain]) noteUnfinished(node.stateDirectory, path);
    mkdirSync(join(stuck, 'not empty'), { recursive: true });
    writeFileSync(plain, 'x');
    await sweep(node);
    expect(existsSync(plain)).toBe(false);
    expect(notesOf(node)).toEqual([basename(stuck)]);
  });
});

describe('sweeping an archive that does not answer', () => {
  // strace holds the call up for longer than the sweep may take: 2 s, and 1 s to end.
  it.each([
    ['is given up, and the note stays for the next call', undefined, 'went on', [2000, 4500]],
    ['ends at once when the program is stopped', 100, 'stopped', [100, 2500]],
  ] as const)('%s', async (_, stopAfterMs, outcome, [least, most]) => {
    await using sandbox = makeSandbox('unfinished');
    const node = makeNode(sandbox);
    const path = pathOf(sandbox.directory('archive'), node, nobody, '1');
    writeFileSync(path, 'x');
    noteUnfinished(node.stateDirectory, path);
    const facts: SweepFacts = { ...node, ...(stopAfterMs !== undefined && { stopAfterMs }) };
    const slow = `exec strace -D -f -qqq -o /dev/null -e trace=?unlink,unlinkat -e inject=?unlink,unlinkat:delay_enter=5000000 -P ${path}`;
    const { result } = startScript('test/transport/children/sweep.ts', facts, slow);
    const { code, stdout } = await result;
    const swept = JSON.parse(stdout) as { outcome: string; ms: number };
    expect({ code, outcome: swept.outcome }).toEqual({ code: 0, outcome });
    expect(swept.ms).toBeGreaterThanOrEqual(least - 2);
    expect(swept.ms).toBeLessThan(most);
    expect(notesOf(node)).toEqual([basename(path)]);
  });
});

describe('a temporary name', () => {
  const day = 24 * 3_600_000;

  it.each([
    ['of this living process', temporaryPath(`/a/${segment}`, 'n1'), 0, false],
    ['of this living process, however old', temporaryPath(`/a/${segment}`, 'n1'), 9 * day, false],
    ['of a dead process', `.tmp.${segment}.n1.${nobody}.1.ab`, 0, true],
    ['of another node', `.tmp.${segment}.n2.${nobody}.1.ab`, day, false],
    ['of another node, a day and more old', `.tmp.${segment}.n2.${nobody}.1.ab`, day + 1, true],
    ['of nobody who can be known', '.tmp.x', 0, false],
    ['with a process that is no number', `.tmp.${segment}.n1.self.1.ab`, 0, false],
    ['of a partial segment of a dead process', `.tmp.${segment}.partial.n1.${nobody}.1.ab`, 0, true],
  ])('%s', (_, path, ageMs, abandoned) => {
    expect(isAbandoned(basename(path), 'n1', ageMs)).toBe(abandoned);
  });
});
