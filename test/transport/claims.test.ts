// Claims and reservations of many processes at once, and what a claim leaves that did not live to see its end.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Claim } from '../../src/transport/ownership.ts';
import { openDestination, openSource } from '../../src/transport/open.ts';
import type { Identity } from '../../src/transport/transport.ts';
import { startProgram } from '../harness/run.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { carriedNode, copyScript } from '../harness/source-script.ts';
import { waitFor } from '../harness/wait-for.ts';
import { faultOf } from '../program/fault.ts';
import { adopted } from './adoption.ts';
import { acceptAll, makeNode, neverStopped } from './archives.ts';
import type { OwnFacts } from './children/own.ts';

const script = 'test/transport/children/own.ts';
const claimants = 6;

interface Answer {
  outcome?: string;
  claim?: Claim;
  kind?: string;
  message?: string;
  detail?: string;
}

/** Runs the same call in a process of its own for each node, all let loose at the same moment. */
async function together(
  sandbox: Sandbox,
  nodes: readonly Identity[],
  facts: Pick<OwnFacts, 'url' | 'verb' | 'timeline' | 'takeOver'>,
  round = 0,
): Promise<Answer[]> {
  const go = join(sandbox.path, `go-${round}`);
  const readyOf = (index: number): string => join(sandbox.directory('ready'), `${round}-${index}`);
  const processes = nodes.map((node, index) =>
    startProgram(carriedNode(), [
      copyScript(script),
      JSON.stringify({ ...facts, node, go, ready: readyOf(index) }),
    ]),
  );
  await waitFor('the processes to be ready', () => nodes.every((_, index) => existsSync(readyOf(index))));
  writeFileSync(go, '');
  const results = await Promise.all(processes.map(({ result }) => result));
  return results.map(({ stdout, stderr }) => {
    expect(stderr).toBe('');
    return JSON.parse(stdout) as Answer;
  });
}

const crowd = (sandbox: Sandbox): Identity[] => Array.from({ length: claimants }, () => makeNode(sandbox));

