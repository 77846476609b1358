// The newest timeline of a data directory right after a promotion, when only a history tells of it.
import { mkdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { newestTimeline } from '../../src/postgres/newest-timeline.ts';
import { makeSandbox } from '../harness/sandbox.ts';

it('is that of pg_control, or of a newer history in pg_wal', async () => {
  await using sandbox = makeSandbox('newest-timeline');
  const control = Buffer.alloc(512);
  control.writeBigUInt64LE(7n, 0);
  control.writeUInt32LE(1300, 8);
  control.writeUInt32LE(3, 48);
  sandbox.file('data/global/pg_control', control);
  mkdirSync(`${sandbox.path}/data/pg_wal`);
  const data = `${sandbox.path}/data`;
  expect(newestTimeline(data)).toBe(3);
  sandbox.file('data/pg_wal/00000002.history', '1\t0/1\tx\n');
  expect(newestTimeline(data)).toBe(3);
  sandbox.file('data/pg_wal/0000000A.history', '1\t0/1\tx\n');
  expect(newestTimeline(data)).toBe(10);
});
