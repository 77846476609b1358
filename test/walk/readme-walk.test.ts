// A newcomer's walk: the commands of the README's own section, in its order, on three clusters. A command there that is wrong
// makes this fail.
import { expect, it } from 'vitest';

import { waitFor } from '../harness/wait-for.ts';
import { nodes, readWalk, type Node, type Step } from './readme.ts';
import { makeThreeNodes, type ThreeNodes } from './three-nodes.ts';

const { everywhere, steps } = readWalk('A pair, and a trio, with a few commands');

const allRows = 'select array_agg(written::text order by written) from first_row';

/** Adds a row on the primary, and waits until each of the others has all that it has. */
async function expectRowsEverywhere({ clusters }: ThreeNodes, primary: Node, readers: readonly Node[]) {
  await clusters[primary].query('insert into first_row values (clock_timestamp())');
  await clusters[primary].finishSegment();
  const rows = await clusters[primary].value(allRows);
  for (const reader of readers)
    await waitFor(`the rows of ${primary} on ${reader}`, async () => {
      const there = await clusters[reader].value(allRows).catch(() => undefined);
      return JSON.stringify(there) === JSON.stringify(rows);
    });
  return rows;
}

/** What is not well, by its check: 'destination-place db2'. One machine has one disk. */
const problemsIn = (check: string): string[] =>
  [...check.matchAll(/^(?:WARNING|CRITICAL|UNKNOWN) {2,}([^:]+):/gm)]
    .map(([, step]) => step!)
    .filter((step) => !/^(destination-place|destination-room|wal-room)\b/.test(step));

/** The steps up to the one that has a command which begins so, and those behind it. */
function split(all: readonly Step[], beginning: string): [Step[], Step[]] {
  const at = all.findIndex(({ commands }) => commands.some((command) => command.startsWith(beginning)));
  expect(at, `README.md has no step with ${beginning}`).toBeGreaterThanOrEqual(0);
  return [all.slice(0, at + 1), all.slice(at + 1)];
}

async function walk(three: ThreeNodes, some: readonly Step[]): Promise<void> {
  for (const { node, commands } of some)
    for (const command of commands) {
      if (command === 'configStandby' && node !== 'db1') three.givePort(node);
      const said = await three.run(node, command);
      if (command.startsWith('twowarm check')) expect(problemsIn(said), said).toEqual([]);
    }
}

it(
  'the README makes a trio, lets the standby take over, and brings the old primary back',
  { timeout: 120_000 },
  async () => {
    await using three = await makeThreeNodes(everywhere);
    const { clusters } = three;
    const [setUp, afterwards] = split(steps, 'psql');
    await walk(three, setUp);
    await expectRowsEverywhere(three, 'db1', ['db2', 'dr']);

    // What only a clean stop archives.
    await clusters.db1.query('insert into first_row values (clock_timestamp())');
    const committed = await clusters.db1.value(allRows);
    const [takeOver, back] = split(afterwards, 'triggerStandby');
    await walk(three, takeOver);
    expect(await clusters.db2.value(allRows)).toEqual(committed);
    expect(await clusters.db1.isRunning()).toBe(false);
    await expectRowsEverywhere(three, 'db2', ['dr']);

    await walk(three, back);
    const rows = await expectRowsEverywhere(three, 'db2', ['db1', 'dr']);
    expect(rows).toHaveLength(5);
    for (const node of nodes) {
      expect(await clusters[node].value<boolean>('select pg_is_in_recovery()')).toBe(node !== 'db2');
      const said = await three.run(node, 'twowarm check');
      expect(problemsIn(said), said).toEqual([]);
    }
  },
);

it('the README has its commands for the newcomer on the nodes that they are for', () => {
  const words = steps.flatMap(({ node, commands }) =>
    commands.map((command) => `${node} ${/^(?:twowarm |pg_ctlcluster 15 main )?\S+/.exec(command)![0]}`),
  );
  expect(everywhere).toEqual(['export PGDATA=/var/lib/postgresql/15/main']);
  expect(words).toEqual([
    ...['db2 twowarm init', 'dr twowarm init', 'db1 twowarm init'],
    ...['db1 pg_ctlcluster 15 main restart', 'db1 twowarm check', 'db1 copyToStandby', 'db1 copyToDR'],
    ...['db2 configStandby', 'db2 pg_ctlcluster 15 main start', 'db2 twowarm check'],
    ...['dr configStandby', 'dr pg_ctlcluster 15 main start', 'dr twowarm check', 'db1 psql', 'db1 psql'],
    ...['db1 pg_ctlcluster 15 main stop', 'db2 triggerStandby', 'db2 copyToStandby'],
    ...['db1 configStandby', 'db1 pg_ctlcluster 15 main start', 'db1 twowarm check'],
  ]);
});
