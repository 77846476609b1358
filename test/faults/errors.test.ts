// A disk that refuses, by error injection: archiveWALFile fails with one whole message, nothing has the name of the
// segment that is not whole, and the next call succeeds.
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { commandLine, makeNode, type NodeFixture } from '../harness/node-fixture.ts';
import { shell, type RunResult } from '../harness/run.ts';
import { segmentBytes, segmentNamed } from '../harness/wal-files.ts';
import { trace, type Call } from './strace.ts';
import { expectNothingUnfinished, expectOnlyWholeFiles } from './whole-files.ts';

const segment = segmentNamed(2);
const line = commandLine('archiveWALFile', `pg_wal/${segment}`, segment);

async function makeNodeWithSegment(): Promise<NodeFixture> {
  const node = await makeNode('errors');
  node.segment(segment);
  return node;
}

interface Injected {
  result: RunResult;
  calls: Call[];
}

async function archiveWith(node: NodeFixture, inject: string): Promise<Injected> {
  const traced = trace(node, line, { inject, also: ['close'] });
  return { result: await traced.program.result, calls: traced.calls() };
}

const onTemporary = ({ arguments: path }: Call): boolean => path.startsWith('<~/db2/.tmp.');
const wasInjected = ({ result }: Call): boolean => result?.endsWith('(INJECTED)') === true;

/**
 * Fails one call on the temporary file in the archive, and no other of that name: strace counts them by thread, and
 * how often libuv wakes its threads by write(2) is not the same in each run. Tries until it was that call.
 */
async function archiveWithOneFailing(
  name: string,
  error: string,
  check: (node: NodeFixture, injected: Injected) => Promise<void>,
): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt++) {
    await using whole = await makeNodeWithSegment();
    const { calls } = await archiveWith(whole, 'flock:error=EIO');
    const wanted = calls.find((call) => call.name === name && onTemporary(call));
    if (wanted?.thread !== 'pool') throw new Error(`no ${name} of a temporary file in libuv's thread`);
    await using node = await makeNodeWithSegment();
    const injected = await archiveWith(node, `${name}:error=${error}:when=${wanted.nth}`);
    if (!injected.calls.some((call) => wasInjected(call) && onTemporary(call))) continue;
    return await check(node, injected);
  }
  throw new Error(`could not make ${name} fail on the temporary file`);
}

async function expectNextCallToSucceed(node: NodeFixture): Promise<void> {
  expectOnlyWholeFiles(node.sandbox.path, segment);
  expect(await shell(line, { cwd: node.dataDirectory })).toMatchObject({ code: 0, stdout: '', stderr: '' });
  expect(readFileSync(node.path(`db2/${segment}`)).equals(segmentBytes(segment))).toBe(true);
  expectNothingUnfinished(node.sandbox.path);
}

const isThere = (node: NodeFixture): boolean => existsSync(node.path(`db2/${segment}`));

describe('archiveWALFile', () => {
  /** The kernel tells a failed fsync once: a second one would succeed without the data, so there is no second one. */
  const notDurable = (path: string, what = ''): object => ({
    code: 30,
    stdout: '',
    stderr: expect.stringMatching(
      new RegExp(
        `^archiveWALFile: ERROR:  ${what}could not fsync ${path}: Input/output error\n` +
          'HINT:  Look for errors of this disk in the kernel log before you trust it again\\.\n$',
      ),
    ) as string,
  });
  const temporariesOf = (calls: Call[]): Call[] =>
    calls.filter((call) => call.name === 'openat' && /"~\/db2\/\.tmp\..*O_EXCL/.test(call.arguments));

  it.each(['fsync:error=EIO', 'fsync:error=EIO:when=1'])(
    'fails by its own exit code at the first fsync that does, and has named nothing: %s',
    async (inject) => {
      await using node = await makeNodeWithSegment();
      const { result, calls } = await archiveWith(node, inject);
      const temporary = `${node.path('db2')}/\\.tmp\\.${segment}\\.[0-9a-f.]+`;
      expect(result).toMatchObject(notDurable(temporary));
      expect(temporariesOf(calls)).toHaveLength(1);
      expect(calls.filter(({ name }) => name === 'fsync')).toHaveLength(1);
      expect(isThere(node)).toBe(false);
      await expectNextCallToSucceed(node);
    },
  );

  it('fails when the directory cannot be synced; the name stays, and counts once the next call has synced it', async () => {
    await using node = await makeNodeWithSegment();
    const { result, calls } = await archiveWith(node, 'fsync:error=EIO:when=2+');
    expect(calls.filter(wasInjected).map((call) => call.arguments)).toEqual(['<~/db2>']);
    expect(result).toMatchObject(notDurable(node.path('db2'), `could not store ${segmentNamed(2)}: `));
    expect(temporariesOf(calls)).toHaveLength(1);
    expect(isThere(node)).toBe(true);
    await expectNextCallToSucceed(node);
  });

  it('refuses a file system without hard links by its own exit code', async () => {
    await using node = await makeNodeWithSegment();
    const { result } = await archiveWith(node, 'link:error=EPERM');
    const target = node.path(`db2/${segment}`);
    expect(result).toMatchObject({
      code: 24,
      stdout: '',
      stderr: [
        `archiveWALFile: ERROR:  cannot publish ${target}: the file system refuses hard links (EPERM)`,
        'DETAIL:  A hard link is the one way to give a file its name without ever replacing another.',
        'HINT:  Put the archive on a file system that has hard links.',
        '',
      ].join('\n'),
    });
    expect(isThere(node)).toBe(false);
    await expectNextCallToSucceed(node);
  });

  it('fails when the disk is full in the middle of the segment', async () => {
    await archiveWithOneFailing('write', 'ENOSPC', async (node, { result }) => {
      expect(result).toMatchObject({
        code: 23,
        stdout: '',
        stderr: `archiveWALFile: ERROR:  could not store ${segment} at file:${node.path('db2')}: No space left on device\nHINT:  PostgreSQL keeps the file and tries again. Make room there before pg_wal is full, too.\n`,
      });
      expect(isThere(node)).toBe(false);
      await expectNextCallToSucceed(node);
    });
  });

  it('does not name a file whose close reports that a write was lost', async () => {
    await archiveWithOneFailing('close', 'EIO', async (node, { result, calls }) => {
      const failed = calls.find((call) => wasInjected(call) && onTemporary(call))!;
      const links = calls.filter((call) => call.name === 'link' && call.arguments.includes('~/db2/'));
      const opened = temporariesOf(calls);
      // An input or output error may pass: a second copy is made from the start, and only that one gets the name.
      expect(result).toMatchObject({ code: 0, stdout: '', stderr: '' });
      expect(opened.length).toBe(2);
      expect(links.length).toBe(1);
      expect(opened[1]!.entered).toBeGreaterThan(failed.entered);
      expect(links[0]!.entered).toBeGreaterThan(opened[1]!.entered);
      await expectNextCallToSucceed(node);
    });
  });
});
