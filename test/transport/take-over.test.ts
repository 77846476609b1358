// A take-over by the owner of an older timeline: newer ones go into quarantine, and of the owner's own line comes back what an
// earlier claim had put there. By a directory, and through a receiver.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openDestination } from '../../src/transport/open.ts';
import type { ClaimRequest } from '../../src/transport/claims.ts';
import type { ClaimOutcome } from '../../src/transport/ownership-verbs.ts';
import { putBackOnLine } from '../../src/transport/put-back.ts';
import type { Identity, Transport } from '../../src/transport/transport.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { historyText, ourCluster, segmentBytes, segmentNamed } from '../harness/wal-files.ts';
import { makeNode, neverStopped, photograph } from './archives.ts';
import { roadTo } from './receiver/spawned.ts';

const us = ourCluster.toString();
const [four, five, six, seven] = [4, 5, 6, 7].map((number) => segmentNamed(number)) as [
  string,
  string,
  string,
  string,
];
const ofTwo = [5, 6].map((number) => segmentNamed(number, 2));
const history = [{ timeline: 1, switchLsn: 0x50_0000n, reason: '' }];
const laterHistory = [{ timeline: 1, switchLsn: 0x60_0000n, reason: '' }];

interface Scene {
  directory: string;
  old: Identity;
  promoted: Identity;
}

/** Segments 4 to 7 of timeline 1, claimed for timeline 2 that left before segment 5, with two segments of its own. */
async function makeScene(sandbox: Sandbox): Promise<Scene> {
  const [old, promoted] = [makeNode(sandbox, us), makeNode(sandbox, us)];
  const directory = sandbox.directory('archive');
  for (const name of [four, five, six, seven]) sandbox.file(`archive/${name}`, segmentBytes(name));
  const road = await openDestination(`file:${directory}`, promoted);
  await road.claim({ timeline: 2, nodeName: 'db2', takeOver: true, history }, neverStopped);
  sandbox.file('archive/00000002.history', historyText('0/500000'));
  sandbox.file(`archive/${ofTwo[0]}`, segmentBytes(ofTwo[0]!));
  sandbox.file(`archive/${ofTwo[1]}.zst`, zstdCompressSync(segmentBytes(ofTwo[1]!)));
  sandbox.file(`archive/${segmentNamed(7, 2)}.partial`, segmentBytes(segmentNamed(7, 2)));
  return { directory, old, promoted };
}

const walIn = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => name !== '.twowarm')
    .sort();

const request = (more: Partial<ClaimRequest> = {}): ClaimRequest => ({
  timeline: 1,
  nodeName: 'db1',
  takeOver: true,
  history: [],
  archivedBefore: 0x80_0000n,
  ...more,
});

const claimBy = async (
  { directory, old }: Scene,
  more: Partial<ClaimRequest> = {},
  open: (identity: Identity) => Promise<Transport> = (identity) =>
    openDestination(`file:${directory}`, identity),
): Promise<ClaimOutcome> => {
  const road = await open(old);
  try {
    return await road.claim(request(more), neverStopped);
  } finally {
    await road.close();
  }
};

const abandoned = ['00000002.history', ...ofTwo, `${segmentNamed(7, 2)}.partial`];

