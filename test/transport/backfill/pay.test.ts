// Paying where others pay the same debts at the same time: what somebody else has brought is neither lost nor set aside.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { ledgerOf, owe } from '../../../src/transport/backfill/debts.ts';
import {
  heldCopies,
  hold,
  oweHeld as oweHeldCopies,
  releaseHeld,
  unowedCopies,
} from '../../../src/transport/backfill/held-copies.ts';
import type { OwingNode } from '../../../src/transport/backfill/owing-node.ts';
import { closeBooks, pay, payInOrder, type Payment } from '../../../src/transport/backfill/pay.ts';
import { noteOwnArchiveUsed } from '../../../src/transport/backfill/used-archive.ts';
import { ProgramError } from '../../../src/program/program-error.ts';
import type { Destination } from '../../../src/program/settings/settings.ts';
import { openDestination } from '../../../src/transport/open.ts';
import type { Transport } from '../../../src/transport/transport.ts';
import { parseWalFileName, type WalFileName } from '../../../src/wal/filename.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { turnOf } from '../../harness/share.ts';
import { megabyte, ourCluster, segmentBytes, segmentNamed } from '../../harness/wal-files.ts';
import { faultOf } from '../../program/fault.ts';
import { neverStopped } from '../archives.ts';

interface Scene extends AsyncDisposable {
  sandbox: Sandbox;
  node: OwingNode;
  road: Transport;
  /** A payer of its own, as another process has it; `heard` tells what became of the debts. */
  payer(changes?: Partial<Payment>): Payment & { heard: string[] };
}

const destination = (url: string, name = 'dr'): Destination => ({
  name,
  url,
  compression: 'none',
  timeLimitMs: 20_000,
  policy: 'required',
  mayLack: [],
  standIn: undefined,
});

/** A node whose one destination, dr, is owed; `others` are directories beside it. */
async function scene(label: string, others: readonly string[] = []): Promise<Scene> {
  const sandbox = makeSandbox(label);
  for (const directory of ['data/pg_wal', 'home/state', 'dr', ...others]) sandbox.directory(directory);
  const path = (name: string): string => join(sandbox.path, name);
  const dr = destination(`file:${path('dr')}`);
  const facts = { segmentSize: megabyte, controlVersion: 1300, timeline: 1 };
  const identity = {
    systemIdentifier: ourCluster.toString(),
    nodeId: '00000000000000aa',
    stateDirectory: path('home/state'),
    facts: () => facts,
  };
  const node: OwingNode = {
    settings: {
      home: path('home'),
      dataDirectory: path('data'),
      archiveDirectory: path('home/archive'),
      destinations: [dr, ...others.map((name) => destination(`file:${path(name)}`, name))],
    },
    cluster: { systemIdentifier: ourCluster, controlVersion: 1300 },
    identity,
  };
  const road = await openDestination(dr.url, identity);
  const payer: Scene['payer'] = (changes = {}) => {
    const heard: string[] = [];
    return {
      heard,
      ledger: ledgerOf('dr', node),
      destination: dr,
      road,
      node,
      spent: [],
      paid: (name) => void heard.push(`paid ${name}`),
      setAside: (name, { message }) => void heard.push(`aside ${name}: ${message}`),
      signal: neverStopped,
      ...changes,
    };
  };
  return { sandbox, node, road, payer, [Symbol.asyncDispose]: () => sandbox.dispose() };
}

const unused = () => Promise.reject(new Error('no gap is recorded here'));
const named = (name: string): WalFileName => parseWalFileName(name)!;

/** Owes a file to dr, with a copy held. */
async function oweHeld({ sandbox, node }: Scene, name: string, content = 0x11): Promise<void> {
  const source = sandbox.file('source', segmentBytes(name.slice(0, 24), { content }));
  await owe(named(name), source, 'dr', true, node, neverStopped);
}

const heldIn = ({ sandbox }: Scene): string[] => readdirSync(join(sandbox.path, 'home/spool/held/dr'));
const stateOf = ({ node }: Scene) => {
  const ledger = ledgerOf('dr', node);
  return { owed: ledger.owed(), aside: ledger.aside() };
};
const nothing = { owed: [], aside: [] };
const [first, second] = [segmentNamed(1), segmentNamed(2)];