describe('of many claims at once', { timeout: 60_000 }, () => {
  it('one wins, and the others are told who and when', async () => {
    await using sandbox = makeSandbox('claims');
    const directory = await adopted(sandbox, makeNode(sandbox));
    const url = `file:${directory}`;
    const answers = await together(sandbox, crowd(sandbox), { url, verb: 'claim', timeline: 2 });
    const winners = answers.filter(({ outcome }) => outcome === 'claimed');
    expect(winners).toHaveLength(1);
    const { node, nodeName, at } = winners[0]!.claim!;
    for (const loser of answers.filter(({ outcome }) => outcome === undefined)) {
      expect(loser).toEqual({
        kind: 'fenced',
        message: `cannot claim ${url}: it belongs to another node`,
        detail: `Node ${nodeName} (${node}) holds it on timeline 2, epoch 1, since ${at}. Nothing was changed.`,
      });
    }
    expect(readdirSync(join(directory, '.twowarm/epochs'))).toEqual(['1']);
    const owner = JSON.parse(readFileSync(join(directory, '.twowarm/owner'), 'utf8')) as object;
    expect(owner).toMatchObject({ node, epoch: 1 });
  });

  it('that take over, each epoch has one winner, and the archive is the last one\u2019s', async () => {
    await using sandbox = makeSandbox('claims');
    const directory = await adopted(sandbox, makeNode(sandbox));
    const facts = { url: `file:${directory}`, verb: 'claim', timeline: 2, takeOver: true } as const;
    for (let round = 0; round < 4; round++) {
      const nodes = crowd(sandbox);
      const answers = await together(sandbox, nodes, facts, round);
      const won = answers.flatMap(({ claim }) => (claim === undefined ? [] : [claim.epoch]));
      expect(won.length).toBeGreaterThan(0);
      expect(new Set(won).size).toBe(won.length);
      const epochs = readdirSync(join(directory, '.twowarm/epochs')).map(Number);
      const last = Math.max(...epochs);
      expect(epochs.sort((a, b) => a - b)).toEqual(Array.from({ length: last }, (_, index) => index + 1));
      const owner = JSON.parse(readFileSync(join(directory, '.twowarm/owner'), 'utf8')) as { epoch: number };
      expect(owner.epoch).toBe(last);
      const standings = await Promise.all(
        nodes.map(async (node) => (await openSource(facts.url, node)).ownership(neverStopped)),
      );
      expect(standings.filter(({ standing }) => standing === 'ours')).toHaveLength(1);
    }
  });

  it('of one node for one timeline all succeed, at the same epoch', async () => {
    await using sandbox = makeSandbox('claims');
    const node = makeNode(sandbox);
    const directory = await adopted(sandbox, node);
    const facts = { url: `file:${directory}`, verb: 'claim', timeline: 2 } as const;
    const answers = await together(
      sandbox,
      Array.from({ length: claimants }, () => node),
      facts,
    );
    expect(answers.map(({ claim }) => claim?.epoch)).toEqual(answers.map(() => 1));
    expect((await (await openSource(facts.url, node)).ownership(neverStopped)).standing).toBe('ours');
  });

  it('one that comes between the look and the record of another one is not leapt over by a higher epoch', async () => {
    await using sandbox = makeSandbox('claims');
    const [node, other] = [makeNode(sandbox), makeNode(sandbox)];
    const directory = await adopted(sandbox, node);
    const url = `file:${directory}`;
    const facts: OwnFacts = { url, verb: 'claim', timeline: 2, node: other };
    const child = copyScript(script);
    let asked = 0;
    const between = (): void => {
      asked += 1;
      if (asked !== 2) return;
      const words = [child, JSON.stringify(facts)];
      const { stdout } = spawnSync(carriedNode(), words, { encoding: 'utf8', timeout: 30_000 });
      expect(JSON.parse(stdout)).toMatchObject({ outcome: 'claimed', claim: { epoch: 1 } });
    };
    const signal = { throwIfAborted: between } as AbortSignal;
    const road = await openDestination(url, node);
    const request = { timeline: 2, nodeName: 'db1', takeOver: false, atLeast: 9 };
    expect(await faultOf(() => road.claim(request, signal))).toMatchObject({
      kind: 'fenced',
      message: `cannot claim ${url}: it belongs to another node`,
    });
    expect(asked).toBe(2);
    expect((await (await openSource(url, other)).ownership(neverStopped)).standing).toBe('ours');
    expect(readdirSync(join(directory, '.twowarm/epochs'))).toEqual(['1']);
  });

  it('one reservation of a timeline wins, again and again', async () => {
    await using sandbox = makeSandbox('reservations');
    const directory = await adopted(sandbox, makeNode(sandbox));
    for (let round = 0; round < 4; round++) {
      const timeline = round + 2;
      const facts = { url: `file:${directory}`, verb: 'reserve', timeline } as const;
      const answers = await together(sandbox, crowd(sandbox), facts, round);
      expect(answers.filter(({ outcome }) => outcome === 'reserved')).toHaveLength(1);
      const losers = answers.filter(({ kind }) => kind === 'timeline-reserved');
      expect(losers).toHaveLength(claimants - 1);
      expect(new Set(losers.map(({ detail }) => detail)).size).toBe(1);
    }
    expect(readdirSync(join(directory, '.twowarm/timeline')).sort()).toEqual([
      '00000002',
      '00000003',
      '00000004',
      '00000005',
    ]);
  });
});

