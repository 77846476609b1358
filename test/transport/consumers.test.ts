// The registry of an archive as files: what is written, what others find, and what several at once leave.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import type { Need } from '../../src/transport/consumer-record.ts';
import {
  listConsumers,
  readConsumers,
  registerConsumer,
  removeConsumer,
} from '../../src/transport/consumers.ts';
import { openArchive } from '../../src/transport/filesystem-writing.ts';
import { openArchiveForReading } from '../../src/transport/filesystem.ts';
import { prunedRangeOf, readPruned, recordPruned } from '../../src/transport/pruned.ts';
import { segmentName } from '../../src/wal/filename.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { faultOf } from '../program/fault.ts';
import { makeNode, neverStopped, treeOf } from './archives.ts';

const size = 1024 * 1024;
const named = (number: number, timeline = 1): string => segmentName(timeline, BigInt(number), size);
const need = (changes: Partial<Need> = {}): Need => ({
  ...{ id: 'n1', node: 'n1', name: 'db2', kind: 'relay', oldest: named(5) },
  ...changes,
});

/** An archive of our cluster. */
async function makeArchive(sandbox: Sandbox): Promise<string> {
  const directory = sandbox.directory('archive');
  await openArchive(`file:${directory}`, directory, makeNode(sandbox));
  return directory;
}

describe('a registry', () => {
  it('has one file a consumer, private and replaced whole', async () => {
    await using sandbox = makeSandbox('consumers');
    const archive = await makeArchive(sandbox);
    expect(await registerConsumer(archive, need())).toBe('registered');
    expect(await registerConsumer(archive, need({ id: 'n1.relay-dr', lsn: '0/500028' }))).toBe('registered');
    expect(await registerConsumer(archive, need())).toBe('unchanged');
    expect(await registerConsumer(archive, need({ oldest: named(6) }))).toBe('registered');
    expect(treeOf(join(archive, '.twowarm', 'consumers'))).toEqual(['n1', 'n1.relay-dr']);
    expect(await readConsumers(archive, 'me')).toMatchObject([
      { id: 'n1', node: 'n1', name: 'db2', kind: 'relay', oldest: named(6), lsn: undefined },
      { id: 'n1.relay-dr', oldest: named(5), lsn: '0/500028' },
    ]);
  });

  it('is offered by the road that is opened for reading', async () => {
    await using sandbox = makeSandbox('consumers');
    const archive = await makeArchive(sandbox);
    const road = await openArchiveForReading(`file:${archive}`, archive, makeNode(sandbox));
    expect(await road.registerConsumer?.(need(), neverStopped)).toBe('registered');
    expect(await road.prunedOf?.(named(1), neverStopped)).toBeUndefined();
    expect(await readConsumers(archive, 'me')).toHaveLength(1);
  });

  it('is not begun in a directory that is no archive of ours', async () => {
    await using sandbox = makeSandbox('consumers');
    const directory = sandbox.directory('plain');
    expect(await registerConsumer(directory, need())).toBe('not-an-archive');
    expect(treeOf(directory)).toEqual([]);
  });

  it.each(['../n1', '', '.tmp.n1', 'a/b'])('refuses the name %j', async (id) => {
    await using sandbox = makeSandbox('consumers');
    const archive = await makeArchive(sandbox);
    const before = treeOf(sandbox.path);
    const refusal = { kind: 'invalid-name', message: `"${id}" is not the name of a consumer` };
    expect(await faultOf(() => registerConsumer(archive, need({ id })))).toEqual(refusal);
    expect(await faultOf(() => removeConsumer(archive, id))).toEqual(refusal);
    expect(treeOf(sandbox.path)).toEqual(before);
  });

  it('with one damaged record cannot be read by one who prunes, and its consumer mends it', async () => {
    await using sandbox = makeSandbox('consumers');
    const archive = await makeArchive(sandbox);
    await registerConsumer(archive, need());
    await registerConsumer(archive, need({ id: 'n2' }));
    const path = join(archive, '.twowarm', 'consumers', 'n1');
    writeFileSync(path, '{');
    const message = `the record ${path} of a consumer is damaged or of a newer version`;
    expect(await faultOf(() => readConsumers(archive, 'me'))).toMatchObject({
      kind: 'unsafe-state',
      message,
    });
    expect(await listConsumers(archive, 'me')).toMatchObject([
      { id: 'n1', fault: { message } },
      { id: 'n2' },
    ]);
    await registerConsumer(archive, need({ oldest: undefined, asked: named(9) }));
    expect((await readConsumers(archive, 'me'))[0]).toMatchObject({ id: 'n1', oldest: undefined });
  });

  it('that cannot be read is not an empty one', async () => {
    await using sandbox = makeSandbox('consumers');
    const archive = await makeArchive(sandbox);
    const directory = join(archive, '.twowarm', 'consumers');
    writeFileSync(directory, '');
    const message = `could not read ${directory}: Not a directory`;
    expect(await faultOf(() => readConsumers(archive, 'me'))).toEqual({ kind: 'directory-missing', message });
  });

  it('loses who is removed, once', async () => {
    await using sandbox = makeSandbox('consumers');
    const archive = await makeArchive(sandbox);
    await registerConsumer(archive, need());
    expect(await removeConsumer(archive, 'n1')).toBe('removed');
    expect(await removeConsumer(archive, 'n1')).toBe('missing');
    expect(await readConsumers(archive, 'me')).toEqual([]);
  });

  it('told by many at once has one whole record', async () => {
    await using sandbox = makeSandbox('consumers');
    const archive = await makeArchive(sandbox);
    const numbers = Array.from({ length: 20 }, (_, index) => index + 1);
    await Promise.all(numbers.map((number) => registerConsumer(archive, need({ oldest: named(number) }))));
    expect(treeOf(join(archive, '.twowarm', 'consumers'))).toEqual(['n1']);
    const [record] = await readConsumers(archive, 'me');
    expect(numbers.map((number) => named(number))).toContain(record?.oldest);
  });
});

