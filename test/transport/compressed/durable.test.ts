// Storing a compressed file, seen from outside: the order of system calls, fsyncs that fail, a disk that is full, and a kill
// between the record and the name.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDestination } from '../../../src/transport/open.ts';
import { sweepUnfinished } from '../../../src/transport/unfinished.ts';
import type { Identity, Transport } from '../../../src/transport/transport.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { startScript } from '../../harness/source-script.ts';
import { acceptAll, makeNode, neverStopped, patterned, photograph, treeOf } from '../archives.ts';
import type { PutFacts } from '../children/put.ts';

const segment = '000000010000000000000005';
const content = patterned(1_100_000, 1);

interface Place {
  directory: string;
  node: Identity;
  road: Transport;
  /** Puts the content from another process that strace watches; how it ended and what it called. */
  putTraced: (inject?: string, shell?: string) => Promise<{ said: string; calls: string[] }>;
}

async function place(sandbox: Sandbox): Promise<Place> {
  const directory = sandbox.directory('archive');
  const node = makeNode(sandbox);
  const road = await openDestination(`file:${directory}`, node, { compression: 'zstd' });
  const source = sandbox.file('source', content);
  const facts: PutFacts = { url: road.url, node, name: segment, source, compression: 'zstd' };
  const trace = join(sandbox.path, 'trace');
  const putTraced = async (inject = '', shell = ''): Promise<{ said: string; calls: string[] }> => {
    const strace = `exec /usr/bin/strace -f -qqq -y -s 4096 -e trace=fsync,fdatasync,link,linkat,rename,unlink ${inject} -o ${trace}`;
    const prefix = `${shell} UV_THREADPOOL_SIZE=1; export UV_THREADPOOL_SIZE; ${strace}`;
    const { result } = startScript('test/transport/children/put.ts', facts, prefix);
    const { stdout, signal } = await result;
    const said = signal ?? stdout.replaceAll(directory, 'DIRECTORY').replace(/\.tmp\.\S+(?=:)/, '.tmp');
    return { said, calls: callsIn(readFileSync(trace, 'utf8'), directory) };
  };
  return { directory, node, road, putTraced };
}