describe('a claim that did not live to see its end', () => {
  const claim = (node: Identity, directory: string, takeOver = false, timeline = 2) =>
    openDestination(`file:${directory}`, node).then((road) =>
      road.claim({ timeline, nodeName: 'db2', takeOver }, neverStopped),
    );

  it('fences nobody before its node finishes it', async () => {
    await using sandbox = makeSandbox('claims');
    const [node, other] = [makeNode(sandbox), makeNode(sandbox)];
    const directory = await adopted(sandbox, node);
    const ownerPath = join(directory, '.twowarm/owner');
    const unclaimed = readFileSync(ownerPath, 'utf8');
    const first = await claim(node, directory);
    // As it was when only the epoch was durable, and the node had not been told.
    writeFileSync(ownerPath, unclaimed);
    const road = await openDestination(`file:${directory}`, other);
    const source = sandbox.file('source', 'x');
    expect(await road.put('00000002.history', source, acceptAll, neverStopped)).toBe('stored');
    expect((await faultOf(() => claim(other, directory))).kind).toBe('fenced');
    expect(await claim(node, directory)).toMatchObject({ outcome: 'already-claimed', claim: first.claim });
    expect((await (await openSource(`file:${directory}`, other)).ownership(neverStopped)).standing).toBe(
      'theirs',
    );
  });

  it('does not bring an earlier owner back by writing the owner file late', async () => {
    await using sandbox = makeSandbox('claims');
    const [node, other] = [makeNode(sandbox), makeNode(sandbox)];
    const directory = await adopted(sandbox, node);
    const ownerPath = join(directory, '.twowarm/owner');
    await claim(node, directory);
    const earlier = readFileSync(ownerPath, 'utf8');
    const road = await openDestination(`file:${directory}`, node);
    const taken = await claim(other, directory, true, 3);
    // As a slower call leaves it that is killed right after its rename.
    writeFileSync(ownerPath, earlier);
    const source = sandbox.file('source', 'x');
    const put = (by: Identity) =>
      openDestination(`file:${directory}`, by).then((opened) =>
        opened.put('000000030000000000000005', source, acceptAll, neverStopped),
      );
    expect((await faultOf(() => put(node))).kind).toBe('fenced');
    const again = () => road.put('000000020000000000000006', source, acceptAll, neverStopped);
    expect((await faultOf(again)).kind).toBe('fenced');
    expect(await put(other)).toBe('stored');
    expect(await claim(other, directory, false, 3)).toMatchObject({
      outcome: 'already-claimed',
      claim: taken.claim,
    });
    expect(JSON.parse(readFileSync(ownerPath, 'utf8'))).toMatchObject({ node: other.nodeId, change: 2 });
  });

  it('gives way to one that takes over', async () => {
    await using sandbox = makeSandbox('claims');
    const [node, other] = [makeNode(sandbox), makeNode(sandbox)];
    const directory = await adopted(sandbox, node);
    const unclaimed = readFileSync(join(directory, '.twowarm/owner'), 'utf8');
    await claim(node, directory);
    writeFileSync(join(directory, '.twowarm/owner'), unclaimed);
    expect(await claim(other, directory, true)).toMatchObject({ claim: { epoch: 2 } });
    expect((await faultOf(() => claim(node, directory))).kind).toBe('fenced');
  });

  it.each(['', '{"epoch":1', 'null', '{"epoch":1,"node":"x"}'])(
    'is refused as damaged, not forgotten, when its record is %j',
    async (text) => {
      await using sandbox = makeSandbox('claims');
      const node = makeNode(sandbox);
      const directory = await adopted(sandbox, node);
      await claim(node, directory);
      const path = join(directory, '.twowarm/epochs/1');
      writeFileSync(path, text);
      expect(await faultOf(() => claim(makeNode(sandbox), directory, true))).toEqual({
        kind: 'format-unknown',
        message: `${path} is damaged or of an unknown version`,
      });
    },
  );
});

describe('a node under the id of the owner', () => {
  it('that knows of an older claim is refused until it takes over, and then the other one is', async () => {
    await using sandbox = makeSandbox('claims');
    const node = makeNode(sandbox);
    const copy = { ...node, stateDirectory: sandbox.directory('copy/state') };
    const directory = await adopted(sandbox, node);
    const url = `file:${directory}`;
    const source = sandbox.file('source', 'x');
    const request = { timeline: 2, nodeName: 'db2', takeOver: false };
    await (await openDestination(url, copy)).claim(request, neverStopped);
    await (await openDestination(url, node)).claim({ ...request, timeline: 3 }, neverStopped);
    const put = async (by: Identity) =>
      (await openDestination(url, by)).put('00000002.history', source, acceptAll, neverStopped);
    const { claim } = await (await openSource(url, node)).ownership(neverStopped);
    expect(await faultOf(() => put(copy))).toEqual({
      kind: 'fenced',
      message: `cannot store 00000002.history at ${url}: this node's claim is not the last one`,
      detail: `Node db2 (${node.nodeId}) holds it on timeline 3, epoch 2, since ${claim!.at}; this call, under the same id, knows of epoch 1. Nothing was stored.`,
      hint: `A copy of this node may be at work. If this one is the primary: twowarm claim --take-over ${url}`,
    });
    expect(await put(node)).toBe('stored');
    const taking = { ...request, timeline: 3, takeOver: true };
    const taken = await (await openDestination(url, copy)).claim(taking, neverStopped);
    expect(taken.claim.epoch).toBe(3);
    expect((await faultOf(() => put(node))).kind).toBe('fenced');
    expect(await put(copy)).toBe('already-stored');
  });
});
