// twowarm relay on a primary that writes nothing: a destination that comes back has what it is owed, in order, from
// wherever a copy is, without a person.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import {
  archive,
  bestEffort,
  fallbackFor,
  isWhole,
  makeDead,
  missingHint,
  owe,
  owedTo,
  recycle,
  statusOf,
  takeAway,
} from '../archive/policies/policy-node.ts';
import { runCall } from '../archive/policies/run-call.ts';
import { commandLine, type NodeFixture } from '../harness/node-fixture.ts';
import { turnOf } from '../harness/share.ts';
import { waitFor } from '../harness/wait-for.ts';
import { historyText, segmentNamed } from '../harness/wal-files.ts';
import { leftovers, startedRelay, startRelay, type RunningRelay } from './fixture.ts';
import { asideOf, heldFor, primaryNode, untilPaid } from './primary.ts';

const [one, two, three] = [0x21, 0x22, 0x23].map((at) => segmentNamed(at)) as [string, string, string];
const quiet =
  'twowarm relay: LOG:  this server is a primary: it archives by itself, and only what destinations are owed is brought to them\n';
const log = (text: string): string => `twowarm relay: LOG:  ${text}\n`;

/** The files that were brought to a destination, in their order. */
const paidBy = (relay: RunningRelay, to: string): string[] =>
  relay
    .events()
    .filter(({ event, destination }) => event === 'paid' && destination === to)
    .map(({ file }) => file!);

/** Files of a destination, as segments number `from` on, that another one has. */
function segmentsAt(node: NodeFixture, directory: string, from: number, count: number): string[] {
  return Array.from({ length: count }, (_, at) => node.segment(segmentNamed(from + at), {}, directory));
}

