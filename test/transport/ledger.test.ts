// The ledger of a destination on a real disk: debts that survive everything, claims that may lag and never exceed.
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { isInDebt, Ledger, ledgersOf } from '../../src/transport/ledger.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { segmentNamed } from '../harness/wal-files.ts';
import { faultOf } from '../program/fault.ts';

const segmentSize = 1024 * 1024;

const open = (sandbox: Sandbox, destination = 'db2', size = segmentSize): Ledger =>
  new Ledger(destination, {
    stateDirectory: join(sandbox.path, 'state'),
    nodeId: '0123456789abcdef',
    segmentSize: size,
  });

function home(): Sandbox {
  const sandbox = makeSandbox('ledger');
  mkdirSync(join(sandbox.path, 'state'));
  return sandbox;
}

describe('a ledger', () => {
  it('that was never written says nothing and makes nothing', async () => {
    await using sandbox = home();
    const ledger = open(sandbox);
    ledger.save();
    expect(ledger.owed()).toEqual([]);
    expect(ledger.debt()).toEqual({ count: 0, first: undefined, last: undefined, aside: 0 });
    expect(ledger.has(segmentNamed(1))).toBe(false);
    expect(isInDebt(join(sandbox.path, 'state'), 'db2')).toBe(false);
    expect(readdirSync(join(sandbox.path, 'state'))).toEqual([]);
  });

  it('has every debt on disk before it goes on, for whoever opens it next, oldest first', async () => {
    await using sandbox = home();
    const names = [
      segmentNamed(0x1001),
      segmentNamed(0x2),
      `${segmentNamed(0x2)}.gap`,
      `${segmentNamed(0x2)}.partial`,
      '000000020000000000000003',
      '00000002.history',
      segmentNamed(0x1),
    ];
    for (const name of names) open(sandbox).owe(name);
    expect(open(sandbox).owed()).toEqual(names.toSorted());
    expect(open(sandbox).owed(3)).toEqual(names.toSorted().slice(0, 3));
    expect(open(sandbox).owed().indexOf('00000002.history')).toBeLessThan(
      open(sandbox).owed().indexOf('000000020000000000000003'),
    );
    expect(open(sandbox).debt()).toEqual({
      count: 7,
      first: segmentNamed(1),
      last: '000000020000000000000003',
      aside: 0,
    });
    expect(isInDebt(join(sandbox.path, 'state'), 'db2')).toBe(true);
    expect(isInDebt(join(sandbox.path, 'state'), 'dr')).toBe(false);
    expect(ledgersOf(join(sandbox.path, 'state'))).toEqual(['db2']);
  });

  it('says what is lacking of many names, and what is owed lacks, whatever is known', async () => {
    await using sandbox = home();
    const names = [1, 2, 3, 4].map((number) => segmentNamed(number));
    const ledger = open(sandbox);
    for (const name of names.slice(0, 3)) ledger.add(name);
    ledger.save();
    ledger.owe(names[1]!);
    ledger.owe(names[2]!);
    ledger.setAside(names[2]!);
    expect(open(sandbox).lacking(names)).toEqual(names.slice(1));
  });

  it('forgets what a destination had, for good, but no debt', async () => {
    await using sandbox = home();
    const names = [1, 2].map((number) => segmentNamed(number));
    const ledger = open(sandbox);
    ledger.forget();
    ledger.add(names[0]!);
    ledger.save();
    ledger.owe(names[1]!);
    ledger.add(names[0]!);
    ledger.forget();
    ledger.save();
    expect(ledger.has(names[0]!)).toBe(false);
    expect(open(sandbox).lacking(names)).toEqual(names);
    expect(open(sandbox).owed()).toEqual([names[1]]);
  });

  it('strikes a debt only when it is on disk that it was settled', async () => {
    await using sandbox = home();
    const [first, second] = [segmentNamed(1), segmentNamed(2)];
    const ledger = open(sandbox);
    for (const name of [first, second]) ledger.owe(name);
    ledger.settle(first);
    expect(open(sandbox).owed()).toEqual([first, second]);
    expect(open(sandbox).has(first)).toBe(false);
    ledger.save();
    expect(open(sandbox).owed()).toEqual([second]);
    expect(open(sandbox).has(first)).toBe(true);
    expect(open(sandbox).has(second)).toBe(false);
    ledger.settle(second);
    ledger.save();
    expect(readdirSync(join(sandbox.path, 'state/ledger/db2/owed'))).toEqual([]);
    expect(readFileSync(join(sandbox.path, 'state/ledger/db2/has'), 'utf8')).toBe(
      `twowarm ledger 1, segments of 1048576 bytes\n${first}-${second}\n`,
    );
  });

  it('keeps a debt of which somebody has only brought a file of that name', async () => {
    await using sandbox = home();
    const ledger = open(sandbox);
    for (const at of [1, 2]) ledger.owe(segmentNamed(at));
    ledger.setAside(segmentNamed(2));
    for (const at of [1, 2]) ledger.add(segmentNamed(at));
    ledger.save();
    expect(open(sandbox).owed()).toEqual([segmentNamed(1)]);
    expect(open(sandbox).aside()).toEqual([segmentNamed(2)]);
  });

  it('does not claim every partial segment of a name because one was paid', async () => {
    await using sandbox = home();
    const partial = `${segmentNamed(1)}.partial`;
    const ledger = open(sandbox);
    ledger.owe(partial);
    ledger.settle(partial);
    ledger.save();
    expect(open(sandbox).isOwed(partial)).toBe(false);
    expect(open(sandbox).has(partial)).toBe(false);
  });

  it('takes an empty directory of debts for no debt', async () => {
    await using sandbox = home();
    const ledger = open(sandbox);
    ledger.owe(segmentNamed(0x2000));
    mkdirSync(join(sandbox.path, 'state/ledger/db2/owed/0000000100000000'));
    expect(isInDebt(join(sandbox.path, 'state'), 'db2')).toBe(true);
    ledger.settle(segmentNamed(0x2000));
    ledger.save();
    expect(isInDebt(join(sandbox.path, 'state'), 'db2')).toBe(false);
  });

  it('does not claim what is owed again, whatever it knew', async () => {
    await using sandbox = home();
    const ledger = open(sandbox);
    ledger.add(segmentNamed(1));
    ledger.save();
    open(sandbox).owe(segmentNamed(1));
    expect(ledger.has(segmentNamed(1))).toBe(false);
    expect(open(sandbox).has(segmentNamed(1))).toBe(false);
  });

  it('keeps what another process has saved meanwhile', async () => {
    await using sandbox = home();
    const [one, other] = [open(sandbox), open(sandbox)];
    one.add(segmentNamed(1));
    other.add(segmentNamed(2));
    one.save();
    other.save();
    const both = [1, 2].map((at) => open(sandbox).has(segmentNamed(at)));
    expect(both).toEqual([true, true]);
  });

  it('sets a debt aside, where it holds up nobody and is not forgotten', async () => {
    await using sandbox = home();
    const ledger = open(sandbox);
    for (const at of [1, 2]) ledger.owe(segmentNamed(at));
    ledger.setAside(segmentNamed(1));
    expect(open(sandbox).owed()).toEqual([segmentNamed(2)]);
    expect(open(sandbox).aside()).toEqual([segmentNamed(1)]);
    expect(open(sandbox).debt()).toEqual({
      count: 2,
      first: segmentNamed(1),
      last: segmentNamed(2),
      aside: 1,
    });
    ledger.takeUpAgain();
    expect(open(sandbox).owed()).toEqual([segmentNamed(1), segmentNamed(2)]);
    expect(open(sandbox).aside()).toEqual([]);
    ledger.setAside(segmentNamed(1));
    ledger.settle(segmentNamed(1));
    ledger.save();
    expect(open(sandbox).debt()).toMatchObject({ count: 1, aside: 0 });
  });

  it('sets aside only what is owed still: what another process has just paid does not come back', async () => {
    await using sandbox = home();
    const [ledger, other] = [open(sandbox), open(sandbox)];
    ledger.owe(segmentNamed(1));
    expect(ledger.isOwed(segmentNamed(1))).toBe(true);
    other.settle(segmentNamed(1));
    other.save();
    expect(ledger.isOwed(segmentNamed(1))).toBe(false);
    expect(ledger.setAside(segmentNamed(1))).toBe(false);
    expect(open(sandbox).debt().count).toBe(0);
    expect(readdirSync(join(sandbox.path, 'state/ledger/db2/aside'))).toEqual([]);
    ledger.owe(segmentNamed(2));
    expect(ledger.setAside(segmentNamed(2))).toBe(true);
    expect(other.setAside(segmentNamed(2))).toBe(false);
    expect(open(sandbox).isOwed(segmentNamed(2))).toBe(true);
  });

  it('does not claim again what another process has made it forget', async () => {
    await using sandbox = home();
    const ledger = open(sandbox);
    ledger.add(segmentNamed(1));
    ledger.save();
    open(sandbox).forget();
    ledger.add(segmentNamed(2));
    ledger.save();
    const has = [1, 2].map((at) => open(sandbox).has(segmentNamed(at)));
    expect(has).toEqual([false, true]);
  });

  it.each([
    'twowarm ledger 2, segments of 1048576 bytes\n000000010000000000000001\n',
    'twowarm ledger 1, segments of 1048576 bytes\n000000010000000000000001\n\0\0\0\0\n',
    '',
  ])('whose claims cannot be read (%j) claims nothing', async (text) => {
    await using sandbox = home();
    mkdirSync(join(sandbox.path, 'state/ledger/db2'), { recursive: true });
    writeFileSync(join(sandbox.path, 'state/ledger/db2/has'), text);
    expect(open(sandbox).has(segmentNamed(1))).toBe(false);
  });

  it('of a cluster with other segments claims nothing: the same names are other WAL', async () => {
    await using sandbox = home();
    const ledger = open(sandbox);
    ledger.add(segmentNamed(1));
    ledger.save();
    expect(open(sandbox, 'db2', 2 * segmentSize).has(segmentNamed(1))).toBe(false);
  });

  it('is for nobody else to read', async () => {
    await using sandbox = home();
    const ledger = open(sandbox);
    for (const at of [1, 2]) ledger.owe(segmentNamed(at));
    ledger.add(segmentNamed(1));
    ledger.save();
    const modes = ['', '/db2', '/db2/owed', `/db2/owed/${segmentNamed(2).slice(0, 16)}`].map(
      (path) => statSync(join(sandbox.path, `state/ledger${path}`)).mode & 0o777,
    );
    expect(modes).toEqual([0o700, 0o700, 0o700, 0o700]);
    const files = ['has', `owed/${segmentNamed(2).slice(0, 16)}/${segmentNamed(2)}.owed`].map(
      (path) => statSync(join(sandbox.path, `state/ledger/db2/${path}`)).mode & 0o777,
    );
    expect(files).toEqual([0o600, 0o600]);
  });

  it.each(['../x', 'a/b', '00000001', `${segmentNamed(1)}\n`, `${segmentNamed(1)}/..`, ''])(
    'refuses the name %j',
    async (name) => {
      await using sandbox = home();
      const fault = await faultOf(() => open(sandbox).owe(name));
      expect(fault.message).toBe(`"${name}" is not the name of a WAL file`);
      expect(existsSync(join(sandbox.path, 'state/ledger'))).toBe(false);
    },
  );

  it('that cannot be written says so: a debt is never taken for recorded', async () => {
    await using sandbox = home();
    writeFileSync(join(sandbox.path, 'state/ledger'), '');
    expect(await faultOf(() => open(sandbox).owe(segmentNamed(1)))).toEqual({
      kind: 'directory-missing',
      message: `could not create the directory ${join(sandbox.path, 'state/ledger/db2')}: Not a directory`,
    });
  });
});
