// archiveWALFile stopped half-way, killed, or with a destination that does not answer.
import {
  ftruncateSync,
  openSync,
  closeSync,
  existsSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';

import { commandLine, makeNode, oneDestination, silent, type NodeFixture } from '../harness/node-fixture.ts';
import { startProgram } from '../harness/run.ts';
import { giveToServerUser } from '../harness/server-user.ts';
import { withSlowCalls } from '../harness/slow-calls.ts';
import { snapshot, changesBetween } from '../harness/tree-snapshot.ts';
import { megabyte, segmentBytes, segmentNamed } from '../harness/wal-files.ts';
import { waitFor } from '../harness/wait-for.ts';

const gigabyte = 1024 * megabyte;
const temporaries = (directory: string): string[] =>
  readdirSync(directory).filter((each) => each.startsWith('.tmp.'));

/** A segment of 1 GB of which only the first page was written: it takes a second to copy and no disk. */
function largeSegment(node: NodeFixture): string {
  const name = '000000010000000000000002';
  const path = node.path(`data/pg_wal/${name}`);
  const page = segmentBytes(segmentNamed(1), {
    pageAddress: BigInt(2 * gigabyte),
    segmentSize: megabyte,
  }).subarray(0, 8192);
  page.writeUInt32LE(gigabyte, 32);
  const descriptor = openSync(path, 'w', 0o600);
  writeSync(descriptor, page);
  ftruncateSync(descriptor, gigabyte);
  closeSync(descriptor);
  giveToServerUser(path);
  node.ready(name);
  return name;
}

const start = (node: NodeFixture, line: string) =>
  startProgram('/bin/sh', ['-c', line.startsWith('exec ') ? line : `exec ${line}`], {
    cwd: node.dataDirectory,
  });

describe('a signal while the file is copied', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('%s: dies of it and leaves nothing', async (signal) => {
    await using node = await makeNode('archive-signal');
    const name = largeSegment(node);
    const before = snapshot(node.path('db2'));
    const call = start(node, commandLine('archiveWALFile', `pg_wal/${name}`, name));
    await waitFor('a temporary file that grows', () => {
      const [temporary] = temporaries(node.path('db2'));
      return temporary !== undefined && statSync(node.path(`db2/${temporary}`)).size > 0;
    });
    call.kill(signal);
    const { code, signal: diedOf, stdout, stderr, ms } = await call.result;
    expect({ code, diedOf, stdout, stderr }).toEqual({ code: null, diedOf: signal, stdout: '', stderr: '' });
    expect(ms).toBeLessThan(10_000);
    expect(changesBetween(before, snapshot(node.path('db2')))).toEqual([]);
    expect(readdirSync(node.path('twowarm/state/unfinished'))).toEqual([]);
  });

  it('SIGKILL: the next call removes what is left, and only that', async () => {
    await using node = await makeNode('archive-kill');
    const large = largeSegment(node);
    const call = start(node, commandLine('archiveWALFile', `pg_wal/${large}`, large));
    await waitFor('a temporary file', () => temporaries(node.path('db2')).length > 0);
    call.kill('SIGKILL');
    expect(await call.result).toMatchObject({ signal: 'SIGKILL' });
    rmSync(node.path(`data/pg_wal/${large}`));
    const [left] = temporaries(node.path('db2'));
    const foreign = '.tmp.000000010000000000000009.0123456789abcdef.1.1.abc';
    node.sandbox.file(`db2/${foreign}`, 'another node is writing this');
    const name = node.segment(segmentNamed(3));

    expect(await node.archive(`pg_wal/${name}`, name)).toEqual(
      silent([`removed db2/${left!}`, `created db2/${name}`, `removed twowarm/state/unfinished/${left!}`]),
    );
    expect(existsSync(node.path(`db2/${foreign}`))).toBe(true);
  });
});