describe('a take-over by the owner of an older timeline', () => {
  it.each(['a directory', 'a receiver'])('moves newer ones aside and closes its holes, by %s', async (by) => {
    await using sandbox = makeSandbox('take-over');
    const scene = await makeScene(sandbox);
    const { directory } = scene;
    expect(walIn(directory)).toEqual([four, '00000002.history', ofTwo[0], `${ofTwo[1]}.zst`, abandoned[3]]);
    const open = by === 'a receiver' ? (identity: Identity) => roadTo(directory, identity) : undefined;
    const outcome = await claimBy(scene, {}, open);
    expect(outcome.settled).toEqual({ putBack: [five, six, seven], notPutBack: [], staying: [] });
    expect(outcome.quarantined).toEqual(abandoned);
    expect(walIn(directory)).toEqual([four, five, six, seven]);
    for (const name of [five, six, seven])
      expect(readFileSync(join(directory, name)).equals(segmentBytes(name))).toBe(true);
    const rooms = join(directory, '.twowarm/quarantine');
    expect(readdirSync(join(rooms, '00000002-1'))).toEqual(['why.json']);
    expect(readdirSync(join(rooms, '00000001-2')).sort()).toEqual(
      ['00000002.history', ofTwo[0], `${ofTwo[1]}.zst`, abandoned[3], 'why.json'].sort(),
    );
    expect(JSON.parse(readFileSync(join(rooms, '00000001-2/why.json'), 'utf8'))).toMatchObject({
      reason: 'abandoned-timeline',
      timeline: 1,
      node_name: 'db1',
    });
  });

  it('is undone by one of the promoted node, whose timeline comes back whole', async () => {
    await using sandbox = makeSandbox('take-over');
    const scene = await makeScene(sandbox);
    const before = walIn(scene.directory);
    await claimBy(scene);
    const again = await claimBy(
      { ...scene, old: scene.promoted },
      { timeline: 2, nodeName: 'db2', history, archivedBefore: 0x80_0000n },
    );
    expect(again.settled?.putBack).toEqual(abandoned);
    expect(again.quarantined).toEqual([five, six, seven]);
    expect(walIn(scene.directory)).toEqual(before);
  });

  it('can be cut off while it puts back, and is gone on with by the next one', async () => {
    await using sandbox = makeSandbox('take-over');
    const scene = await makeScene(sandbox);
    await claimBy(scene);
    // As soon as the first one of them is there.
    const cut = {
      aborted: false,
      throwIfAborted: () => {
        if (existsSync(join(scene.directory, ofTwo[0]!))) throw new Error('cut off');
      },
    } as AbortSignal;
    const line = { timeline: 2, ancestors: history };
    await expect(putBackOnLine(scene.directory, line, 0x80_0000n, cut)).rejects.toThrow('cut off');
    expect(await putBackOnLine(scene.directory, line, 0x80_0000n, neverStopped)).toEqual({
      putBack: abandoned.filter((name) => name !== ofTwo[0]),
      notPutBack: [],
    });
  });

  it('puts nothing back of a timeline that only had the same number, nor what lies before the own one began', async () => {
    await using sandbox = makeSandbox('take-over');
    const scene = await makeScene(sandbox);
    await claimBy(scene);
    const before = photograph(scene.directory);
    // Promoted once more, later, by a standby that has found no timeline 2.
    const again = await claimBy(
      { ...scene, old: scene.promoted },
      { timeline: 2, nodeName: 'db2', history: laterHistory },
    );
    expect(again).toMatchObject({
      settled: { putBack: [], notPutBack: [], staying: [] },
      quarantined: [six, seven],
    });
    const after = photograph(scene.directory);
    for (const name of [four, five]) expect(after[name]).toEqual(before[name]);
    const room = '.twowarm/quarantine/00000001-2';
    expect(readdirSync(join(scene.directory, room)).sort()).toEqual(
      [...abandoned.slice(0, 2), `${ofTwo[1]}.zst`, abandoned[3], 'why.json'].sort(),
    );
  });

  it.each([
    ['', history, [ofTwo[0]!, `${ofTwo[1]}.zst`, abandoned[3]!]],
    [' but what lies before it began', laterHistory, [`${ofTwo[1]}.zst`, abandoned[3]!]],
  ])(
    'leaves to a person what nothing tells from another timeline of the same number%s',
    async (_, own, kept) => {
      await using sandbox = makeSandbox('take-over');
      const scene = await makeScene(sandbox);
      await claimBy(scene);
      rmSync(join(scene.directory, '.twowarm/quarantine/00000001-2/00000002.history'));
      const again = await claimBy(
        { ...scene, old: scene.promoted },
        { timeline: 2, nodeName: 'db2', history: own, archivedBefore: 0x80_0000n },
      );
      expect(again.settled).toEqual({
        putBack: [],
        notPutBack: kept.map((name) => `quarantine/00000001-2/${name}`),
        staying: [],
      });
    },
  );

  it.each([
    ['the same', 0x50_0000n, [ofTwo[0]!, ofTwo[1]!]],
    ['another', 0x4f_0000n, []],
  ])(
    'tells segments that lay past a fork by the line of who put them aside: %s timeline 2',
    async (_, left, back) => {
      await using sandbox = makeSandbox('take-over');
      const scene = await makeScene(sandbox);
      const third = { timeline: 3, nodeName: 'db3' };
      const ancestors = [
        { timeline: 1, switchLsn: left, reason: '' },
        { timeline: 2, switchLsn: 0x50_0000n, reason: '' },
      ];
      await claimBy({ ...scene, old: makeNode(sandbox, us) }, { ...third, history: ancestors });
      expect(walIn(scene.directory)).not.toContain(ofTwo[0]);
      const { settled } = await claimBy(
        { ...scene, old: scene.promoted },
        { timeline: 2, nodeName: 'db2', history, archivedBefore: 0x80_0000n },
      );
      expect(settled?.putBack).toEqual(back);
    },
  );

  it('puts nothing back that the server is yet to archive itself, and names it', async () => {
    await using sandbox = makeSandbox('take-over');
    const scene = await makeScene(sandbox);
    const { settled } = await claimBy(scene, { archivedBefore: 0x60_0000n });
    const notPutBack = [six, seven].map((name) => `quarantine/00000002-1/${name}`);
    expect(settled).toEqual({ putBack: [five], notPutBack, staying: [] });
    expect(walIn(scene.directory)).toEqual([four, five]);
  });

  it('puts nothing back over another file, nor of two contents either', async () => {
    await using sandbox = makeSandbox('take-over');
    const scene = await makeScene(sandbox);
    const other = segmentBytes(five, { content: 0x44 });
    sandbox.file(`archive/${five}`, other);
    sandbox.file(`archive/.twowarm/quarantine/00000002-1/${six}.2`, segmentBytes(six, { content: 0x44 }));
    const { settled } = await claimBy(scene);
    const both = [six, `${six}.2`].map((name) => `quarantine/00000002-1/${name}`);
    expect(settled).toEqual({ putBack: [seven], notPutBack: both, staying: [] });
    expect(readFileSync(join(scene.directory, five)).equals(other)).toBe(true);
    expect(readdirSync(join(scene.directory, '.twowarm/quarantine/00000002-1'))).toContain(five);
  });

  it('whose line is not known moves nothing, and names the histories that stay', async () => {
    await using sandbox = makeSandbox('take-over');
    const scene = await makeScene(sandbox);
    const { old, directory } = scene;
    const before = walIn(directory);
    const road = await openDestination(`file:${directory}`, old);
    const unknown: ClaimRequest = { timeline: 1, nodeName: 'db1', takeOver: true };
    const { settled, quarantined } = await road.claim(unknown, neverStopped);
    expect(settled).toEqual({ putBack: [], notPutBack: [], staying: ['00000002.history'] });
    expect(quarantined).toEqual([]);
    expect(walIn(directory)).toEqual(before);
  });

  it('changes nothing when it is repeated', async () => {
    await using sandbox = makeSandbox('take-over');
    const scene = await makeScene(sandbox);
    await claimBy(scene);
    const before = photograph(scene.directory);
    expect((await claimBy(scene)).settled).toEqual({ putBack: [], notPutBack: [], staying: [] });
    expect(photograph(scene.directory)).toEqual(before);
  });
});

describe('a claim that takes nothing over', () => {
  it('leaves newer timelines where they are', async () => {
    await using sandbox = makeSandbox('take-over');
    const node = makeNode(sandbox, us);
    const directory = sandbox.directory('archive');
    for (const name of [four, ofTwo[0]!]) sandbox.file(`archive/${name}`, segmentBytes(name));
    sandbox.file('archive/00000002.history', historyText('0/500000'));
    const { quarantined } = await claimBy({ directory, old: node, promoted: node }, { takeOver: false });
    expect(quarantined).toEqual([]);
    expect(walIn(directory)).toEqual([four, '00000002.history', ofTwo[0]]);
  });
});
