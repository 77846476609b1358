// An archive with many names: segments of no content, for tests of what is removed. What is in them is not looked at.
import { readdirSync } from 'node:fs';

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
