// An archive with many names: segments of no content, for tests of what is removed. What is in them is not looked at.
import { readFileSync, readdirSync } from 'node:fs';

import { makeNode, type NodeFixture } from '../harness/node-fixture.ts';
import { segmentNamed } from '../harness/wal-files.ts';

/** A standby whose source is db2, an archive of this cluster. */
export async function makePruner(prune: boolean, more = ''): Promise<NodeFixture> {
  const node = await makeNode('prune', {
    configuration: (path) =>
      `[destination.db2]\nurl = 'file:${path('db2')}'\n[restore]\nprune = ${prune}\nsources = ['file:${path('db2')}']\n${more}`,
  });
  node.mode('standby');
  return node;
}

/** Puts segments into db2: from one number up to, but without, another. */
export function fill(node: NodeFixture, from: number, to: number, timeline = 1, directory = 'db2'): void {
  for (let number = from; number < to; number++)
    node.sandbox.file(`${directory}/${segmentNamed(number, timeline)}`, '');
}

/** The names in db2, sorted. */
export const namesIn = (node: NodeFixture, directory = 'db2'): string[] =>
  readdirSync(node.path(directory))
    .filter((name) => !name.startsWith('.'))
    .sort();

/** The names of segments from one number up to, but without, another. */
export const named = (from: number, to: number, timeline = 1): string[] =>
  Array.from({ length: to - from }, (_, index) => segmentNamed(from + index, timeline));

/** The id of the node, which is its name in the registries of consumers. */
export const idOf = (node: NodeFixture): string =>
  (JSON.parse(readFileSync(node.path('twowarm/state/node.json'), 'utf8')) as { id: string }).id;

/** The record of a consumer of db2, as the file has it; by default this node's. */
export const recordIn = (node: NodeFixture, id = idOf(node), directory = 'db2'): Record<string, unknown> =>
  JSON.parse(readFileSync(node.path(`${directory}/.twowarm/consumers/${id}`), 'utf8')) as Record<
    string,
    unknown
  >;

/** Puts another consumer of db2 on record, seen `agoMs` ago. */
export function register(
  node: NodeFixture,
  id: string,
  oldest: string | null,
  { kind = 'standby', agoMs = 0, directory = 'db2' } = {},
): void {
  const at = new Date(Date.now() - agoMs).toISOString();
  const record = { version: 1, node: id, name: `node-${id}`, kind, oldest, lsn: null, since: at, seen: at };
  node.sandbox.file(`${directory}/.twowarm/consumers/${id}`, `${JSON.stringify(record)}\n`);
}

/** What a call may write to say that this node reads, and to record what it prunes: consumers.test.ts looks at it. */
export const ofRegistry = /\/\.twowarm\/(consumers|pruned)(\/|$)|\/state\/registered$/;