/** The calls on the archive's files: 'fsync .tmp', 'link .tmp -> name', 'fsync directory'. */
function callsIn(trace: string, directory: string): string[] {
  const called = (path: string): string =>
    path === directory ? 'directory' : path.slice(directory.length + 1).replace(/\.tmp\.\S+/, '.tmp');
  return trace.split('\n').flatMap((line) => {
    const [, call = '', rest = ''] = /(\w+)\((.*)\) += 0$/.exec(line) ?? [];
    const paths = [...rest.matchAll(/[<"]([^">]+)[>"]/g)].map(([, path]) => path!);
    const ours = paths.filter((path) => path === directory || path.startsWith(`${directory}/`));
    return ours.length === 0 ? [] : [`${call} ${ours.map(called).join(' -> ')}`];
  });
}

const recordDirectory = '.twowarm/contents';
const record = `${recordDirectory}/${segment}`;

describe('a compressed file', () => {
  it('is durable before its record, that before the name, and the name before the answer', async () => {
    await using sandbox = makeSandbox('durable');
    const { putTraced } = await place(sandbox);
    expect(await putTraced()).toEqual({
      said: 'stored',
      calls: [
        'fsync .tmp',
        'fsync .twowarm',
        `fsync ${recordDirectory}/.tmp`,
        `rename ${recordDirectory}/.tmp -> ${record}`,
        `fsync ${recordDirectory}`,
        `link .tmp -> ${segment}.zst`,
        'unlink .tmp',
        'fsync directory',
      ],
    });
    expect(await putTraced()).toEqual({
      said: 'already-stored',
      calls: [`fsync ${segment}.zst`, `fsync ${record}`, `fsync ${recordDirectory}`, 'fsync directory'],
    });
  });

  it('that is found without its record has one before it counts as stored', async () => {
    await using sandbox = makeSandbox('durable');
    const { directory, putTraced } = await place(sandbox);
    await putTraced();
    rmSync(join(directory, record));
    expect(await putTraced()).toEqual({
      said: 'already-stored',
      calls: [
        `fsync ${segment}.zst`,
        `fsync ${recordDirectory}/.tmp`,
        `rename ${recordDirectory}/.tmp -> ${record}`,
        `fsync ${recordDirectory}`,
        'fsync directory',
      ],
    });
  });

  // One thread of libuv's makes the calls in order; .twowarm is fsynced by another.
  it.each([
    ['of the file', 1, '.tmp'],
    ['of the record', 2, `${recordDirectory}/.tmp`],
    ['of the directory of records', 3, recordDirectory],
  ])('does not get its name when an fsync fails: the one %s', async (_, nth, path) => {
    await using sandbox = makeSandbox('durable');
    const { directory, node, putTraced, road } = await place(sandbox);
    sandbox.directory(`archive/${recordDirectory}`);
    expect((await putTraced(`-e inject=fsync:error=EIO:when=${nth}`)).said).toBe(
      `not-durable: could not fsync DIRECTORY/${path}: Input/output error HINT: Look for errors of this disk in the kernel log before you trust it again.`,
    );
    expect(readdirSync(directory)).toEqual(['.twowarm']);
    expect(treeOf(join(node.stateDirectory, 'unfinished'))).toEqual([]);
    expect(await road.list(neverStopped)).toEqual([]);
    expect((await putTraced()).said).toBe('stored');
  });

  it('counts as stored only after the next put where the fsync of the directory fails, and keeps its name', async () => {
    await using sandbox = makeSandbox('durable');
    const { directory, putTraced } = await place(sandbox);
    sandbox.directory(`archive/${recordDirectory}`);
    expect((await putTraced('-e inject=fsync:error=EIO:when=4')).said).toMatch(
      'not-durable: could not fsync DIRECTORY: Input/output error',
    );
    expect(readdirSync(directory).sort()).toEqual([segment + '.zst', '.twowarm'].sort());
    expect((await putTraced()).said).toBe('already-stored');
  });

  it.each([
    ['of the file', 1, `${segment}.zst`],
    ['of the record', 2, record],
    ['of the directory of records', 3, recordDirectory],
    ['of the directory', 4, ''],
  ])(
    'is not called stored, nor removed, when it cannot be made durable again: the fsync %s',
    async (_, nth, path) => {
      await using sandbox = makeSandbox('durable');
      const { directory, putTraced } = await place(sandbox);
      await putTraced();
      const before = photograph(directory);
      const where = path === '' ? 'DIRECTORY' : `DIRECTORY/${path}`;
      expect((await putTraced(`-e inject=fsync:error=EIO:when=${nth}`)).said).toMatch(
        `not-durable: could not fsync ${where}: Input/output error`,
      );
      expect(photograph(directory)).toEqual(before);
    },
  );

  it('leaves nothing on a disk that takes no more', async () => {
    await using sandbox = makeSandbox('durable');
    const { directory, node, putTraced, road } = await place(sandbox);
    const before = treeOf(directory);
    // Half a megabyte, in blocks of 512 bytes.
    expect((await putTraced('', 'ulimit -f 1000;')).said).toBe(
      `input-output: could not store ${segment} at file:DIRECTORY: File too large`,
    );
    expect(treeOf(directory)).toEqual(before);
    expect(treeOf(join(node.stateDirectory, 'unfinished'))).toEqual([]);
    expect(await road.put(segment, sandbox.file('again', content), acceptAll, neverStopped)).toBe('stored');
  });
});

describe('a writer that is killed', () => {
  it.each([
    ['before the record has its name', 'rename', 'other'],
    ['between the record and the name', 'link', 'the same'],
    ['between the record and the name', 'link', 'other'],
    ['between the record and the name', 'link', 'plain'],
  ])('%s leaves no name, and no trace once it is swept: %s, then %s content', async (_, call, next) => {
    await using sandbox = makeSandbox('killed');
    const { directory, node, putTraced, road } = await place(sandbox);
    expect((await putTraced(`-e inject=${call}:error=EIO:signal=SIGKILL`)).said).toBe('SIGKILL');
    expect(existsSync(join(directory, record))).toBe(call === 'link');
    expect(await road.list(neverStopped)).toEqual([]);
    expect(await road.stat(segment, neverStopped)).toBe('missing');
    expect(treeOf(directory).some((path) => path.includes('.tmp.'))).toBe(true);
    await sweepUnfinished(node.stateDirectory, node.nodeId, neverStopped);
    expect(treeOf(directory).filter((path) => path.includes('.tmp.'))).toEqual([]);
    expect(treeOf(join(node.stateDirectory, 'unfinished'))).toEqual([]);

    const bytes = next === 'other' ? patterned(900_000, 2) : content;
    const writer = await openDestination(road.url, makeNode(sandbox), {
      compression: next === 'plain' ? 'none' : 'zstd',
    });
    const put = () => writer.put(segment, sandbox.file('next', bytes), acceptAll, neverStopped);
    expect(await put()).toBe('stored');
    expect(await put()).toBe('already-stored');
    expect(await road.stat(segment, neverStopped)).toEqual({ sizeBytes: bytes.length });
    const target = join(sandbox.path, 'fetched');
    expect(await road.get(segment, target, acceptAll, neverStopped)).toBe('fetched');
    expect(readFileSync(target).equals(bytes)).toBe(true);
    expect(await road.remove(segment, neverStopped)).toBe('removed');
    expect(readdirSync(join(directory, recordDirectory))).toEqual([]);
  });
});
