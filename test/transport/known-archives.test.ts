// What a node keeps of the archives it has used, so that neither an unmounted disk nor another disk passes for one.
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { admitReader, admitWriter } from '../../src/transport/archive-identity.ts';
import { recall, remember } from '../../src/transport/known-archives.ts';
import type { Identity } from '../../src/transport/transport.ts';
import { mountTmpfs } from '../harness/mounts.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { runsAsRoot } from '../harness/server-user.ts';
import { faultOf } from '../program/fault.ts';
import { adopted, notesOf, ownerOf } from './adoption.ts';
import { makeNode, photograph, treeOf } from './archives.ts';

// Only root can mount.
const itAsRoot = it.runIf(runsAsRoot());

/** Where the note of an archive with a path of ordinary length is. */
const noteOf = (directory: string, { stateDirectory }: Identity): string =>
  join(stateDirectory, 'archives', encodeURIComponent(directory));

describe('an archive that this node has seen', () => {
  it.each([
    ['a writer', admitWriter],
    ['a reader', admitReader],
  ])('is not taken for a new one when it has lost its .twowarm: %s is refused', async (_, admit) => {
    await using sandbox = makeSandbox('known');
    const node = makeNode(sandbox);
    const directory = await adopted(sandbox, node);
    renameSync(directory, `${directory}.disk`);
    mkdirSync(directory);
    const refusal = {
      kind: 'directory-missing',
      message: `the archive ${directory} has lost its .twowarm`,
      detail:
        'This node has seen it there before: an unmounted disk leaves an empty directory like this one.',
      hint: `Mount it. If it was emptied on purpose, remove ${noteOf(directory, node)}.`,
    };
    expect(await faultOf(() => admit(directory, node))).toEqual(refusal);
    expect(treeOf(directory)).toEqual([]);
    rmSync(directory, { recursive: true });
    renameSync(`${directory}.disk`, directory);
    await admit(directory, node);
  });

  it('is adopted anew once the note is removed, as the hint says', async () => {
    await using sandbox = makeSandbox('known');
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
    await using sandbox = makeSandbox('known');
    const directory = await adopted(sandbox, makeNode(sandbox));
    const reader = makeNode(sandbox);
    await admitReader(directory, reader);
    rmSync(join(directory, '.twowarm'), { recursive: true });
    expect(await faultOf(() => admitReader(directory, reader))).toMatchObject({ kind: 'directory-missing' });
  });

  it.each([
    ['a writer', admitWriter],
    ['a reader', admitReader],
  ])('is not taken for another one of the same cluster in its place: %s is refused', async (_, admit) => {
    await using sandbox = makeSandbox('known');
    const node = makeNode(sandbox);
    const directory = await adopted(sandbox, node);
    const { archive } = ownerOf(directory);
    renameSync(directory, `${directory}.disk`);
    await adopted(sandbox, makeNode(sandbox));
    const before = photograph(directory);
    expect(await faultOf(() => admit(directory, node))).toEqual({
      kind: 'directory-missing',
      message: `the archive ${directory} is another one than this node has used there`,
      detail: 'Both belong to this cluster, but what was stored in the one is not in the other.',
      hint: `Mount the right disk. If it was replaced on purpose, remove ${noteOf(directory, node)}.`,
    });
    expect(photograph(directory)).toEqual(before);
    expect(notesOf(node)).toEqual([`${archive}\n`]);
    rmSync(directory, { recursive: true });
    renameSync(`${directory}.disk`, directory);
    await admit(directory, node);
  });

  it('is known anew once the note is removed, as the hint says', async () => {
    await using sandbox = makeSandbox('known');
    const node = makeNode(sandbox);
    const directory = await adopted(sandbox, node);
    rmSync(directory, { recursive: true });
    await adopted(sandbox, makeNode(sandbox));
    const { hint } = await faultOf(() => admitReader(directory, node));
    rmSync(/remove (.*)\.$/.exec(hint!)![1]!);
    await admitReader(directory, node);
    expect(notesOf(node)).toEqual([`${ownerOf(directory).archive}\n`]);
  });

  it('is not forgotten because the note cannot be read', async () => {
    await using sandbox = makeSandbox('known');
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

describe('the note of an archive', () => {
  /** Paths too long for the name of a note; all of them begin and end with the same many characters. */
  const longPath = (sandbox: Sandbox, middle: string): string =>
    join(sandbox.path, 'a'.repeat(100), middle, 'z'.repeat(100), 'archive');

  it('is its own, however long the path is and whatever it shares with others', async () => {
    await using sandbox = makeSandbox('known');
    const node = makeNode(sandbox);
    const directories = ['one', 'two', 'ä'.repeat(40), 'three'.repeat(30)].map((middle) =>
      longPath(sandbox, middle),
    );
    for (const directory of directories) {
      mkdirSync(directory, { recursive: true });
      expect(recall(directory, node)).toBeUndefined();
      await admitWriter(directory, node);
    }
    const names = directories.map((directory) => ownerOf(directory).archive);
    expect(directories.map((directory) => recall(directory, node))).toEqual(names);
    const notes = readdirSync(join(node.stateDirectory, 'archives'));
    expect(notes).toHaveLength(directories.length);
    for (const note of notes) expect(Buffer.byteLength(note)).toBeLessThanOrEqual(120);
    rmSync(join(directories[0]!, '.twowarm'), { recursive: true });
    expect(await faultOf(() => admitReader(directories[0]!, node))).toMatchObject({
      kind: 'directory-missing',
      message: `the archive ${directories[0]!} has lost its .twowarm`,
    });
    await admitReader(directories[1]!, node);
  });

  it('is not made by a dry run', async () => {
    await using sandbox = makeSandbox('known');
    const directory = await adopted(sandbox, makeNode(sandbox));
    const node = { ...makeNode(sandbox), dryRun: true };
    await admitReader(directory, node);
    remember(directory, ownerOf(directory).archive, node);
    expect(treeOf(node.stateDirectory)).toEqual([]);
  });

  it('is only a safeguard: an archive is used also where there is no state to keep it in', async () => {
    await using sandbox = makeSandbox('known');
    const directory = sandbox.directory('archive');
    const node = makeNode(sandbox);
    rmSync(node.stateDirectory, { recursive: true });
    await admitWriter(directory, node);
    await admitReader(directory, node);
    expect(recall(directory, node)).toBeUndefined();
  });

  it('is not "never seen" where something else is in the place of all notes', async () => {
    await using sandbox = makeSandbox('known');
    const directory = sandbox.directory('archive');
    const node = makeNode(sandbox);
    writeFileSync(join(node.stateDirectory, 'archives'), '');
    for (const admit of [admitWriter, admitReader]) {
      expect(await faultOf(() => admit(directory, node))).toEqual({
        kind: 'directory-missing',
        message: `could not read ${noteOf(directory, node)}: Not a directory`,
      });
    }
    expect(treeOf(directory)).toEqual([]);
  });

  itAsRoot('is lost on a home that is full, and the archive is used all the same', async () => {
    await using sandbox = makeSandbox('known');
    const directory = sandbox.directory('archive');
    const node = makeNode(sandbox);
    using home = mountTmpfs(node.stateDirectory, 'size=64k,nr_inodes=2');
    writeFileSync(join(node.stateDirectory, 'last inode'), '');
    await admitWriter(directory, node);
    await admitReader(directory, node);
    expect(recall(directory, node)).toBeUndefined();
    home.remount('ro');
    await admitWriter(directory, node);
    expect(readdirSync(node.stateDirectory)).toEqual(['last inode']);
  });
});
