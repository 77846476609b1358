import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { admitReader, admitWriter } from '../../src/transport/archive-identity.ts';
import type { Identity } from '../../src/transport/transport.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { faultOf } from '../program/fault.ts';
import { longHeader } from '../wal/header-bytes.ts';
import { cluster, makeNode, otherCluster, photograph, treeOf } from './archives.ts';

const owned = ['.twowarm/', '.twowarm/format', '.twowarm/owner'];

interface Owner {
  archive: string;
  system_identifier: string;
}

const ownerOf = (directory: string): Owner =>
  JSON.parse(readFileSync(join(directory, '.twowarm/owner'), 'utf8')) as Owner;

/** The first bytes of a segment of a cluster: as much as tells whose it is. */
const segmentOf = (systemIdentifier: string): Uint8Array =>
  longHeader({
    magic: 0xd110,
    info: 0x0002,
    timeline: 1,
    pageAddress: 0x500_0000n,
    systemIdentifier: BigInt(systemIdentifier),
    segmentSize: 16 * 1024 * 1024,
    blockSize: 8192,
    littleEndian: true,
    legacyLayout: false,
  });

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

  it('can be read by anybody, and reading leaves it as it is', async () => {
    await using sandbox = makeSandbox('identity');
    const directory = sandbox.directory('archive');
    sandbox.file(`archive/${segment}`, segmentOf(otherCluster));
    const before = photograph(directory);
    await admitReader(directory, makeNode(sandbox));
    await admitReader(directory, makeNode(sandbox));
    expect(photograph(directory)).toEqual(before);
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

/** What the node has noted of archives it has seen. */
const notesOf = ({ stateDirectory }: Identity): string[] =>
  treeOf(join(stateDirectory, 'archives')).map((note) =>
    readFileSync(join(stateDirectory, 'archives', note), 'utf8'),
  );

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

  it('refuses everybody when a node has claimed it: claims are of a later version', async () => {
    await using sandbox = makeSandbox('identity');
    const directory = await adopted(sandbox, makeNode(sandbox));
    const claimed = { ...ownerOf(directory), node: '0123456789abcdef', epoch: 1 };
    writeFileSync(join(directory, '.twowarm/owner'), JSON.stringify(claimed));
    expect(await faultOf(() => admitWriter(directory, makeNode(sandbox)))).toEqual({
      kind: 'format-unknown',
      message: `the archive of ${directory}/.twowarm/owner is claimed by a node`,
      detail: 'This version of twowarm does not know claims.',
    });
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

async function adopted(sandbox: Sandbox, node: Identity): Promise<string> {
  const directory = sandbox.directory('archive');
  await admitWriter(directory, node);
  return directory;
}

describe('an archive that this node has seen', () => {
  it.each([
    ['a writer', admitWriter],
    ['a reader', admitReader],
  ])('is not taken for a new one when it has lost its .twowarm: %s is refused', async (_, admit) => {
    await using sandbox = makeSandbox('identity');
    const node = makeNode(sandbox);
    const directory = await adopted(sandbox, node);
    renameSync(directory, `${directory}.disk`);
    mkdirSync(directory);
    const note = join(node.stateDirectory, 'archives', encodeURIComponent(directory));
    const refusal = {
      kind: 'directory-missing',
      message: `the archive ${directory} has lost its .twowarm`,
      detail:
        'This node has seen it there before: an unmounted disk leaves an empty directory like this one.',
      hint: `Mount it. If it was emptied on purpose, remove ${note}.`,
    };
    expect(await faultOf(() => admit(directory, node))).toEqual(refusal);
    expect(treeOf(directory)).toEqual([]);
    rmSync(directory, { recursive: true });
    renameSync(`${directory}.disk`, directory);
    await admit(directory, node);
  });

  it('is adopted anew once the note is removed, as the hint says', async () => {
    await using sandbox = makeSandbox('identity');
    const node = makeNode(sandbox);
    const directory = await adopted(sandbox, node);
    const first = ownerOf(directory);
    rmSync(join(directory, '.twowarm'), { recursive: true });
    const { hint } = await faultOf(() => admitWriter(directory, node));
    rmSync(/remove (.*)\.$/.exec(hint!)![1]!);
    await admitWriter(directory, node);
    expect(ownerOf(directory).archive).not.toBe(first.archive);
  });

  it('is known to a node that has only read from it', async () => {
    await using sandbox = makeSandbox('identity');
    const directory = await adopted(sandbox, makeNode(sandbox));
    const reader = makeNode(sandbox);
    await admitReader(directory, reader);
    rmSync(join(directory, '.twowarm'), { recursive: true });
    expect(await faultOf(() => admitReader(directory, reader))).toMatchObject({ kind: 'directory-missing' });
  });

  it('may be another one by now: the node notes the new one', async () => {
    await using sandbox = makeSandbox('identity');
    const node = makeNode(sandbox);
    const directory = await adopted(sandbox, node);
    rmSync(directory, { recursive: true });
    const replaced = await adopted(sandbox, makeNode(sandbox));
    await admitReader(replaced, node);
    expect(notesOf(node)).toEqual([`${ownerOf(directory).archive}\n`]);
  });

  it('is not forgotten because the note cannot be read', async () => {
    await using sandbox = makeSandbox('identity');
    const node = makeNode(sandbox);
    const directory = await adopted(sandbox, node);
    rmSync(join(directory, '.twowarm'), { recursive: true });
    const archives = join(node.stateDirectory, 'archives');
    const note = join(archives, treeOf(archives)[0]!);
    rmSync(note);
    mkdirSync(note);
    for (const admit of [admitReader, admitWriter]) {
      const { message } = await faultOf(() => admit(directory, node));
      expect(message).toBe(`could not read ${note}: Is a directory`);
    }
    expect(treeOf(directory)).toEqual([]);
  });
});
