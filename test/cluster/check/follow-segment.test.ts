// What is said of a followed segment by what a destination has of it: contents that a healthy chain never has.
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { followSteps } from '../../../src/cluster/check/follow-segment.ts';
import type { Scene } from '../../../src/cluster/check/scene.ts';
import { suspend } from '../../../src/program/destination-notes.ts';
import type { ReadTransport } from '../../../src/transport/transport.ts';
import { makeNode, type NodeFixture } from '../../harness/node-fixture.ts';

const arrived = followSteps.find(({ id }) => id === 'segment-arrived')!;
const name = '000000010000000000000021';
/** Of "ours". */
const sha256 = 'ae0bec9e9d33c56354bd612c8a6010840324fc5b9786ce0a18b696b304b09397';
let node: NodeFixture;
beforeAll(async () => {
  node = await makeNode('check-follow');
});
afterAll(() => node[Symbol.asyncDispose]());

const at = (policy: string, road: Partial<ReadTransport>, hash: string | undefined = sha256): Scene =>
  ({
    node: { settings: { home: node.home, dataDirectory: node.dataDirectory } },
    destination: () => ({ policy, url: 'file:/x' }),
    road: () => ({ stat: () => Promise.resolve({ sizeBytes: 4 }), ...road }),
    followed: { name, sha256: hash, endedAt: performance.now() },
    limitMs: 40,
    hops: [],
  }) as unknown as Scene;

async function said(scene: Scene): Promise<string> {
  const [finding] = await arrived.run(scene, AbortSignal.timeout(10_000), 'db2');
  return `${finding!.level}: ${finding!.message}`.replace(/\d+ ms/, '# ms');
}

const having = (text: string): Partial<ReadTransport> => ({
  get: (_name, path) => {
    writeFileSync(path, text);
    return Promise.resolve('fetched');
  },
});

it('a segment is the same only where its bytes are, and what cannot be compared is not called the same', async () => {
  expect([
    await said(at('required', having('ours'))),
    await said(at('required', having('other'))),
    await said(at('best-effort', having('other'))),
    await said(at('required', { get: () => Promise.resolve('missing') })),
    await said(at('required', having('ours'), '')).then((text) => text.split(':')[0]),
    await said(at('required', { receiver: { version: '0.0.9', mayRead: false } })),
  ]).toEqual([
    `ok: ${name} was there within # ms, with the same content`,
    `critical: ${name} at file:/x has another content than in pg_wal`,
    `critical: ${name} at file:/x has another content than in pg_wal`,
    `critical: ${name} at file:/x has another content than in pg_wal`,
    'critical',
    `ok: ${name} was there within # ms, its content cannot be compared from here`,
  ]);
});

it('a segment that has not come is a fault by what its destination is for', async () => {
  const nowhere: Partial<ReadTransport> = { stat: () => Promise.resolve('missing') };
  expect(await said(at('required', nowhere))).toBe(
    `critical: ${name} is not at file:/x, although archive_command succeeded`,
  );
  expect(await said(at('best-effort', nowhere))).toBe(`warning: ${name} is not at file:/x yet`);
  expect(await said(at('fallback', nowhere))).toContain(`skipped: ${name} has not come to file:/x`);
  // It is owed to whom somebody has suspended, as to a best-effort one.
  suspend(node.home, '0123456789abcdef', 'db2', '2026-01-31T12:00:00.000Z');
  expect(await said(at('required', nowhere))).toBe(`warning: ${name} is not at file:/x yet`);
});
