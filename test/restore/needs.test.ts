// What consumers may still ask for, against a model of servers on a tree of timelines: whatever pruning lets go, no server
// could ask for, now or after any change of timeline that it can still make.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { firstNeeded, limitOf, linesIn, type Lines } from '../../src/restore/pruning/needs.ts';
import { stretchesBefore, type RestartPoint, type Stretch } from '../../src/restore/pruning/prunable.ts';
import type { HistoryEntry } from '../../src/wal/history.ts';

/** Segments of 16 bytes: positions at and around their boundaries come often. */
const size = 16;
const lastSegment = 14n;

/** A timeline of the model: which one it left, and where. */
interface Branch {
  parent: number;
  begin: bigint;
}

/** Timelines 1, 2, … in order of their birth. */
class Tree {
  readonly branches: readonly Branch[];

  constructor(branches: readonly Branch[]) {
    this.branches = branches;
  }

  branch(timeline: number): Branch {
    return this.branches[timeline - 1]!;
  }

  /** From timeline 1 to that one. */
  path(timeline: number): number[] {
    const { parent } = this.branch(timeline);
    return parent === 0 ? [timeline] : [...this.path(parent), timeline];
  }

  history(timeline: number): HistoryEntry[] {
    const path = this.path(timeline);
    return path
      .slice(0, -1)
      .map((each, index) => ({ timeline: each, switchLsn: this.branch(path[index + 1]!).begin, reason: '' }));
  }

  /** Every timeline and segment that a server at a place may ask for, whatever timeline it turns to. */
  askedBy(timeline: number, lsn: bigint): Set<string> {
    const asked = new Set<string>();
    for (let target = 1; target <= this.branches.length; target++) {
      const path = this.path(target);
      const at = path.indexOf(timeline);
      if (at === -1) continue;
      const left = path[at + 1];
      if (left !== undefined && this.branch(left).begin < lsn) continue;
      path.forEach((each, index) => {
        const begin = this.branch(each).begin > lsn ? this.branch(each).begin : lsn;
        const next = path[index + 1];
        const end = next === undefined ? (lastSegment + 1n) * 16n : this.branch(next).begin;
        for (let number = begin / 16n; number <= lastSegment; number++)
          if (end > begin && number * 16n < end) asked.add(`${each}/${number}`);
      });
    }
    return asked;
  }
}

const anyTree = fc.array(fc.tuple(fc.nat(), fc.bigInt(0n, 100n)), { maxLength: 4 }).map((shapes) => {
  const branches: Branch[] = [{ parent: 0, begin: 0n }];
  for (const [which, further] of shapes) {
    const parent = (which % branches.length) + 1;
    branches.push({ parent, begin: branches[parent - 1]!.begin + further });
  }
  return new Tree(branches);
});

/** A server somewhere on a tree. */
const anyPlace = fc.tuple(fc.nat(), fc.bigInt(0n, 120n));

function placeIn(tree: Tree, [which, further]: [number, bigint]): { timeline: number; lsn: bigint } {
  const timeline = (which % tree.branches.length) + 1;
  const lsn = tree.branch(timeline).begin + further;
  return { timeline, lsn };
}

const restartOf = ({ timeline, lsn }: { timeline: number; lsn: bigint }): RestartPoint => ({
  timeline,
  number: lsn / 16n,
});

const segmentsOf = ({ timeline, from = 0n, to }: Stretch): string[] => {
  const all: string[] = [];
  for (let number = from; number < to; number++) all.push(`${timeline}/${number}`);
  return all;
};

/** What a pruning at a restart point removes, as the product decides it. */
function removedBy(tree: Tree, restart: RestartPoint, positions: RestartPoint[], hidden: number): string[] {
  const history = tree.history(restart.timeline);
  const own = linesIn(restart.timeline, history);
  const lines: Lines = {
    segmentSize: size,
    // Of some timelines the history is not known: each bit hides one.
    ancestorsOf: (timeline) =>
      own.get(timeline) ?? ((hidden >> timeline) & 1 ? undefined : tree.history(timeline)),
  };
  const holders = positions.map((position) => ({ position }));
  return stretchesBefore(restart, history, size).flatMap((stretch) =>
    segmentsOf({ ...stretch, to: limitOf(stretch, holders, lines).to }),
  );
}

