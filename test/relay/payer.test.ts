// One session of paying: what ends it early, and that the next one goes on from there.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import type { ThisNode } from '../../src/postgres/this-node.ts';
import { resume, suspend } from '../../src/program/destination-notes.ts';
import { isHolder } from '../../src/program/process-lock.ts';
import type { Destination } from '../../src/program/settings/settings.ts';
import { Payer } from '../../src/relay/payer.ts';
import { ledgerOf } from '../../src/transport/backfill/debts.ts';
import { lockPaying } from '../../src/transport/backfill/paying-lock.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { megabyte, ourCluster, segmentBytes, segmentNamed } from '../harness/wal-files.ts';
import { faultOf } from '../program/fault.ts';
import { neverStopped } from '../transport/archives.ts';

const names = Array.from({ length: 80 }, (_, at) => segmentNamed(0x100 + at));

/** A node that owes dr eighty segments, which are held; `paid` is called with each. */
function payerIn(sandbox: Sandbox, paid: (file: string) => void): { payer: Payer; node: ThisNode } {
  for (const directory of ['data/pg_wal', 'home/state', 'dr']) sandbox.directory(directory);
  const dr: Destination = {
    name: 'dr',
    url: `file:${join(sandbox.path, 'dr')}`,
    compression: 'none',
    timeLimitMs: 20_000,
    policy: 'required',
    mayLack: [],
    standIn: undefined,
  };
  const home = join(sandbox.path, 'home');
  // As much of a node as paying looks at.
  const node = {
    settings: {
      home,
      dataDirectory: join(sandbox.path, 'data'),
      archiveDirectory: join(home, 'archive'),
      destinations: [dr],
    },
    cluster: { systemIdentifier: ourCluster, controlVersion: 1300 },
    identity: {
      systemIdentifier: ourCluster.toString(),
      nodeId: '00000000000000aa',
      stateDirectory: join(home, 'state'),
      facts: () => ({ segmentSize: megabyte, controlVersion: 1300, timeline: 1 }),
    },
  } as unknown as ThisNode;
  const ledger = ledgerOf('dr', node);
  for (const name of names) {
    ledger.owe(name);
    sandbox.file(`home/spool/held/dr/${name}`, segmentBytes(name));
  }
  const listener = { paid: (_: Payer, file: string) => paid(file), setAside: () => undefined };
  const role = { relays: false, timeline: 1, isRunning: true } as const;
  return { payer: new Payer(dr, node, role, listener, neverStopped), node };
}

describe('paying', () => {
  it('ends with the file during which the destination is suspended, and goes on once it is resumed', async () => {
    await using sandbox = makeSandbox('payer-suspended');
    const home = join(sandbox.path, 'home');
    const paid: string[] = [];
    const { payer } = payerIn(sandbox, (file) => {
      paid.push(file);
      if (paid.length === 40) suspend(home, '00000000000000aa', 'dr', new Date().toISOString());
    });
    expect(await payer.pay()).toBe('suspended');
    expect(paid).toEqual(names.slice(0, 40));
    expect(payer.owed()).toEqual(names.slice(40));
    resume(home, 'dr');
    expect(await payer.pay()).toBe('settled');
    expect(paid).toEqual(names);
    expect(payer.debt.count).toBe(0);
  });

  it('is left to another process that is at it', async () => {
    await using sandbox = makeSandbox('payer-busy');
    const { payer, node } = payerIn(sandbox, () => undefined);
    const lock = lockPaying('dr', node);
    if (isHolder(lock)) throw new Error('the lock is free');
    expect(await payer.pay()).toBe('busy');
    expect(payer.owed()).toEqual(names);
    lock.release();
    expect(await payer.pay()).toBe('settled');
    expect(payer.owed()).toEqual([]);
  });

  it('that fails keeps what is not paid, and lets the next one begin', async () => {
    await using sandbox = makeSandbox('payer-fails');
    const home = join(sandbox.path, 'home');
    const paid: string[] = [];
    const { payer } = payerIn(sandbox, (file) => {
      paid.push(file);
      // A note that cannot be read: nobody knows whether it is suspended.
      if (paid.length === 3) sandbox.file('home/state/destinations/dr/suspended', 'half of a no');
    });
    expect((await faultOf(() => payer.pay())).kind).toBe('unsafe-state');
    expect(payer.owed()).toEqual(names.slice(3));
    resume(home, 'dr');
    expect(await payer.pay()).toBe('settled');
  });
});
