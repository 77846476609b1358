// The two files in <home>/state that say who this node is and whether it archives.
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  archivingStates,
  readArchivingState,
  writeArchivingState,
} from '../../src/program/archiving-state.ts';
import { establishNode, readNodeRecord, type NodeRecord } from '../../src/program/node-record.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { treeOf } from '../transport/archives.ts';
import { faultOf } from './fault.ts';

const cluster = '7300000000000000001';
const recordIn = (home: string): string => join(home, 'state', 'node.json');
const change = (home: string, changes: Partial<NodeRecord>): void =>
  writeFileSync(recordIn(home), JSON.stringify({ ...readNodeRecord(home), ...changes }));

describe("the node's record", () => {
  it('is made by the first call and found by the next', async () => {
    await using home = makeSandbox('home');
    expect(readNodeRecord(home.path)).toBeUndefined();
    const made = await establishNode(home.path, '/data', cluster);
    expect(made).toMatchObject({ dataDirectory: '/data', systemIdentifier: cluster });
    expect(made.id).toMatch(/^[0-9a-f]{16}$/);
    expect(readNodeRecord(home.path)).toEqual(made);
    expect(await establishNode(home.path, '/data', cluster)).toEqual(made);
    expect(treeOf(home.path)).toEqual(['state/', 'state/node.json']);
    expect((statSync(recordIn(home.path)).mode & 0o777).toString(8)).toBe('600');
    expect((statSync(join(home.path, 'state')).mode & 0o777).toString(8)).toBe('700');
  });

  it('is one, however many first calls come at once', async () => {
    for (let round = 0; round < 10; round++) {
      await using home = makeSandbox('home');
      const calls = [1, 2, 3, 4].map(() => establishNode(home.path, '/data', cluster));
      const records = await Promise.all(calls);
      expect(new Set(records.map(({ id }) => id)).size).toBe(1);
      expect(readNodeRecord(home.path)).toEqual(records[0]);
      expect(treeOf(home.path)).toEqual(['state/', 'state/node.json']);
    }
  });

  it('is of its own in every home', async () => {
    await using sandbox = makeSandbox('homes');
    const records = await Promise.all(
      ['a', 'b'].map((name) => establishNode(sandbox.directory(name), '/data', cluster)),
    );
    expect(records[0]!.id).not.toBe(records[1]!.id);
  });

  it('refuses another cluster and stays as it is', async () => {
    await using home = makeSandbox('home');
    const made = await establishNode(home.path, '/data', cluster);
    expect(await faultOf(() => establishNode(home.path, '/other', '7300000000000000002'))).toEqual({
      kind: 'wrong-cluster',
      message: `the home ${home.path} belongs to another cluster`,
      detail: `It serves system identifier ${cluster}; /other has 7300000000000000002.`,
      hint: `Give this cluster a home of its own. If it replaces the other one for good, move ${recordIn(home.path)} away.`,
    });
    expect(readNodeRecord(home.path)).toEqual(made);
  });

  it('follows its data directory to another place', async () => {
    await using home = makeSandbox('home');
    const { id } = await establishNode(home.path, '/data', cluster);
    const moved = await establishNode(home.path, '/moved', cluster);
    expect(moved).toMatchObject({ id, dataDirectory: '/moved' });
    expect(readNodeRecord(home.path)).toEqual(moved);
  });

  it('gets a new id on another machine, so that a copied home is another node', async () => {
    await using home = makeSandbox('home');
    const { id, machine } = await establishNode(home.path, '/data', cluster);
    change(home.path, { machine: 'another machine' });
    const copied = await establishNode(home.path, '/data', cluster);
    expect(copied.machine).toBe(machine);
    expect(copied.id).toMatch(/^[0-9a-f]{16}$/);
    expect(copied.id).not.toBe(id);
    expect(readNodeRecord(home.path)).toEqual(copied);
  });

  it('gets a new id in a copy of its home, on the same machine and for the same path', async () => {
    await using sandbox = makeSandbox('homes');
    const home = sandbox.directory('home');
    const made = await establishNode(home, '/data', cluster);
    const copy = join(sandbox.path, 'copy');
    cpSync(home, copy, { recursive: true });
    const copied = await establishNode(copy, '/data', cluster);
    expect(copied.id).not.toBe(made.id);
    expect(await establishNode(copy, '/data', cluster)).toEqual(copied);
    expect(await establishNode(home, '/data', cluster)).toEqual(made);
  });

  it('keeps its id in a home that was moved', async () => {
    await using sandbox = makeSandbox('homes');
    const made = await establishNode(sandbox.directory('home'), '/data', cluster);
    renameSync(join(sandbox.path, 'home'), join(sandbox.path, 'moved'));
    expect(await establishNode(join(sandbox.path, 'moved'), '/data', cluster)).toEqual(made);
  });

  it('of a version that did not know homes keeps its id, and learns its home', async () => {
    await using home = makeSandbox('home');
    const made = await establishNode(home.path, '/data', cluster);
    change(home.path, { stateInode: undefined });
    expect(await establishNode(home.path, '/data', cluster)).toEqual(made);
    expect(readNodeRecord(home.path)).toEqual(made);
  });

  it.each([
    ['is empty', ''],
    ['is cut short', '{"id": "0123456789abc'],
    ['is null', 'null'],
    ['lacks the cluster', '{"id":"0123456789abcdef","machine":"m","dataDirectory":"/d"}'],
    [
      'has an id with a dot',
      '{"id":"0123456789abcde.","machine":"m","dataDirectory":"/d","systemIdentifier":"1"}',
    ],
    [
      'has a number for a cluster',
      '{"id":"0123456789abcdef","machine":"m","dataDirectory":"/d","systemIdentifier":1}',
    ],
  ])('that %s is refused and kept', async (_, text) => {
    await using home = makeSandbox('home');
    const file = home.file('state/node.json', text);
    expect(await faultOf(() => establishNode(home.path, '/data', cluster))).toEqual({
      kind: 'unsafe-state',
      message: `the node's record ${file} is damaged`,
      hint: 'Move it away if this home belongs to the cluster in its configuration; the next call makes a new one.',
    });
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('that cannot be read is not a missing one', async () => {
    await using home = makeSandbox('home');
    mkdirSync(recordIn(home.path), { recursive: true });
    expect((await faultOf(() => readNodeRecord(home.path))).message).toBe(
      `could not read the node's record ${recordIn(home.path)}: Is a directory`,
    );
  });
});

describe('the archiving state', () => {
  it('is on when nothing was ever said', async () => {
    await using home = makeSandbox('home');
    expect(readArchivingState(home.path)).toBe('on');
    expect(treeOf(home.path)).toEqual([]);
  });

  it.each(archivingStates)('%s is what it was set to, durably and privately', async (state) => {
    await using home = makeSandbox('home');
    for (const before of archivingStates) writeArchivingState(home.path, before, '0'.repeat(16));
    writeArchivingState(home.path, state, '0'.repeat(16));
    expect(readArchivingState(home.path)).toBe(state);
    expect(treeOf(home.path)).toEqual(['state/', 'state/archiving']);
    expect((statSync(join(home.path, 'state/archiving')).mode & 0o777).toString(8)).toBe('600');
  });

  it.each(['hold', 'hold\n', ' hold \n\n'])('may have been written by hand: %j', async (text) => {
    await using home = makeSandbox('home');
    home.file('state/archiving', text);
    expect(readArchivingState(home.path)).toBe('hold');
  });

  it.each(['', '\n', 'ON', 'off', 'on hold', 'on\nhold', 'discar', '\0\0\0'])(
    'that is damaged (%j) is not taken for on',
    async (text) => {
      await using home = makeSandbox('home');
      const file = home.file('state/archiving', text);
      expect(await faultOf(() => readArchivingState(home.path))).toEqual({
        kind: 'unsafe-state',
        message: `the archiving state ${file} is damaged; archiving is on hold`,
        hint: 'Set it again: twowarm archiving on|hold|discard',
      });
    },
  );

  it.each([
    ['is a directory', (file: string) => mkdirSync(file), 'Is a directory'],
    [
      'is in a state directory that is a file',
      (file: string) => {
        rmSync(join(file, '..'), { recursive: true });
        writeFileSync(join(file, '..'), '');
      },
      'Not a directory',
    ],
  ])('that %s is not taken for on', async (_, spoil, reason) => {
    await using home = makeSandbox('home');
    const file = join(home.directory('state'), 'archiving');
    spoil(file);
    expect(await faultOf(() => readArchivingState(home.path))).toEqual({
      kind: 'unsafe-state',
      message: `could not read the archiving state ${file}: ${reason}; archiving is on hold`,
    });
  });
});