describe('pruning at any restart point', () => {
  it('removes nothing that any consumer could still ask for', () => {
    let removed = 0;
    fc.assert(
      fc.property(
        anyTree,
        fc.array(anyPlace, { minLength: 1, maxLength: 4 }),
        fc.nat(63),
        (tree, all, hidden) => {
          const places = all.map((place) => placeIn(tree, place));
          const gone = removedBy(tree, restartOf(places[0]!), places.map(restartOf), hidden);
          removed += gone.length;
          const asked = new Set(places.flatMap(({ timeline, lsn }) => [...tree.askedBy(timeline, lsn)]));
          expect(gone.filter((segment) => asked.has(segment))).toEqual([]);
        },
      ),
      { numRuns: 3000 },
    );
    expect(removed).toBeGreaterThan(1000);
  });

  it('is not held up by the one who prunes', () => {
    fc.assert(
      fc.property(anyTree, anyPlace, (tree, anywhere) => {
        const restart = restartOf(placeIn(tree, anywhere));
        const all = stretchesBefore(restart, tree.history(restart.timeline), size).flatMap(segmentsOf);
        expect(removedBy(tree, restart, [restart], 0)).toEqual(all);
      }),
    );
  });

  it('removes nothing at all while one consumer has no position', () => {
    fc.assert(
      fc.property(anyTree, anyPlace, (tree, anywhere) => {
        const { timeline, number } = restartOf(placeIn(tree, anywhere));
        for (const stretch of stretchesBefore({ timeline, number }, tree.history(timeline), size)) {
          const holder = { position: undefined };
          const lines = { segmentSize: size, ancestorsOf: (each: number) => tree.history(each) };
          const limit = limitOf(stretch, [{ position: { timeline, number } }, holder], lines);
          if (stretch.to > 0n) expect(limit).toEqual({ to: 0n, holder });
        }
      }),
    );
  });

  it('of servers that go on and prune in any order leaves each what it could still ask for', () => {
    const anySteps = fc.array(fc.tuple(fc.nat(2), fc.bigInt(0n, 40n), fc.boolean()), { maxLength: 30 });
    fc.assert(
      fc.property(
        anyTree,
        fc.array(anyPlace, { minLength: 3, maxLength: 3 }),
        anySteps,
        (tree, all, steps) => {
          const places = all.map((place) => placeIn(tree, place));
          const gone = new Set<string>();
          const asked = (): Set<string>[] => places.map(({ timeline, lsn }) => tree.askedBy(timeline, lsn));
          for (const [who, further, prunes] of steps) {
            places[who]!.lsn += further;
            if (prunes)
              for (const segment of removedBy(tree, restartOf(places[who]!), places.map(restartOf), 0))
                gone.add(segment);
            for (const each of asked()) expect([...each].filter((segment) => gone.has(segment))).toEqual([]);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('a consumer on a tree of timelines', () => {
  // 1 was left in segment 4 by 2, and in segment 9 by 3; 2 was left in segment 7 by 4.
  const tree = new Tree([
    { parent: 0, begin: 0n },
    { parent: 1, begin: 72n },
    { parent: 1, begin: 152n },
    { parent: 2, begin: 120n },
  ]);
  const lines: Lines = { segmentSize: size, ancestorsOf: (timeline) => tree.history(timeline) };
  const needs = (timeline: number, number: bigint): (bigint | undefined)[] =>
    [1, 2, 3, 4].map((each) => firstNeeded({ timeline, number }, each, lines));

  it.each([
    ['before every fork may follow each of them', 1, 3n, [3n, 3n, 3n, 3n]],
    ['past a fork can no longer take it', 1, 6n, [6n, undefined, 6n, undefined]],
    ['past all forks needs its own timeline only', 1, 10n, [10n, undefined, undefined, undefined]],
    ['in the segment of a fork needs its ancestor up to there', 2, 4n, [4n, 4n, 4n, 4n]],
    ['past the fork needs nothing of its ancestor, nor of a sibling', 2, 5n, [undefined, 5n, undefined, 5n]],
    ['on a grandchild needs none of the others', 4, 8n, [undefined, undefined, undefined, 8n]],
  ] as const)('%s', (_title, timeline, number, expected) => {
    expect(needs(timeline, number)).toEqual(expected);
  });

  it('whose line is not known is taken to need every timeline', () => {
    const unknown = { segmentSize: size, ancestorsOf: (each: number) => (each === 1 ? [] : undefined) };
    expect([1, 2, 3].map((each) => firstNeeded({ timeline: 4, number: 8n }, each, unknown))).toEqual([
      8n,
      8n,
      8n,
    ]);
  });
});