describe.concurrent('a destination that does not answer', () => {
  const limited = (path: (name: string) => string): string => `${oneDestination(path)}time_limit = '500ms'\n`;

  it.each([
    ['fsync', ['fsync']],
    ['link', ['link', 'linkat']],
  ])('hangs in %s: gives up at its time limit with a code that PostgreSQL counts', async (_, calls) => {
    await using node = await makeNode('archive-hang');
    node.configure(limited(node.path));
    const name = node.segment(segmentNamed(2));
    const slow = { calls, delayMs: 3000 };
    const line = withSlowCalls(commandLine('archiveWALFile', `pg_wal/${name}`, name), slow);
    const { code, signal, stdout, stderr, ms } = await start(node, line).result;
    expect({ code, signal, stdout, stderr }).toEqual({
      code: 27,
      signal: null,
      stdout: '',
      stderr: `archiveWALFile: ERROR:  could not store ${name} at file:${node.path('db2')}: no answer within 500ms\n`,
    });
    expect(ms).toBeLessThan(15_000);
    expect(existsSync(node.path(`db2/${name}`))).toBe(false);
    const left = temporaries(node.path('db2'));
    expect(left).toHaveLength(1);

    const again = await node.archive(`pg_wal/${name}`, name);
    expect(again).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(temporaries(node.path('db2'))).toEqual([]);
    expect(readdirSync(node.path('twowarm/state/unfinished'))).toEqual([]);
  });

  it('hangs, and a signal comes: dies of it', async () => {
    await using node = await makeNode('archive-hang-signal');
    const name = node.segment(segmentNamed(2));
    const slow = { calls: ['fsync'], delayMs: 3000 };
    const line = withSlowCalls(commandLine('archiveWALFile', `pg_wal/${name}`, name), slow);
    const call = start(node, line);
    await waitFor('a temporary file', () => temporaries(node.path('db2')).length > 0);
    call.kill('SIGTERM');
    const { code, signal, stderr, ms } = await call.result;
    expect({ code, signal, stderr }).toEqual({ code: null, signal: 'SIGTERM', stderr: '' });
    expect(ms).toBeLessThan(15_000);
  });

  it('does not keep another one from having the file, and does not count before it is durable', async () => {
    await using node = await makeNode('archive-hang-two', { directories: ['db2', 'db3'] });
    node.configure(`${limited(node.path)}[destination.db3]\nurl = 'file:${node.path('db3')}'\n`);
    const first = node.segment(segmentNamed(2));
    await node.archive(`pg_wal/${first}`, first);
    const name = node.segment(segmentNamed(3));
    // Of db2 only the directory hangs: the name is there, but would not survive a power failure.
    const slow = { calls: ['fsync'], delayMs: 3000, path: node.path('db2') };
    const line = withSlowCalls(commandLine('archiveWALFile', `pg_wal/${name}`, name), slow);
    expect(await node.sh(line)).toEqual({
      code: 27,
      stdout: '',
      stderr: `archiveWALFile: ERROR:  could not store ${name} at file:${node.path('db2')}: no answer within 500ms\n`,
      changed: [`created db2/${name}`, `created db3/${name}`],
    });
    expect(await node.archive(`pg_wal/${name}`, name)).toEqual(silent());
  });
});

describe('a destination that is exchanged while the file is stored', () => {
  it('does not count: the name is where nobody will look for it', async () => {
    await using node = await makeNode('archive-exchanged');
    const name = node.segment(segmentNamed(2));
    const directory = node.path('db2');
    const slow = { calls: ['fsync'], delayMs: 2000, path: directory };
    const call = start(node, withSlowCalls(commandLine('archiveWALFile', `pg_wal/${name}`, name), slow));
    await waitFor('the name', () => existsSync(`${directory}/${name}`));
    renameSync(directory, node.path('away'));
    node.sandbox.directory('db2');
    const { code, stdout, stderr } = await call.result;
    expect({ code, stdout, stderr }).toEqual({
      code: 20,
      stdout: '',
      // Where it goes between the name and the fsync there is none for a moment.
      stderr: expect.toBeOneOf([
        `archiveWALFile: ERROR:  could not store ${name}: the archive directory ${directory} was exchanged meanwhile\n` +
          'HINT:  It was mounted, unmounted or renamed during the call. The next call looks at it anew.\n',
        `archiveWALFile: ERROR:  could not store ${name} at file:${directory}: No such file or directory\n`,
      ]) as string,
    });
    expect(readdirSync(directory)).toEqual([]);
    rmSync(directory, { recursive: true });
    renameSync(node.path('away'), directory);
    expect(await node.archive(`pg_wal/${name}`, name)).toEqual(silent());
  });
});