describe('the record of what was pruned', () => {
  const at = '2026-01-02T03:04:05.000Z';
  const by = { since: at, at, node: 'n1', name: 'db2', restart: named(99) };
  const range = (from: number, to: number, timeline = 1) => ({
    ...{ first: named(from, timeline), last: named(to, timeline) },
    ...by,
  });

  it('is one file a timeline, and says of a segment whether it was', async () => {
    await using sandbox = makeSandbox('pruned');
    const archive = await makeArchive(sandbox);
    for (const each of [range(1, 4), range(5, 8), range(3, 4, 2)])
      await recordPruned(archive, each, size, 'n1');
    expect(await readPruned(archive, 'me')).toEqual([range(1, 8), range(3, 4, 2)]);
    const files = treeOf(join(archive, '.twowarm', 'pruned')).map((name) => name.slice(0, 9));
    expect(files).toEqual(['00000001.', '00000002.']);
    const found = [named(1), named(8), named(9), named(4, 2), named(5, 2), '00000002.history'];
    const ranges = await Promise.all(found.map((name) => prunedRangeOf(archive, name, 'me')));
    expect(ranges.map((each) => each?.last)).toEqual([
      named(8),
      named(8),
      undefined,
      named(4, 2),
      undefined,
      undefined,
    ]);
  });

  it('forgets nothing when several add to it at once, and reading never fails meanwhile', async () => {
    await using sandbox = makeSandbox('pruned');
    const archive = await makeArchive(sandbox);
    const numbers = Array.from({ length: 30 }, (_, index) => index * 3);
    let isOver = false;
    const adding = Promise.all(
      numbers.map((number, index) =>
        recordPruned(archive, { ...range(number, number + 1), node: `n${index % 4}` }, size, `n${index % 4}`),
      ),
    ).finally(() => (isOver = true));
    let most = 0;
    while (!isOver) {
      const { length } = await readPruned(archive, 'me');
      expect(length).toBeGreaterThanOrEqual(most);
      most = length;
    }
    await adding;
    expect((await readPruned(archive, 'me')).map(({ first }) => first)).toEqual(
      numbers.map((number) => named(number)),
    );
    await recordPruned(archive, range(500, 501), size, 'n1');
    expect(treeOf(join(archive, '.twowarm', 'pruned'))).toHaveLength(1);
  });

  it('that is damaged is told, and stands in the way of pruning', async () => {
    await using sandbox = makeSandbox('pruned');
    const archive = await makeArchive(sandbox);
    const directory = join(archive, '.twowarm', 'pruned');
    mkdirSync(directory);
    const path = join(directory, '00000001.x');
    writeFileSync(path, '{"version":1,"segmentSize":1048576,"ranges":[{"first":"x"}]}');
    const fault = {
      kind: 'unsafe-state',
      message: `the record ${path} of what was pruned is damaged or of a newer version`,
      detail: 'What was pruned cannot be told from what was lost.',
      hint: 'Move it away: the next pruning then begins a new record.',
    };
    expect(await faultOf(() => readPruned(archive, 'me'))).toEqual(fault);
    expect(await faultOf(() => recordPruned(archive, range(1, 2), size, 'n1'))).toEqual(fault);
    expect(readFileSync(path, 'utf8')).toContain('"x"');
  });
});
