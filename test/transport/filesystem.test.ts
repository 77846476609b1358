// The file: road: the contract, and what only a directory of this machine has.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDestination } from '../../src/transport/open.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { serverUser } from '../harness/server-user.ts';
import { startScript } from '../harness/source-script.ts';
import { faultOf } from '../program/fault.ts';
import { acceptAll, makeNode, neverStopped, patterned, photograph, treeOf } from './archives.ts';
import type { ClosedFacts } from './children/ask-closed.ts';
import { describeRoad } from './contract.ts';

describeRoad('the file: road', {
  promises: { exclusive: true, durable: true },
  open: async (sandbox) => {
    const directory = sandbox.directory('archive');
    const again = () => openDestination(`file:${directory}`, makeNode(sandbox));
    return { road: await again(), directory, again };
  },
});

const segment = '000000010000000000000005';

describe('the file: road of an unprivileged user', () => {
  /** What the verbs answer when nobody may do anything with the archive, or with a file in it. */
  async function answers(closed: string): Promise<Record<string, string>> {
    await using sandbox = makeSandbox('denied');
    const directory = sandbox.directory('archive');
    const url = `file:${directory}`;
    const road = await openDestination(url, makeNode(sandbox));
    const source = sandbox.file('source', patterned(1000, 1));
    await road.put(segment, source, acceptAll, neverStopped);
    const target = join(sandbox.directory('room'), 'fetched');
    const facts: ClosedFacts = {
      url,
      node: makeNode(sandbox),
      name: segment,
      source,
      target,
      closed: join(directory, closed),
      remove: closed === '',
    };
    const asked = startScript('test/transport/children/ask-closed.ts', facts);
    const { code, stdout, stderr } = await asked.result;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(readdirSync(sandbox.directory('room'))).toEqual([]);
    expect(readFileSync(join(directory, segment)).equals(patterned(1000, 1))).toBe(true);
    const text = stdout.replaceAll(url, 'URL').replaceAll(directory, 'DIRECTORY');
    return JSON.parse(text) as Record<string, string>;
  }

  it('does not take a directory that it may not enter for an empty one', async () => {
    expect(await answers('')).toEqual({
      stat: `permission-denied: could not look for ${segment} at URL: Permission denied`,
      get: `permission-denied: could not read ${segment} at URL: Permission denied`,
      list: 'permission-denied: could not list URL: Permission denied',
      put: `permission-denied: could not store ${segment} at URL: Permission denied`,
      remove: `permission-denied: could not remove ${segment} at URL: Permission denied`,
      open: expect.stringMatching(
        /^permission-denied: could not read DIRECTORY\/\.twowarm\/(format|owner): Permission denied$/,
      ) as string,
    });
  });

  it('does not take a file that it may not read for an absent one', async () => {
    expect(await answers(segment)).toMatchObject({
      get: `permission-denied: could not read ${segment} at URL: Permission denied`,
      put: `permission-denied: could not store ${segment} at URL: Permission denied`,
    });
  });
});

it('the file: road gives what root stores to the owner of the directory', async () => {
  await using sandbox = makeSandbox('owner');
  const directory = sandbox.directory('archive');
  const road = await openDestination(`file:${directory}`, makeNode(sandbox));
  for (const seed of [1, 2]) {
    const source = sandbox.file('source', patterned(1000, seed));
    await road.put(`${segment}.partial`, source, acceptAll, neverStopped);
  }
  const { uid, gid } = serverUser();
  for (const path of treeOf(directory)) {
    expect([path, statSync(join(directory, path))]).toMatchObject([path, { uid, gid }]);
  }
});

it('the file: road finds a kept version that is not what its hash says, and touches neither', async () => {
  await using sandbox = makeSandbox('version');
  const directory = sandbox.directory('archive');
  const road = await openDestination(`file:${directory}`, makeNode(sandbox));
  const name = `${segment}.partial`;
  const put = (seed: number) =>
    road.put(name, sandbox.file('source', patterned(1000, seed)), acceptAll, neverStopped);
  await put(1);
  await put(2);
  const versions = join(directory, '.twowarm/versions');
  writeFileSync(join(versions, readdirSync(versions)[0]!), 'damaged');
  const before = photograph(directory);
  expect((await faultOf(() => put(2))).kind).toBe('archive-duplicate');
  expect(photograph(directory)).toEqual(before);
});

it('the file: road says of a damaged gap record what it stood for', async () => {
  await using sandbox = makeSandbox('gap');
  const directory = sandbox.directory('archive');
  const road = await openDestination(`file:${directory}`, makeNode(sandbox));
  const gap = { name: segment, reason: 'discarded', at: '2024-05-06T07:08:09.000Z', node: 'db1' } as const;
  await road.recordGap(gap, neverStopped);
  const path = join(directory, '.twowarm/gaps', segment);
  writeFileSync(path, readFileSync(path).subarray(0, 20));
  expect(await faultOf(() => road.gapOf(segment, neverStopped))).toEqual({
    kind: 'unsafe-state',
    message: `the gap record ${path} is damaged`,
    hint: 'It says that the file of its name was never archived. Take note of that and remove it.',
  });
});
