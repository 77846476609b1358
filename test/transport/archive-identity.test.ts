import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { admitReader, admitWriter } from '../../src/transport/archive-identity.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { faultOf } from '../program/fault.ts';
import { adopted, notesOf, ownerOf, segmentOf } from './adoption.ts';
import { cluster, makeNode, otherCluster, photograph, treeOf } from './archives.ts';

const owned = ['.twowarm/', '.twowarm/format', '.twowarm/owner'];

const segment = '000000010000000000000005';

function wrongCluster(directory: string, found: string, own: string) {
  return {
    kind: 'wrong-cluster',
    message: `the archive ${directory} belongs to another cluster`,
    detail: `It holds WAL of system identifier ${found}; this cluster is ${own}.`,
    hint: 'Give each cluster an archive directory of its own.',
  };
}

describe('an archive without an owner', () => {
  it('becomes the cluster of its first writer, under a random name of its own', async () => {
    await using sandbox = makeSandbox('identity');
    const directories = ['one', 'two'].map((name) => sandbox.directory(name));
    for (const directory of directories) await admitWriter(directory, makeNode(sandbox));
    const owners = directories.map(ownerOf);
    for (const [index, directory] of directories.entries()) {
      expect(treeOf(directory)).toEqual(owned);
      expect(readFileSync(join(directory, '.twowarm/format'), 'utf8')).toBe('twowarm archive 1\n');
      expect(owners[index]).toEqual({
        archive: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
        system_identifier: cluster,
      });
    }
    expect(owners[0]!.archive).not.toBe(owners[1]!.archive);
  });

  it.each([
    ["its cluster's WAL in it", segment, segmentOf(cluster)],
    ['WAL that does not say whose it is', '00000002.history', '1\t0/5000000\tx\n'],
    ['a damaged segment', segment, Buffer.alloc(8192)],
    ['nothing in it', 'README', ''],
  ])('can be read with %s, and reading leaves it as it is', async (_, name, content) => {
    await using sandbox = makeSandbox('identity');
    const directory = sandbox.directory('archive');
    const node = makeNode(sandbox);
    sandbox.file(`archive/${name}`, content);
    const before = photograph(directory);
    await admitReader(directory, node);
    await admitReader(directory, node);
    expect(photograph(directory)).toEqual(before);
    expect(treeOf(node.stateDirectory)).toEqual([]);
  });

  it.each([segment, `${segment}.partial`])("cannot be read with another cluster's %s in it", async (name) => {
    await using sandbox = makeSandbox('identity');
    const directory = sandbox.directory('archive');
    const node = makeNode(sandbox);
    sandbox.file('archive/README', 'put here by cp');
    sandbox.file(`archive/${name}`, segmentOf(otherCluster));
    const before = photograph(directory);
    expect(await faultOf(() => admitReader(directory, node))).toEqual(
      wrongCluster(directory, otherCluster, cluster),
    );
    expect(photograph(directory)).toEqual(before);
    expect(treeOf(node.stateDirectory)).toEqual([]);
  });

  it('is adopted with the WAL of the same cluster in it', async () => {
    await using sandbox = makeSandbox('identity');
    const directory = sandbox.directory('archive');
    sandbox.file(`archive/${segment}`, segmentOf(cluster));
    sandbox.file('archive/README', 'put here by cp');
    await admitWriter(directory, makeNode(sandbox));
    expect(ownerOf(directory).system_identifier).toBe(cluster);
  });

  it('is refused when its WAL is of another cluster, and stays without an owner', async () => {
    await using sandbox = makeSandbox('identity');
    const directory = sandbox.directory('archive');
    for (const name of ['00000002.history', '.tmp.x', 'README']) sandbox.file(`archive/${name}`, 'x');
    sandbox.file(`archive/${segment}`, segmentOf(otherCluster));
    const before = photograph(directory);
    const fault = await faultOf(() => admitWriter(directory, makeNode(sandbox)));
    expect(fault).toEqual(wrongCluster(directory, otherCluster, cluster));
    expect(photograph(directory)).toEqual(before);
  });

  it('is judged by a segment that can be read, not by a damaged one beside it', async () => {
    await using sandbox = makeSandbox('identity');
    const directory = sandbox.directory('archive');
    for (const low of ['01', '02', '03', '04']) {
      sandbox.file(`archive/0000000100000000000000${low}`, low === '04' ? '' : Buffer.alloc(8192));
    }
    sandbox.file(`archive/${segment}`, segmentOf(otherCluster));
    const fault = await faultOf(() => admitWriter(directory, makeNode(sandbox)));
    expect(fault.kind).toBe('wrong-cluster');
  });

  it('is adopted once by two first writers, who agree on its name', async () => {
    await using sandbox = makeSandbox('identity');
    for (let round = 0; round < 10; round++) {
      const directory = sandbox.directory(`archive-${round}`);
      const nodes = [1, 2, 3].map(() => makeNode(sandbox));
      await Promise.all(nodes.map((node) => admitWriter(directory, node)));
      const { archive } = ownerOf(directory);
      expect(treeOf(directory)).toEqual(owned);
      for (const node of nodes) expect(notesOf(node)).toEqual([`${archive}\n`]);
    }
  });

  it('goes to one of two clusters that come at once, and the other is refused', async () => {
    await using sandbox = makeSandbox('identity');
    for (let round = 0; round < 10; round++) {
      const directory = sandbox.directory(`archive-${round}`);
      const clusters = [cluster, otherCluster];
      const results = await Promise.allSettled(
        clusters.map((each) => admitWriter(directory, makeNode(sandbox, each))),
      );
      const winner = results.findIndex(({ status }) => status === 'fulfilled');
      expect(ownerOf(directory).system_identifier).toBe(clusters[winner]);
      expect(results[1 - winner]).toMatchObject({ status: 'rejected', reason: { kind: 'wrong-cluster' } });
    }
  });

  it('gets its owner from the next writer when the first one died half-way', async () => {
    await using sandbox = makeSandbox('identity');
    const directory = sandbox.directory('archive');
    sandbox.file('archive/.twowarm/format', 'twowarm archive 1\n');
    await admitWriter(directory, makeNode(sandbox));
    expect(treeOf(directory)).toEqual(owned);
    expect(ownerOf(directory).system_identifier).toBe(cluster);
  });
});