describe('what a destination of a primary is owed', () => {
  it('comes in order once it is back, from what is held, though nobody else has it', async () => {
    await using node = await primaryNode('owed-held', { db2: [], dr: fallbackFor('db2') });
    const bringBack = takeAway(node, 'db2');
    for (const name of [one, two, three]) {
      expect((await archive(node, name)).code).toBe(0);
      recycle(node, name);
      rmSync(node.path(`dr/${name}`));
    }
    expect((await statusOf(node, 'dr')).standsInFor).toMatchObject([{ name: 'db2' }]);
    const relay = await startedRelay(node);
    await waitFor('the fault', () => relay.said().includes('WARNING'));
    bringBack();
    await untilPaid(node, 'db2');
    await waitFor('the word', () => relay.said().includes('everything'));
    const { code, signal, stderr } = await relay.stop();
    expect({ code, signal }).toEqual({ code: 0, signal: null });
    expect(stderr).toBe(
      quiet +
        `twowarm relay: WARNING:  the archive directory ${node.path('db2')} does not exist\n` +
        `DETAIL:  It is owed 3 files, ${one} first; it is tried again with growing pauses.\n` +
        `${missingHint}\n` +
        log(`db2 takes files again, ${one} first: it is owed 3 files`) +
        log('db2 has everything that it was owed'),
    );
    expect(paidBy(relay, 'db2')).toEqual([one, two, three]);
    expect(relay.events().find(({ event }) => event === 'paid')).toMatchObject({
      message: `brought ${one} to db2, which was owed it`,
      outcome: 'paid',
    });
    expect((await statusOf(node, 'dr')).standsInFor).toEqual([]);
    expect(relay.events().at(-1)).toMatchObject({ event: 'settled', level: 'LOG', destination: 'db2' });
    for (const name of [one, two, three]) expect(isWhole(node, `db2/${name}`)).toBe(true);
    expect((await statusOf(node, 'db2')).debt.count).toBe(0);
    expect(heldFor(node, 'db2')).toEqual([]);
    expect(leftovers(node)).toEqual([]);
  });

  it('comes from pg_wal, from the own archive and from another destination, history first', async () => {
    await using node = await primaryNode('owed-copies', { db2: [], dr: bestEffort });
    node.segment(one);
    node.segment(two, {}, 'twowarm/archive');
    node.sandbox.file('twowarm/archive/.twowarm/format', 'twowarm archive 1\n');
    node.segment(three, {}, 'db2');
    node.sandbox.file('db2/00000001.history', historyText());
    const newer = node.segment(segmentNamed(5, 2), {}, 'db2');
    node.sandbox.file('db2/00000002.history', historyText());
    const names = [one, two, three, '00000002.history', newer];
    owe(node, 'dr', names);
    const relay = await startedRelay(node);
    await untilPaid(node, 'dr');
    expect(paidBy(relay, 'dr')).toEqual(names);
    expect((await relay.stop()).stderr).toBe(quiet + log('dr has everything that it was owed'));
    for (const name of [one, two, three, newer]) expect(isWhole(node, `dr/${name}`), name).toBe(true);
    expect(readFileSync(node.path('dr/00000002.history'), 'utf8')).toBe(historyText());
    expect(leftovers(node)).toEqual([]);
  });

  it('is noticed while the relay is at rest', async () => {
    await using node = await primaryNode('owed-later', { db2: [], dr: bestEffort });
    const relay = await startedRelay(node);
    const bringBack = takeAway(node, 'dr');
    expect(await archive(node, one)).toMatchObject({ code: 0 });
    expect(owedTo(node, 'dr')).toEqual([one]);
    recycle(node, one);
    bringBack();
    await untilPaid(node, 'dr');
    expect(isWhole(node, `dr/${one}`)).toBe(true);
    expect((await relay.stop()).code).toBe(0);
  });

  it('waits where somebody cannot be asked, and comes when that one answers: unknown is not nowhere', async () => {
    await using node = await primaryNode('owed-unknown', { db2: [], db3: bestEffort, dr: bestEffort });
    node.segment(one, {}, 'db3');
    node.segment(two, {}, 'db2');
    const bringBack = takeAway(node, 'db3');
    owe(node, 'dr', [one, two]);
    const relay = await startedRelay(node);
    const words =
      `twowarm relay: WARNING:  could not find a copy of ${one}, which is owed to dr\n` +
      `DETAIL:  The archive directory ${node.path('db3')} does not exist. What is newer waits for it; it is looked for again with growing pauses.\n`;
    await waitFor('the word', () => relay.said().includes(words));
    expect(owedTo(node, 'dr')).toEqual([one, two]);
    bringBack();
    await untilPaid(node, 'dr');
    expect(paidBy(relay, 'dr')).toEqual([one, two]);
    const { stderr } = await relay.stop();
    expect(stderr.match(/WARNING/g)).toHaveLength(1);
    for (const name of [one, two]) expect(isWhole(node, `dr/${name}`)).toBe(true);
  });

  it('comes also from one that failed when archive_command tried it last, and works again', async () => {
    await using node = await primaryNode('owed-failed', { db2: fallbackFor('db3'), db3: [], dr: bestEffort });
    const [bringDb3, bringDr] = [takeAway(node, 'db3'), takeAway(node, 'dr')];
    expect((await archive(node, one)).code).toBe(0);
    recycle(node, one);
    bringDb3();
    bringDr();
    expect((await statusOf(node, 'db3')).state).toBe('failing');
    // Nobody but db3 has it.
    node.segment(two, {}, 'db3');
    owe(node, 'dr', [two]);
    const relay = await startedRelay(node);
    await untilPaid(node, 'dr');
    await untilPaid(node, 'db3');
    expect((await relay.stop()).stderr).not.toContain('WARNING');
    for (const name of [one, two]) expect(isWhole(node, `dr/${name}`), name).toBe(true);
    for (const name of ['db3', 'dr'])
      expect(await statusOf(node, name)).toMatchObject({ state: 'ok', debt: { count: 0 } });
  });

  it('and nobody has is set aside, said once, and holds up nothing', async () => {
    await using node = await primaryNode('owed-nowhere', { db2: [], dr: bestEffort });
    node.segment(two, {}, 'db2');
    owe(node, 'dr', [one, two]);
    const relay = await startedRelay(node);
    await untilPaid(node, 'dr');
    await waitFor('the file', () => isWhole(node, `dr/${two}`));
    expect((await relay.stop()).stderr).toBe(
      `${quiet}twowarm relay: WARNING:  nobody has ${one} any more\n` +
        'DETAIL:  It stays owed to dr.\n' +
        'HINT:  Once there is a copy: twowarm destination resume dr\n',
    );
    expect((await statusOf(node, 'dr')).debt).toEqual({ count: 1, first: one, last: one, aside: 1 });
  });
});

