// A file that has arrived under a temporary name before it gets its own, as a receiver writes it: the outcomes of put, in both
// forms, and the temporary file is gone whatever comes of it.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { temporaryPath } from '../../../src/program/temporary-name.ts';
import { openArchive, type WritableArchive } from '../../../src/transport/filesystem-writing.ts';
import type { Written } from '../../../src/transport/compressed/publish-written.ts';
import type { Form } from '../../../src/transport/stored-form.ts';
import type { Identity, PutOutcome } from '../../../src/transport/transport.ts';
import { noteUnfinished } from '../../../src/transport/unfinished.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { faultOf } from '../../program/fault.ts';
import {
  acceptAll,
  makeNode,
  neverStopped,
  openFilesIn,
  patterned,
  photograph,
  treeOf,
} from '../archives.ts';
import { zstdStorage } from '../compressed-storage.ts';

const segment = '000000010000000000000005';
const partial = `${segment}.partial`;
const content = patterned(1_100_000, 1);
const other = patterned(1_100_000, 2);
const forms = ['plain', 'zstd'] as const;

interface Receiving {
  road: WritableArchive;
  node: Identity;
  directory: string;
  /** Has bytes arrive in a form, and gives them the name. */
  receive: (bytes: Uint8Array, form: Form, name?: string, signal?: AbortSignal) => Promise<PutOutcome>;
  /** Also checks that nothing unfinished is left. */
  outcome: (bytes: Uint8Array, form: Form, name?: string) => Promise<PutOutcome>;
}

async function receiving(sandbox: Sandbox): Promise<Receiving> {
  const directory = sandbox.directory('archive');
  const node = makeNode(sandbox);
  const road = await openArchive(`file:${directory}`, directory, node);
  const receive: Receiving['receive'] = (bytes, form, name = segment, signal = neverStopped) => {
    const temporary = temporaryPath(join(directory, name), node.nodeId);
    noteUnfinished(node.stateDirectory, temporary);
    writeFileSync(temporary, form === 'zstd' ? zstdCompressSync(bytes) : bytes, { mode: 0o600 });
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const written: Written = { temporary, form, sizeBytes: bytes.length, sha256 };
    return road.putWritten(name, written, signal);
  };
  return {
    road,
    node,
    directory,
    receive,
    outcome: async (...arrived) => {
      const outcome = await receive(...arrived);
      expectNothingUnfinished({ directory, node });
      return outcome;
    },
  };
}

function expectNothingUnfinished({ directory, node }: Pick<Receiving, 'directory' | 'node'>): void {
  expect(treeOf(directory).filter((path) => path.includes('.tmp.'))).toEqual([]);
  expect(treeOf(join(node.stateDirectory, 'unfinished'))).toEqual([]);
  expect(openFilesIn(directory)).toEqual([]);
}

const read = (directory: string, name = segment): Buffer =>
  zstdStorage.contentOf(zstdStorage.pathOf(directory, name));

describe.each(forms)('a %s file that has arrived', (form) => {
  it('gets its name, and is what put of the same file calls already stored', async () => {
    await using sandbox = makeSandbox('written');
    const { road, directory, outcome } = await receiving(sandbox);
    expect(await outcome(content, form)).toBe('stored');
    expect(existsSync(join(directory, form === 'plain' ? segment : `${segment}.zst`))).toBe(true);
    expect(read(directory).equals(content)).toBe(true);
    const source = sandbox.file('source', content);
    expect(await road.put(segment, source, acceptAll, neverStopped)).toBe('already-stored');
    const target = join(sandbox.path, 'fetched');
    expect(await road.get(segment, target, acceptAll, neverStopped)).toBe('fetched');
    expect(readFileSync(target).equals(content)).toBe(true);
  });

  it.each(forms)('is already stored where the same is there %s', async (first) => {
    await using sandbox = makeSandbox('written');
    const { directory, outcome } = await receiving(sandbox);
    await outcome(content, first);
    const before = photograph(directory);
    expect(await outcome(content, form)).toBe('already-stored');
    expect({ ...photograph(directory), '.': '' }).toEqual({ ...before, '.': '' });
  });

  it.each(forms)('is refused where another content is there %s', async (first) => {
    await using sandbox = makeSandbox('written');
    const archive = await receiving(sandbox);
    await archive.outcome(content, first);
    const before = photograph(archive.directory);
    const changed = Buffer.from(content);
    changed[700_000]! ^= 1;
    expect(await faultOf(() => archive.receive(changed, form))).toMatchObject({
      kind: 'archive-duplicate',
      message: `${segment} exists at ${archive.road.url} with different content`,
      detail:
        "The archive's copy has 1100000 bytes, this one 1100000; they differ from byte 700000 on. Neither was touched.",
    });
    expectNothingUnfinished(archive);
    expect({ ...photograph(archive.directory), '.': '' }).toEqual({ ...before, '.': '' });
  });

  it.each(forms)('is kept as a version where another partial segment is there %s', async (first) => {
    await using sandbox = makeSandbox('written');
    const { directory, outcome } = await receiving(sandbox);
    expect(await outcome(content, first, partial)).toBe('stored');
    expect(await outcome(other, form, partial)).toBe('stored-as-version');
    expect(await outcome(other, form, partial)).toBe('stored-as-version');
    const versions = join(directory, '.twowarm/versions');
    const name = `${partial}.${createHash('sha256').update(other).digest('hex')}`;
    expect(readdirSync(versions)).toEqual([name]);
    expect(readFileSync(join(versions, name)).equals(other)).toBe(true);
    expect(read(directory, partial).equals(content)).toBe(true);
  });

  it('is one of two at once, and the other one has the same or is refused', async () => {
    await using sandbox = makeSandbox('written');
    const { directory, receive } = await receiving(sandbox);
    const same = await Promise.all([receive(content, form), receive(content, form)]);
    expect(same.sort()).toEqual(['already-stored', 'stored']);
    const name = '000000010000000000000006';
    const results = await Promise.allSettled([receive(content, form, name), receive(other, form, name)]);
    const winner = results.findIndex(({ status }) => status === 'fulfilled');
    expect(results[1 - winner]).toMatchObject({ reason: { kind: 'archive-duplicate' } });
    expect(read(directory, name).equals([content, other][winner]!)).toBe(true);
  });

  it('gets no name once the signal has spoken, and none that is no WAL name', async () => {
    await using sandbox = makeSandbox('written');
    const archive = await receiving(sandbox);
    const before = treeOf(archive.directory);
    const reason = new Error('stopped');
    await expect(archive.receive(content, form, segment, AbortSignal.abort(reason))).rejects.toBe(reason);
    expectNothingUnfinished(archive);
    expect(await faultOf(() => archive.receive(content, form, `${segment}.zst`))).toMatchObject({
      kind: 'invalid-name',
    });
    expectNothingUnfinished(archive);
    expect(treeOf(archive.directory)).toEqual(before);
  });
});