describe('an archive with an owner', () => {
  it('admits every node of its cluster, and nothing in it changes', async () => {
    await using sandbox = makeSandbox('identity');
    const directory = await adopted(sandbox, makeNode(sandbox));
    const before = photograph(directory);
    for (const admit of [admitWriter, admitReader, admitWriter]) await admit(directory, makeNode(sandbox));
    expect(photograph(directory)).toEqual(before);
  });

  it.each([
    ['a writer', admitWriter],
    ['a reader', admitReader],
  ])('refuses %s of another cluster, and nothing in it changes', async (_, admit) => {
    await using sandbox = makeSandbox('identity');
    const directory = await adopted(sandbox, makeNode(sandbox));
    const before = photograph(directory);
    const stranger = makeNode(sandbox, otherCluster);
    const fault = await faultOf(() => admit(directory, stranger));
    expect(fault).toEqual(wrongCluster(directory, cluster, otherCluster));
    expect(photograph(directory)).toEqual(before);
    expect(treeOf(stranger.stateDirectory)).toEqual([]);
  });

  it.each([
    ['is empty', ''],
    ['is cut short', '{"archive":"0123456789abcdef","system_id'],
    ['is null', 'null\n'],
    ['is a list', '[]\n'],
    ['names no cluster', '{"archive":"0123456789abcdef"}\n'],
    ['names a number', `{"archive":"0123456789abcdef","system_identifier":${cluster}}\n`],
    ['names no archive', `{"system_identifier":"${cluster}"}\n`],
    [
      'has half a claim',
      `{"archive":"0123456789abcdef","system_identifier":"${cluster}","node":"0123456789abcdef","epoch":1}\n`,
    ],
    [
      'has a claim of epoch 0',
      `{"archive":"0123456789abcdef","system_identifier":"${cluster}","timeline":1,"node":"0123456789abcdef","node_name":"x","epoch":0,"claimed_at":"x"}\n`,
    ],
  ])('refuses everybody when its owner file %s, and leaves it as it is', async (_, text) => {
    await using sandbox = makeSandbox('identity');
    const directory = await adopted(sandbox, makeNode(sandbox));
    writeFileSync(join(directory, '.twowarm/owner'), text);
    const before = photograph(directory);
    for (const admit of [admitWriter, admitReader]) {
      expect(await faultOf(() => admit(directory, makeNode(sandbox)))).toEqual({
        kind: 'format-unknown',
        message: `${directory}/.twowarm/owner is damaged or of an unknown version`,
      });
    }
    expect(photograph(directory)).toEqual(before);
  });

  it.each([
    ['a later one', 'twowarm archive 2\n', 'twowarm archive 2'],
    ['an empty one', '', ''],
    ['something else of any length', 'x'.repeat(5000), 'x'.repeat(60)],
  ])('refuses everybody when its format is %s', async (_, text, shown) => {
    await using sandbox = makeSandbox('identity');
    const directory = await adopted(sandbox, makeNode(sandbox));
    writeFileSync(join(directory, '.twowarm/format'), text);
    for (const admit of [admitWriter, admitReader]) {
      expect(await faultOf(() => admit(directory, makeNode(sandbox)))).toEqual({
        kind: 'format-unknown',
        message: `${directory}/.twowarm/format is of an unknown version`,
        detail: `It says "${shown}"; this version knows "twowarm archive 1".`,
      });
    }
  });

  it('refuses everybody when its own directory cannot be read, rather than take it for new', async () => {
    await using sandbox = makeSandbox('identity');
    const directory = await adopted(sandbox, makeNode(sandbox));
    rmSync(join(directory, '.twowarm'), { recursive: true });
    writeFileSync(join(directory, '.twowarm'), 'a file');
    for (const admit of [admitWriter, admitReader]) {
      const { message } = await faultOf(() => admit(directory, makeNode(sandbox)));
      expect(message).toMatch(
        new RegExp(`^could not read ${directory}/\\.twowarm/(format|owner): Not a directory$`),
      );
    }
  });
});