describe('a destination of a primary', () => {
  it('that hangs, or is gone, keeps nothing from another one', { timeout: 90_000 }, async () => {
    const brief = ["time_limit = '1s'"];
    await using node = await primaryNode('owed-dead', {
      db2: [],
      far: [...bestEffort, ...brief],
      gone: [...bestEffort, ...brief],
      dr: bestEffort,
    });
    const names = segmentsAt(node, 'db2', 0x100, 40);
    for (const destination of ['far', 'gone', 'dr']) owe(node, destination, names);
    const revive = await makeDead(node, 'far');
    takeAway(node, 'gone');
    const relay = await startedRelay(node);
    const startedAt = performance.now();
    await untilPaid(node, 'dr');
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    await waitFor('both faults', () =>
      /no answer within 1s[^]*gone does not exist|gone does not exist[^]*no answer within 1s/.test(
        relay.said(),
      ),
    );
    expect(owedTo(node, 'far')).toEqual(names);
    expect(owedTo(node, 'gone')).toEqual(names);
    revive();
    relay.kill('SIGKILL');
  });

  it('that is suspended gets nothing until it is resumed, and then everything, without a person', async () => {
    await using node = await primaryNode('owed-suspended', { db2: [], dr: bestEffort, far: bestEffort });
    const names = segmentsAt(node, 'db2', 0x100, 3);
    expect((await node.sh(commandLine('twowarm', 'destination', 'suspend', 'dr'))).code).toBe(0);
    owe(node, 'dr', names);
    const relay = await startedRelay(node);
    await waitFor('the word', () => relay.said().includes('dr is suspended since'));
    // Once a later look has brought another one what it is owed.
    owe(node, 'far', names);
    await untilPaid(node, 'far');
    expect(owedTo(node, 'dr')).toEqual(names);
    expect((await node.sh(commandLine('twowarm', 'destination', 'resume', 'dr'))).code).toBe(0);
    await untilPaid(node, 'dr', 10_000);
    await waitFor('the last word', () => relay.said().includes('everything'));
    const { stderr } = await relay.stop();
    expect(stderr.replace(/since [^:]+T[^ ]+:/, 'since then:')).toBe(
      quiet +
        log('dr is suspended since then: nothing is carried there') +
        log('far has everything that it was owed') +
        log('dr is not suspended any more') +
        log('dr has everything that it was owed'),
    );
    expect(paidBy(relay, 'dr')).toEqual(names);
  });

  it(
    'has each of hundreds of files, in order, although the relay is killed again and again',
    { timeout: 120_000 },
    async () => {
      await using node = await primaryNode('owed-killed', { db2: [], dr: fallbackFor('db2') });
      const names = segmentsAt(node, 'twowarm/spool/held/db2', 0x0f80, 200);
      owe(node, 'db2', names);
      let arrived = 0;
      for (const count of [1, 20, 40, 90]) {
        const relay = startRelay(node);
        const there = (): number => names.filter((name) => existsSync(node.path(`db2/${name}`))).length;
        await waitFor('some to be there', () => there() >= count, { limitMs: 40_000, everyMs: 1 });
        relay.kill('SIGKILL');
        await relay.ended();
        arrived = there();
        expect(names.slice(0, arrived).every((name) => isWhole(node, `db2/${name}`))).toBe(true);
        // What is not there is owed, and held.
        expect(owedTo(node, 'db2')).toEqual(expect.arrayContaining(names.slice(arrived)));
        expect(heldFor(node, 'db2')).toEqual(expect.arrayContaining(names.slice(arrived)));
      }
      const relay = await startedRelay(node);
      await untilPaid(node, 'db2');
      await waitFor('the word', () => relay.said().includes('everything'));
      await relay.stop();
      for (const name of names) expect(isWhole(node, `db2/${name}`), name).toBe(true);
      expect(heldFor(node, 'db2')).toEqual([]);
      expect(asideOf(node, 'db2')).toEqual([]);
      expect(leftovers(node)).toEqual([]);
    },
  );

  it(
    'is paid by two at once without a loss: archiveWALFile in a loop and the relay',
    { timeout: 200_000 },
    async () => {
      await using node = await primaryNode('owed-two', { db2: [], dr: fallbackFor('db2') });
      const count = turnOf([200, 80, 80], 3, 2)[0]!;
      const held = segmentsAt(node, 'twowarm/spool/held/db2', 0x0f00, count);
      const elsewhere = segmentsAt(node, 'dr', 0x0f00 + count, count);
      const histories = Array.from({ length: 8 }, (_, at) => `${String(at + 2).padStart(8, '0')}.history`);
      for (const name of histories) node.sandbox.file(`twowarm/spool/held/db2/${name}`, historyText());
      owe(node, 'db2', [...held, ...elsewhere, ...histories]);
      const archived: string[] = [];
      let relay: RunningRelay | undefined;
      for (let at = 0x3000; owedTo(node, 'db2').length > 0; at += 2) {
        const pair = [segmentNamed(at), segmentNamed(at + 1)];
        for (const { code } of await Promise.all(pair.map((name) => runCall(node, name))))
          expect(code).toBe(0);
        for (const name of pair) recycle(node, name);
        archived.push(...pair);
        relay ??= startRelay(node);
      }
      await waitFor('nobody to be at it', () => heldFor(node, 'db2').length === 0);
      expect(paidBy(relay!, 'db2').length).toBeGreaterThan(0);
      const { stderr } = await relay!.stop();
      expect(stderr).not.toMatch(/WARNING|ERROR/);
      for (const name of [...held, ...elsewhere, ...archived])
        expect(isWhole(node, `db2/${name}`), name).toBe(true);
      for (const name of histories)
        expect(readFileSync(node.path(`db2/${name}`), 'utf8')).toBe(historyText());
      expect(asideOf(node, 'db2')).toEqual([]);
      expect((await statusOf(node, 'db2')).debt.count).toBe(0);
      expect(leftovers(node)).toEqual([]);
    },
  );
});