describe('a debt', () => {
  it('that another payer has paid meanwhile is not missed: its copy was let go because the file is there', async () => {
    await using s = await scene('pay-meanwhile');
    await oweHeld(s, first);
    const other = s.payer();
    // Just before the copy is read the other one brings it, strikes the debt and lets go of the copy.
    const put: Transport['put'] = async (...call) => {
      expect(await pay(first, other)).toBe('paid');
      closeBooks(other);
      expect(heldIn(s)).toEqual([]);
      return s.road.put(...call);
    };
    const slow = s.payer({ road: { put, recordGap: unused } });
    expect(await pay(first, slow)).toBe('elsewhere');
    closeBooks(slow);
    expect(slow.heard).toEqual([]);
    expect(other.heard).toEqual([`paid ${first}`]);
    expect(stateOf(s)).toEqual(nothing);
    expect(readFileSync(join(s.sandbox.path, 'dr', first)).equals(segmentBytes(first))).toBe(true);
  });

  it('that was paid before it was begun is not looked for', async () => {
    await using s = await scene('pay-before');
    await oweHeld(s, first);
    const [one, other] = [s.payer(), s.payer()];
    const names = one.ledger.owed();
    await pay(first, other);
    closeBooks(other);
    expect(await payInOrder(names, one, () => true)).toBeUndefined();
    expect(one.heard).toEqual([]);
  });

  it('that nobody has is set aside by one of two, who says it', async () => {
    await using s = await scene('pay-nowhere');
    ledgerOf('dr', s.node).owe(first);
    const payers = [s.payer(), s.payer()];
    const outcomes = await Promise.all(payers.map((payer) => pay(first, payer)));
    expect(outcomes.toSorted()).toEqual(['aside', 'elsewhere']);
    expect(payers.flatMap(({ heard }) => heard)).toEqual([`aside ${first}: nobody has ${first} any more`]);
    expect(stateOf(s)).toEqual({ owed: [], aside: [first] });
  });

  it('of which a damaged copy is held comes from elsewhere, and without that is set aside', async () => {
    await using s = await scene('pay-damaged', ['db2']);
    for (const name of [first, second]) {
      await oweHeld(s, name);
      writeFileSync(join(s.sandbox.path, 'home/spool/held/dr', name), 'damaged');
    }
    s.sandbox.file(`db2/${first}`, segmentBytes(first));
    const payer = s.payer();
    await payInOrder([first, second], payer, () => true);
    expect(payer.heard).toEqual([`paid ${first}`, `aside ${second}: nobody has ${second} any more`]);
    expect(readFileSync(join(s.sandbox.path, 'dr', first)).equals(segmentBytes(first))).toBe(true);
    expect(existsSync(join(s.sandbox.path, 'dr', second))).toBe(false);
  });

  it('of a partial segment is paid with every copy, also one that comes while the first is brought', async () => {
    await using s = await scene('pay-partial');
    const partial = `${first}.partial`;
    await oweHeld(s, partial);
    let isFirst = true;
    const put: Transport['put'] = async (...call) => {
      if (isFirst) {
        isFirst = false;
        await oweHeld(s, partial, 0x22);
      }
      return s.road.put(...call);
    };
    const payer = s.payer({ road: { put, recordGap: unused } });
    expect(await pay(partial, payer)).toBe('paid');
    closeBooks(payer);
    const versions = readdirSync(join(s.sandbox.path, 'dr/.twowarm/versions'));
    expect(versions).toHaveLength(1);
    expect(heldIn(s)).toEqual([]);
    expect(stateOf(s)).toEqual(nothing);
  });

  it('that is not to be brought is set aside with the reason, and holds up nothing', async () => {
    await using s = await scene('pay-refused');
    for (const name of [first, second]) await oweHeld(s, name);
    const refuses = (name: string) => (name === first ? { message: 'not this one' } : undefined);
    const payer = s.payer({ refuses });
    await payInOrder([first, second], payer, () => true);
    closeBooks(payer);
    expect(payer.heard).toEqual([`aside ${first}: not this one`, `paid ${second}`]);
    // It stays owed, so its copy stays, too.
    expect(heldIn(s)).toEqual([first]);
    expect(stateOf(s)).toEqual({ owed: [], aside: [first] });
  });

  it('waits with all that is newer where an archive cannot say whether it has the file', async () => {
    await using s = await scene('pay-unknown', ['db2', 'db3']);
    ledgerOf('dr', s.node).owe(first);
    await oweHeld(s, second);
    rmSync(join(s.sandbox.path, 'db3'), { recursive: true });
    const payer = s.payer();
    const obstacle = await payInOrder([first, second], payer, () => true);
    expect(obstacle).toMatchObject({ name: first, fault: { kind: 'directory-missing' } });
    expect(payer.heard).toEqual([]);
    expect(stateOf(s)).toEqual({ owed: [first, second], aside: [] });
    // It is left alone for a while, not for ever.
    s.sandbox.file(`db3/${first}`, segmentBytes(first));
    const again = async (): Promise<boolean> =>
      (await payInOrder([first, second], payer, () => true)) === undefined;
    await expect.poll(again, { timeout: 15_000, interval: 100 }).toBe(true);
    expect(payer.heard).toEqual([`paid ${first}`, `paid ${second}`]);
  });

  it('is not paid when the destination fails: that is thrown', async () => {
    await using s = await scene('pay-failing');
    await oweHeld(s, first);
    rmSync(join(s.sandbox.path, 'dr'), { recursive: true });
    expect((await faultOf(() => pay(first, s.payer()))).kind).toBe('directory-missing');
    expect(stateOf(s)).toEqual({ owed: [first], aside: [] });
    expect(heldIn(s)).toEqual([first]);
  });
});

