// One archive, both forms: a destination's setting was changed, or two writers have different ones. A name stays one name.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openDestination } from '../../../src/transport/open.ts';
import type { PutOutcome, Transport } from '../../../src/transport/transport.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { faultOf } from '../../program/fault.ts';
import { acceptAll, makeNode, neverStopped, patterned, photograph } from '../archives.ts';
import { zstdStorage } from '../compressed-storage.ts';

const segment = '000000010000000000000005';
const partial = `${segment}.partial`;
const content = patterned(1_100_000, 1);
const other = patterned(1_100_000, 2);

// The moment between a writer's last look and its link belongs to another writer.
const beforeLink = vi.hoisted(() => ({ act: undefined as (() => Promise<unknown>) | undefined }));
vi.mock('../../../src/program/system-calls.ts', async (original) => {
  const calls = await original<typeof import('../../../src/program/system-calls.ts')>();
  const link = async (from: string, to: string): Promise<void> => {
    const act = beforeLink.act;
    beforeLink.act = undefined;
    await act?.();
    return calls.link(from, to);
  };
  return { ...calls, link };
});
afterEach(() => (beforeLink.act = undefined));

interface Mixed {
  directory: string;
  url: string;
  plain: Transport;
  zstd: Transport;
  put: (road: Transport, bytes: Uint8Array, name?: string) => Promise<PutOutcome>;
  get: (name?: string) => Promise<Buffer>;
}

async function mixed(sandbox: Sandbox): Promise<Mixed> {
  const directory = sandbox.directory('archive');
  const url = `file:${directory}`;
  const plain = await openDestination(url, makeNode(sandbox), { compression: 'none' });
  const zstd = await openDestination(url, makeNode(sandbox), { compression: 'zstd' });
  let made = 0;
  return {
    directory,
    url,
    plain,
    zstd,
    put: (road, bytes, name = segment) =>
      road.put(name, sandbox.file(`sources/${(made += 1)}`, bytes), acceptAll, neverStopped),
    get: async (name = segment) => {
      const target = join(sandbox.path, `fetched-${(made += 1)}`);
      try {
        expect(await plain.get(name, target, acceptAll, neverStopped)).toBe('fetched');
        return readFileSync(target);
      } catch (error) {
        expect(existsSync(target), 'something was delivered').toBe(false);
        throw error;
      }
    },
  };
}

const filesIn = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => name !== '.twowarm')
    .sort();

const orders = [
  ['plain', 'zstd', segment],
  ['zstd', 'plain', `${segment}.zst`],
] as const;

describe.each(orders)('a file that is there %s and comes again %s', (first, second, file) => {
  it('with the same content is stored already, in the form that it has', async () => {
    await using sandbox = makeSandbox('mixed');
    const archive = await mixed(sandbox);
    expect(await archive.put(archive[first], content)).toBe('stored');
    const before = photograph(archive.directory);
    expect(await archive.put(archive[second], content)).toBe('already-stored');
    expect(photograph(archive.directory)).toEqual(before);
    expect(filesIn(archive.directory)).toEqual([file]);
    expect((await archive.get()).equals(content)).toBe(true);
  });

  it('with another content is refused, and nothing is touched', async () => {
    await using sandbox = makeSandbox('mixed');
    const archive = await mixed(sandbox);
    await archive.put(archive[first], content);
    const before = photograph(archive.directory);
    expect(await faultOf(() => archive.put(archive[second], other))).toEqual({
      kind: 'archive-duplicate',
      message: `${segment} exists at ${archive.url} with different content`,
      detail:
        "The archive's copy has 1100000 bytes, this one 1100000; they differ from byte 0 on. Neither was touched.",
      hint: expect.stringContaining('Find out which copy is right.') as string,
    });
    expect(photograph(archive.directory)).toEqual(before);
  });

  it('as another partial segment is kept as a version, plain', async () => {
    await using sandbox = makeSandbox('mixed');
    const archive = await mixed(sandbox);
    const puts = [
      await archive.put(archive[first], content, partial),
      await archive.put(archive[second], other, partial),
      await archive.put(archive[first], other, partial),
      await archive.put(archive[second], content, partial),
    ];
    expect(puts).toEqual(['stored', 'stored-as-version', 'stored-as-version', 'already-stored']);
    const versions = join(archive.directory, '.twowarm/versions');
    expect(readdirSync(versions)).toHaveLength(1);
    expect(readFileSync(join(versions, readdirSync(versions)[0]!)).equals(other)).toBe(true);
    expect((await archive.get(partial)).equals(content)).toBe(true);
  });
});

