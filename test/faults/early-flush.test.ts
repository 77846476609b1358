// A disk that begins to write while the rest is copied, and says in the middle that it cannot.
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { commandLine, makeNode } from '../harness/node-fixture.ts';
import { trace } from './strace.ts';

// The first segment after 4 GB has this name, whatever the segment size.
const segment = '000000010000000100000000';
const line = commandLine('archiveWALFile', `pg_wal/${segment}`, segment);

describe('a segment of 16 MB', () => {
  it('is begun with on disk while it is copied, and fsynced as a whole before it has its name', async () => {
    await using node = await makeNode('early');
    node.segment(segment, { segmentSize: 16 * 1024 * 1024 });
    const traced = trace(node, line, { threads: 4 });
    expect(await traced.program.result).toMatchObject({ code: 0, stdout: '', stderr: '' });
    const calls = traced.calls();
    const lastOf = (name: string): number =>
      calls.findLastIndex((call) => call.name === name && call.arguments.includes('~/db2/.tmp.'));
    const order = ['fdatasync', 'write', 'fsync', 'link'].map(lastOf);
    expect(order[0]).toBeGreaterThanOrEqual(0);
    expect(order.slice(1)).toEqual([...order.slice(1)].sort((a, b) => a - b));
  });

  it('is refused for good when that fails, and nothing is left', async () => {
    await using node = await makeNode('early');
    node.segment(segment, { segmentSize: 16 * 1024 * 1024 });
    const traced = trace(node, line, { inject: 'fdatasync:error=EIO:when=1', threads: 4 });
    const { code, stderr } = await traced.program.result;
    expect(code).toBe(30);
    expect(stderr).toMatch(/^archiveWALFile: ERROR: {2}could not fsync .*: Input\/output error\nHINT: /);
    expect(readdirSync(node.path('db2')).filter((name) => name.includes(segment))).toEqual([]);
    expect(await node.archive(`pg_wal/${segment}`, segment)).toMatchObject({ code: 0, stderr: '' });
  });
});