describe('two who pay the same hundreds of debts at once', () => {
  it(
    'bring each file whole, set nothing aside, and leave no debt and no copy',
    { timeout: 120_000 },
    async () => {
      await using s = await scene('pay-two', ['db2']);
      const [count] = turnOf([240, 120, 120], 3) as [number];
      const names = Array.from({ length: count }, (_, at) => segmentNamed(0x0f80 + at));
      for (const [at, name] of names.entries()) {
        if (at % 3 === 0) {
          s.sandbox.file(`db2/${name}`, segmentBytes(name));
          ledgerOf('dr', s.node).owe(name);
        } else await oweHeld(s, name);
      }
      const heard: string[] = [];
      const work = async (size: number): Promise<void> => {
        for (;;) {
          const payer = s.payer({ setAside: (name) => void heard.push(name) });
          const batch = payer.ledger.owed(size);
          if (batch.length === 0) return;
          expect(await payInOrder(batch, payer, () => true)).toBeUndefined();
          closeBooks(payer);
        }
      };
      await Promise.all([work(1), work(7), work(32)]);
      expect(heard).toEqual([]);
      for (const name of names)
        expect(readFileSync(join(s.sandbox.path, 'dr', name)).equals(segmentBytes(name)), name).toBe(true);
      expect(stateOf(s)).toEqual(nothing);
      expect(heldIn(s)).toEqual([]);
      const has = ledgerOf('dr', s.node);
      expect(names.filter((name) => !has.has(name))).toEqual([]);
    },
  );
});

