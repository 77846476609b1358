// restoreWALFile and timelines that were left: nothing past a fork is delivered (trap T10c), to the byte, whichever
// timeline recovery is told to follow.
import { readFileSync, renameSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { NodeFixture } from '../harness/node-fixture.ts';
import { inTurn, placeOf } from '../harness/share.ts';
import {
  answered,
  makeWaitingNode,
  report,
  resetWaitingNode,
  restored,
  startRestore,
  target,
  waitingToml,
} from '../harness/waiting.ts';
import { historyText, segmentBytes, segmentNamed } from '../harness/wal-files.ts';

const at = segmentNamed(0x21);
const before = segmentNamed(0x20);
const after = segmentNamed(0x22);

let node: NodeFixture;
beforeAll(async () => {
  node = await makeWaitingNode('restore-forks');
});
beforeEach(() => {
  resetWaitingNode(node);
  node.configure(waitingToml(node.path, { wait: 'off' }));
  for (const name of [before, at, after]) node.segment(name, {}, 'first');
});
afterAll(() => node[Symbol.asyncDispose]());

const history = (timeline: number, text: string, directory = 'first'): void =>
  void node.sandbox.file(`${directory}/0000000${timeline}.history`, text);
/** Segment 0x21 begins at 0/2100000. */
const forkAt = (offset: number): string => `0/${(0x210_0000 + offset).toString(16).toUpperCase()}`;
const past = (name: string, left = 1, by = 2): string =>
  report('LOG', `${name} lies past the point where timeline ${by} left timeline ${left}: not restored`);

/** Restores, takes what was delivered away, and says how much of the segment it was. */
async function deliveredOf(name: string): Promise<number | 'absent'> {
  const ending = await startRestore(node, name).ended();
  if (ending.code === 1) return 'absent';
  expect(ending).toEqual(restored());
  const delivered = readFileSync(node.path(`data/${target}`));
  rmSync(node.path(`data/${target}`));
  const bytes = segmentBytes(name);
  expect(delivered.length).toBe(bytes.length);
  let same = 0;
  while (same < bytes.length && delivered[same] === bytes[same]) same++;
  expect(delivered.subarray(same).every((byte) => byte === 0)).toBe(true);
  return same;
}

describe.each(['standby', 'recovery'] as const)('a fork under %s', (mode) => {
  const its = inTurn(2, placeOf[mode]);
  beforeEach(() => node.mode(mode));

  its.each([1, 8191, 8192, 0x8_0028, 0xf_ffff])(
    'at byte %i of a segment leaves that segment’s bytes before it, and zeros to its full size',
    async (offset) => {
      history(2, historyText(forkAt(offset)));
      expect(await deliveredOf(at)).toBe(offset);
    },
  );

  its('at the start of a segment leaves nothing of it, and says so once', async () => {
    history(2, historyText(forkAt(0)));
    expect(await startRestore(node, at).ended()).toEqual(answered(1, past(at)));
    expect(await startRestore(node, at).ended()).toEqual(answered(1));
    expect(await startRestore(node, after).ended()).toEqual(answered(1));
    expect(await deliveredOf(before)).toBe(segmentBytes(before).length);
  });

  its('one byte into a segment leaves nothing of the next', async () => {
    history(2, historyText(forkAt(1)));
    expect(await startRestore(node, after).ended()).toEqual(answered(1, past(after)));
  });

  its('counts wherever its history is: in pg_wal, or at the source', async () => {
    history(2, historyText(forkAt(0)), 'data/pg_wal');
    expect(await deliveredOf(at)).toBe('absent');
    rmSync(node.path('data/pg_wal/00000002.history'));
    expect(await deliveredOf(at)).toBe(segmentBytes(at).length);
  });

  its('counts when another source has its history than the one that has the orphans', async () => {
    history(2, historyText(forkAt(0)), 'second');
    expect(await deliveredOf(before)).toBe(segmentBytes(before).length);
    expect(await startRestore(node, at).ended()).toEqual(answered(1, past(at)));
  });

  its('is not waited for at a source that cannot be read: the segment is here', async () => {
    renameSync(node.path('second'), node.path('away'));
    expect(await deliveredOf(at)).toBe(segmentBytes(at).length);
    renameSync(node.path('away'), node.path('second'));
  });

  its('says nothing where there is nothing to hold back', async () => {
    history(2, historyText(forkAt(0)));
    rmSync(node.path(`first/${at}`));
    expect(await startRestore(node, at).ended()).toEqual(answered(1));
    expect(await startRestore(node, after).ended()).toEqual(answered(1, past(after)));
  });

  its('does not touch the new timeline, or another kind of file', async () => {
    history(2, historyText(forkAt(0)));
    const newer = node.segment(segmentNamed(0x21, 2), {}, 'first');
    expect(await deliveredOf(newer)).toBe(segmentBytes(newer).length);
    node.sandbox.file(`first/${at}.partial`, segmentBytes(at));
    expect(await startRestore(node, `${at}.partial`).ended()).toEqual(restored());
  });

  its('is not known where the history is damaged: nothing is delivered', async () => {
    history(2, '1\t0/21');
    node.configure(waitingToml(node.path, { wait: 'off', limit: '1ms' }));
    const { code, changed } = await startRestore(node, at).ended();
    expect({ code, changed }).toEqual({ code: mode === 'standby' ? 1 : 200, changed: [] });
  });
});

describe('three timelines', () => {
  beforeEach(() => {
    history(2, historyText(forkAt(0)));
    history(3, `${historyText(forkAt(0))}2\t0/2300000\tno recovery target specified\n`);
  });

  it('each count up to their own fork', async () => {
    for (const [number, timeline, share] of [
      [0x20, 1, 'whole'],
      [0x21, 1, 'absent'],
      [0x20, 2, 'whole'],
      [0x22, 2, 'whole'],
      [0x23, 2, 'absent'],
      [0x23, 3, 'whole'],
    ] as const) {
      const name = node.segment(segmentNamed(number, timeline), {}, 'first');
      expect([name, await deliveredOf(name)]).toEqual([
        name,
        share === 'whole' ? segmentBytes(name).length : share,
      ]);
    }
  });

  it('are counted by what the newest says of the oldest', async () => {
    history(2, historyText(forkAt(0x100)));
    history(3, `${historyText(forkAt(0x200))}2\t0/2300000\tx\n`);
    expect(await deliveredOf(at)).toBe(0x200);
  });
});

describe('a timeline whose history is missing everywhere', () => {
  it.each(["'3'", "'latest'"])(
    'does not hide the fork from a server that follows the next one: %s',
    async (to) => {
      node.sandbox.file('data/postgresql.conf', `recovery_target_timeline = ${to}\n`);
      // The server keeps the history of its target before it asks for any segment.
      history(3, `${historyText(forkAt(0))}2\t0/2300000\tno recovery target specified\n`, 'data/pg_wal');
      expect(await deliveredOf(at)).toBe('absent');
      expect(await deliveredOf(before)).toBe(segmentBytes(before).length);
    },
  );
});

describe('two orphaned lines', () => {
  it('are each said once, also when the server asks for both in turn', async () => {
    history(2, historyText(forkAt(0)));
    history(3, `${historyText(forkAt(0))}2\t0/2200000\tno recovery target specified\n`);
    const second = node.segment(segmentNamed(0x22, 2), {}, 'first');
    expect(await startRestore(node, second).ended()).toEqual(answered(1, past(second, 2, 3)));
    expect(await startRestore(node, after).ended()).toEqual(answered(1, past(after, 1, 3)));
    for (const name of [second, after]) expect(await startRestore(node, name).ended()).toEqual(answered(1));
  });
});

describe.each(['standby', 'recovery'] as const)(
  'two timelines that both left timeline 1, under %s',
  (mode) => {
    const its = inTurn(2, placeOf[mode]);
    beforeEach(() => {
      node.mode(mode);
      history(2, historyText(forkAt(0)));
      history(3, historyText('0/2280000'));
    });

    its('leave unknown what only one of them shares with it, to a call by hand', async () => {
      expect(await deliveredOf(before)).toBe(segmentBytes(before).length);
      for (const name of [at, after]) {
        // A standby that asks again and again is told once.
        rmSync(node.path('twowarm/state/unreadable'), { force: true });
        expect(await startRestore(node, name).ended()).toEqual(
          answered(
            mode === 'standby' ? 1 : 200,
            report(
              'ERROR',
              `could not restore ${name}: cannot tell which timeline the server follows: 2 and 3 have both left timeline 1`,
              `DETAIL:  ${name} belongs to one of them, and not, or not all of it, to the other.`,
              'HINT:  Restart the server, so that it looks for the newest timeline again, or set recovery_target_timeline to a number.',
            ),
          ),
        );
      }
    });

    its('neither decides for the other', async () => {
      for (const timeline of [2, 3]) {
        const other = node.segment(segmentNamed(0x23, timeline), {}, 'first');
        expect(await deliveredOf(other)).toBe(segmentBytes(other).length);
      }
    });

    its('are no question where both have left it at the same place', async () => {
      history(3, historyText(forkAt(0)));
      expect(await deliveredOf(at)).toBe('absent');
    });
  },
);

describe('a damaged history', () => {
  it.each(['data/pg_wal', 'first'])('in %s does not hide a good one at another source', async (directory) => {
    node.mode('recovery');
    history(2, '1\t0/21', directory);
    history(2, historyText(forkAt(0x100)), 'second');
    expect(await deliveredOf(at)).toBe(0x100);
  });
});

describe('recovery_target_timeline', () => {
  const its = inTurn(2);
  const settings: [string, string | undefined, boolean][] = [
    ['15', undefined, true],
    ['15', "'latest'", true],
    ['15', "'current'", false],
    ['15', "'1'", false],
    ['15', "'2'", true],
    ['15', '2', true],
    ['15', "'3'", false],
    ['11', undefined, false],
    ['11', "'latest'", true],
    ['11', "'2'", true],
    ['11', "'1'", false],
  ];

  its.each(settings)('in version %s, %s: the orphans are absent: %s', async (version, value, isAbsent) => {
    history(2, historyText(forkAt(0)));
    node.sandbox.file('data/PG_VERSION', `${version}\n`);
    const line = value === undefined ? '' : `recovery_target_timeline = ${value}\n`;
    if (version === '11') {
      node.mode('none');
      node.sandbox.file('data/recovery.conf', `standby_mode = on\n${line}`);
    } else node.sandbox.file('data/postgresql.conf', line);
    expect(await deliveredOf(at)).toBe(isAbsent ? 'absent' : segmentBytes(at).length);
  });

  it('follows the number, although there is a newer one', async () => {
    history(2, historyText(forkAt(0x100)));
    history(3, historyText(forkAt(0x200)));
    node.sandbox.file('data/postgresql.conf', "recovery_target_timeline = '2'\n");
    expect(await deliveredOf(at)).toBe(0x100);
  });
});

describe('without a signal file', () => {
  it('everything is delivered whole: nothing is replayed any more', async () => {
    history(2, historyText(forkAt(0)));
    node.mode('none');
    for (const name of [before, at, after]) expect(await deliveredOf(name)).toBe(segmentBytes(name).length);
  });
});