describe('an archive of both forms', () => {
  it('shows each name once, with its own size, in name order', async () => {
    await using sandbox = makeSandbox('mixed');
    const archive = await mixed(sandbox);
    const names = ['4', '5', '6', '7'].map((digit) => segment.replace(/5$/, digit));
    for (const [index, name] of names.entries())
      await archive.put(index % 2 === 0 ? archive.plain : archive.zstd, patterned(1000 + index, index), name);
    await archive.put(archive.zstd, Buffer.from('history'), '00000002.history');
    for (const road of [archive.plain, archive.zstd]) {
      expect(await road.list(neverStopped)).toEqual([...names, '00000002.history']);
      for (const [index, name] of names.entries())
        expect(await road.stat(name, neverStopped)).toEqual({ sizeBytes: 1000 + index });
    }
    expect(filesIn(archive.directory)).toContain('00000002.history');
  });

  it('gives up a name with both its forms and its record', async () => {
    await using sandbox = makeSandbox('mixed');
    const archive = await mixed(sandbox);
    await archive.put(archive.zstd, content);
    sandbox.file(`archive/${segment}`, content);
    expect(await archive.plain.list(neverStopped)).toEqual([segment]);
    expect((await archive.get()).equals(content)).toBe(true);
    expect(await archive.put(archive.plain, content)).toBe('already-stored');
    expect(await archive.plain.remove(segment, neverStopped)).toBe('removed');
    expect(filesIn(archive.directory)).toEqual([]);
    expect(readdirSync(join(archive.directory, '.twowarm/contents'))).toEqual([]);
    expect(await archive.plain.remove(segment, neverStopped)).toBe('missing');
    expect(await archive.zstd.stat(segment, neverStopped)).toBe('missing');
    expect(await archive.put(archive.zstd, other)).toBe('stored');
  });

  it('wakes whoever waits with the WAL name of a compressed file', async () => {
    await using sandbox = makeSandbox('mixed');
    const archive = await mixed(sandbox);
    const woken = Promise.withResolvers<string>();
    const watch = await archive.plain.watch((name) => {
      if (name !== undefined && !name.startsWith('.tmp.')) woken.resolve(name);
    });
    await archive.put(archive.zstd, content);
    expect(await woken.promise).toBe(segment);
    watch.close();
  });
});

describe.each(orders)('a %s writer that gives a name while a %s one has just done so', (late, early) => {
  it('succeeds with the same content', async () => {
    await using sandbox = makeSandbox('mixed');
    const archive = await mixed(sandbox);
    beforeLink.act = async () => expect(await archive.put(archive[early], content)).toBe('stored');
    expect(await archive.put(archive[late], content)).toBe('stored');
    expect(filesIn(archive.directory)).toEqual([segment, `${segment}.zst`]);
    expect((await archive.get()).equals(content)).toBe(true);
  });

  it('fails with another content, and from then on nobody is given either', async () => {
    await using sandbox = makeSandbox('mixed');
    const archive = await mixed(sandbox);
    beforeLink.act = async () => expect(await archive.put(archive[early], content)).toBe('stored');
    expect(await faultOf(() => archive.put(archive[late], other))).toMatchObject({
      kind: 'archive-duplicate',
      message: `${segment} exists at ${archive.url} with different content`,
      detail: `The archive's copy has 1100000 bytes, this one 1100000; they differ from byte 0 on. Both are there now, one plain and one as ${segment}.zst, and nobody is given either.`,
    });
    const path = join(archive.directory, segment);
    const before = photograph(archive.directory);
    expect(await faultOf(() => archive.get())).toEqual({
      kind: 'archive-duplicate',
      message: `${path} is there with one content, ${path}.zst with another`,
      detail: 'The plain file has 1100000 bytes, the compressed one 1100000.',
      hint: 'Find out which one is right and move the other one away.',
    });
    for (const road of [archive.plain, archive.zstd])
      for (const bytes of [content, other])
        expect(await faultOf(() => archive.put(road, bytes))).toMatchObject({ kind: 'archive-duplicate' });
    expect(photograph(archive.directory)).toEqual(before);
    rmSync(late === 'plain' ? path : `${path}.zst`);
    expect((await archive.get()).equals(content)).toBe(true);
    expect(await archive.put(archive[late], content)).toBe('already-stored');
  });
});

it('a compressed file keeps its own record when a writer who lost the name has written one meanwhile', async () => {
  await using sandbox = makeSandbox('mixed');
  const archive = await mixed(sandbox);
  const [reached, named] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let loser: Promise<PutOutcome> | undefined;
  beforeLink.act = async () => {
    beforeLink.act = async () => {
      reached.resolve();
      await named.promise;
    };
    loser = archive.put(archive.zstd, other);
    await reached.promise;
  };
  expect(await archive.put(archive.zstd, content)).toBe('stored');
  named.resolve();
  await expect(loser).rejects.toMatchObject({ kind: 'archive-duplicate' });
  const record = readFileSync(join(archive.directory, '.twowarm/contents', segment), 'utf8');
  expect(record).toContain(createHash('sha256').update(content).digest('hex'));
  expect((await archive.get()).equals(content)).toBe(true);
});

it('a plain and a compressing writer at once never leave two contents without a fault', async () => {
  await using sandbox = makeSandbox('mixed');
  const archive = await mixed(sandbox);
  for (let round = 16; round < 40; round++) {
    const name = `0000000100000000000000${round.toString(16).toUpperCase()}`;
    const results = await Promise.allSettled([
      archive.put(archive.plain, content, name),
      archive.put(archive.zstd, other, name),
    ]);
    const stored = results.flatMap((result, index) =>
      result.status === 'fulfilled' ? [[content, other][index]!] : [],
    );
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ kind: 'archive-duplicate' });
    expect(stored.length).toBeLessThan(2);
    const forms = [name, `${name}.zst`].filter((file) => existsSync(join(archive.directory, file)));
    if (forms.length === 2)
      await expect(archive.get(name)).rejects.toMatchObject({ kind: 'archive-duplicate' });
    else {
      const there = zstdStorage.contentOf(zstdStorage.pathOf(archive.directory, name));
      expect(stored.every((bytes) => bytes.equals(there))).toBe(true);
      expect((await archive.get(name)).equals(there)).toBe(true);
    }
  }
});