describe('a held copy', () => {
  it('goes with the payment that has brought it, and another one of its name does not', async () => {
    await using s = await scene('held-late');
    const partial = `${first}.partial`;
    await oweHeld(s, partial);
    const payer = s.payer();
    expect(await pay(partial, payer)).toBe('paid');
    // After the last one was brought, before the debt is struck.
    await oweHeld(s, partial, 0x22);
    closeBooks(payer);
    expect(stateOf(s)).toEqual(nothing);
    const { home } = s.node.settings;
    const left = heldCopies(home, 'dr', partial);
    expect(left).toHaveLength(1);
    expect(readFileSync(left[0]!).equals(segmentBytes(first, { content: 0x22 }))).toBe(true);
    // Whoever pays next owes it again, and brings it.
    expect(unowedCopies(home, 'dr', payer.ledger)).toEqual([partial]);
    oweHeldCopies(home, 'dr', payer.ledger);
    expect(stateOf(s)).toEqual({ owed: [partial], aside: [] });
    expect(await pay(partial, payer)).toBe('paid');
    closeBooks(payer);
    expect(readdirSync(join(s.sandbox.path, 'dr/.twowarm/versions'))).toHaveLength(1);
    expect(heldIn(s)).toEqual([]);
    expect(stateOf(s)).toEqual(nothing);
  });

  it('that nobody is owed is owed, but not once more where it is set aside, and no file of another name', async () => {
    await using s = await scene('held-unowed');
    for (const name of [first, second]) await oweHeld(s, name);
    s.sandbox.file('home/spool/held/dr/notes.txt', 'of a person');
    const ledger = ledgerOf('dr', s.node);
    ledger.setAside(first);
    ledger.settle(second);
    ledger.save();
    const { home } = s.node.settings;
    expect(unowedCopies(home, 'dr', ledger)).toEqual([second]);
    oweHeldCopies(home, 'dr', ledger);
    expect(stateOf(s)).toEqual({ owed: [second], aside: [first] });
  });

  it('that is gone already is let go of without a fault', async () => {
    await using s = await scene('held-gone');
    const source = s.sandbox.file('source', segmentBytes(first));
    await hold(first, source, 'dr', s.node, neverStopped);
    const [path] = heldCopies(s.node.settings.home, 'dr', first);
    releaseHeld([path!, path!]);
    expect(heldIn(s)).toEqual([]);
  });

  it('that dr has with other bytes stays, with its debt, which is set aside and told', async () => {
    await using s = await scene('held-conflict');
    await oweHeld(s, first);
    // Who carries what has arrived knows of the name only.
    await s.road.put(
      first,
      s.sandbox.file('other', segmentBytes(first, { content: 0x22 })),
      () => ({ add: () => undefined, end: () => undefined }),
      neverStopped,
    );
    const carrying = ledgerOf('dr', s.node);
    carrying.add(first);
    carrying.save();
    expect(stateOf(s)).toEqual({ owed: [first], aside: [] });
    const payer = s.payer();
    expect(await pay(first, payer)).toBe('aside');
    closeBooks(payer);
    expect(payer.heard).toEqual([expect.stringMatching(`^aside ${first}: .*${first}`)]);
    expect(stateOf(s)).toEqual({ owed: [], aside: [first] });
    expect(readFileSync(heldCopies(s.node.settings.home, 'dr', first)[0]!).equals(segmentBytes(first))).toBe(
      true,
    );
  });
});

describe('the own archive of a node', () => {
  const away = (s: Scene): string =>
    `the archive directory ${s.node.settings.archiveDirectory} does not exist`;

  it('that never was is no place where a copy could be', async () => {
    await using s = await scene('own-never');
    ledgerOf('dr', s.node).owe(first);
    expect(await pay(first, s.payer())).toBe('aside');
  });

  it('that is configured and missing cannot say that it has no copy: the debt waits', async () => {
    await using s = await scene('own-configured');
    s.node.settings.archiveDirectory = join(s.sandbox.path, 'mnt/archive');
    ledgerOf('dr', s.node).owe(first);
    expect(await pay(first, s.payer())).toMatchObject({ kind: 'source-unreachable', message: away(s) });
    expect(stateOf(s)).toEqual({ owed: [first], aside: [] });
  });

  it('that had files and is missing, or empty, cannot say it, either', { timeout: 60_000 }, async () => {
    await using s = await scene('own-used');
    const archive = s.node.settings.archiveDirectory;
    s.sandbox.file(`home/archive/${first}`, segmentBytes(first));
    for (const name of [first, second]) ledgerOf('dr', s.node).owe(name);
    // Its first file goes with it, so that nothing of ours is there.
    await noteOwnArchiveUsed(s.node);
    rmSync(archive, { recursive: true });
    expect(await pay(first, s.payer())).toMatchObject({ kind: 'source-unreachable', message: away(s) });
    s.sandbox.directory('home/archive');
    const answer = async () => {
      const paid = await pay(first, s.payer());
      return paid instanceof ProgramError ? paid.message : paid;
    };
    await expect
      .poll(answer, { timeout: 20_000, interval: 100 })
      .toBe(`the archive directory ${archive} is empty`);
    expect(stateOf(s)).toEqual({ owed: [first, second], aside: [] });
    s.sandbox.file(`home/archive/${first}`, segmentBytes(first));
    await expect.poll(answer, { timeout: 20_000, interval: 100 }).toBe('paid');
    expect(await pay(second, s.payer())).toBe('aside');
  });
});
