// A primary with several destinations, beside which a relay runs: what its archive_command left undone is on record, and
// nothing is written any more.
import { readdirSync } from 'node:fs';

import { configurationOf, owedTo, type Destinations } from '../archive/policies/policy-node.ts';
import { makeNode, type NodeFixture } from '../harness/node-fixture.ts';
import { waitFor } from '../harness/wait-for.ts';
import { setState, startPostmaster } from './fixture.ts';

/** A running primary on timeline 1 that has archived segment 1 everywhere. */
export async function primaryNode(
  label: string,
  destinations: Destinations,
  more: (path: NodeFixture['path']) => string = () => '',
): Promise<NodeFixture> {
  const node = await makeNode(label, {
    configuration: (path) => `${configurationOf(destinations)(path)}${more(path)}`,
    directories: [...Object.keys(destinations), 'twowarm/archive'],
  });
  setState(node, 'in production');
  startPostmaster(node);
  return node;
}

/** Until nothing is owed to the destination, and nothing is held for it. */
export function untilPaid(node: NodeFixture, destination: string, limitMs = 60_000): Promise<unknown> {
  return waitFor(`everything to be paid to ${destination}`, () => owedTo(node, destination).length === 0, {
    limitMs,
  });
}

/** What is held for a destination. */
export const heldFor = (node: NodeFixture, destination: string): string[] =>
  readdirSync(node.path(`twowarm/spool/held/${destination}`));

/** What was set aside of a destination's debts. */
export function asideOf(node: NodeFixture, destination: string): string[] {
  try {
    return readdirSync(node.path(`twowarm/state/ledger/${destination}/aside`), {
      recursive: true,
      encoding: 'utf8',
    })
      .filter((path) => path.endsWith('.owed'))
      .sort();
  } catch {
    return [];
  }
}
