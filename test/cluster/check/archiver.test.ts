// How PostgreSQL's archiver does, judged by what its server answers, and where that answers nothing.
import { utimesSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { archiverSteps } from '../../../src/cluster/check/archiver.ts';
import type { Scene } from '../../../src/cluster/check/scene.ts';
import { makeNode, type NodeFixture } from '../../harness/node-fixture.ts';

const [archiver] = archiverSteps;
let node: NodeFixture;
beforeAll(async () => {
  node = await makeNode('check-archiver', { used: false });
  node.sandbox.directory('data/pg_wal/archive_status');
});
afterAll(() => node[Symbol.asyncDispose]());

async function said(row: object | Error): Promise<string[]> {
  const rows = () => (row instanceof Error ? Promise.reject(row) : Promise.resolve([row]));
  const scene = {
    server: { letsUsIn: true, rows },
    node: { settings: { dataDirectory: node.dataDirectory } },
  };
  const findings = await archiver!.run(scene as unknown as Scene, AbortSignal.timeout(10_000), '');
  return findings.map(({ level, message }) => `${level}: ${message}`);
}

const never = { archived_count: '0', last_archived_wal: null, archived_age: null };
const fine = { failed_count: '0', last_failed_wal: null, failed_age: null };

it('a server that does not answer is not well, and files that wait too long are told of all the same', async () => {
  const lost = new Error('Connection terminated unexpectedly');
  expect(await said({ ...never, ...fine })).toEqual(['ok: nothing was archived yet, and 0 files wait']);
  expect(await said(lost)).toEqual([
    `unknown: the server does not say how its archiver does: ${lost.message}`,
  ]);
  const mark = node.sandbox.file('data/pg_wal/archive_status/000000010000000000000021.ready', '');
  const hourAgo = new Date(Date.now() - 3_600_000);
  utimesSync(mark, hourAgo, hourAgo);
  const waits =
    'critical: 1 file waits in pg_wal to be archived, the first for 60 min: 000000010000000000000021';
  expect([await said(lost), await said({ ...never, ...fine })]).toEqual([[waits], [waits]]);
});
