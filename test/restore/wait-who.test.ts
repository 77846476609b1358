// Which calls of restoreWALFile wait at all: the mode of recovery, restore.wait, and the kind of the file decide; and what
// PostgreSQL's own configuration says against it.
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { Mode, NodeFixture } from '../harness/node-fixture.ts';
import { inTurn } from '../harness/share.ts';
import {
  answered,
  makeWaitingNode,
  place,
  report,
  resetWaitingNode,
  startRestore,
  startWaiting,
  waitingToml,
  waitsOrEnds,
} from '../harness/waiting.ts';
import { segmentNamed } from '../harness/wal-files.ts';

const name = segmentNamed(0x21);

let node: NodeFixture;
beforeAll(async () => {
  node = await makeWaitingNode('wait-who');
});
beforeEach(() => resetWaitingNode(node));
afterAll(() => node[Symbol.asyncDispose]());

/** Whether a call for the segment waits; then it is ended by SIGTERM. Otherwise it must answer 1 and change nothing. */
async function waits(said = '', file = name): Promise<boolean> {
  const call = startRestore(node, file);
  if ((await waitsOrEnds(call)) === 'ended') {
    expect(await call.ended()).toEqual(answered(1, said));
    return false;
  }
  call.kill('SIGTERM');
  expect(await call.ended()).toEqual({ ...answered(1, said), code: null, signal: 'SIGTERM' });
  return true;
}

const waiting: [Mode, 'auto' | 'warm' | 'off', boolean][] = [
  ['standby', 'auto', true],
  ['standby', 'warm', true],
  ['standby', 'off', false],
  ['recovery', 'auto', false],
  ['recovery', 'warm', true],
  ['recovery', 'off', false],
  ['none', 'auto', false],
  ['none', 'warm', false],
  ['none', 'off', false],
];

describe.each(waiting)('under %s with wait = %j', (mode, wait, expected) => {
  const its = inTurn(
    2,
    waiting.findIndex(([one, other]) => one === mode && other === wait),
  );
  beforeEach(() => {
    node.mode(mode);
    node.configure(waitingToml(node.path, { wait }));
  });

  its(`a segment is ${expected ? '' : 'not '}waited for`, async () => {
    expect(await waits()).toBe(expected);
  });

  its('nothing else is', async () => {
    for (const file of ['00000002.history', `${name}.00000028.backup`, `${name}.partial`])
      expect(await startRestore(node, file).ended()).toEqual(answered(1));
  });
});

describe('a server before 12', () => {
  const its = inTurn(2);
  beforeEach(() => {
    node.mode('none');
    node.sandbox.file('data/PG_VERSION', '11\n');
    node.sandbox.file('data/postgresql.conf', '');
  });

  its.each([
    ["standby_mode = 'on'", 'auto', true],
    ["standby_mode = 'off'", 'auto', false],
    ["restore_command = 'x'", 'warm', true],
    ["restore_command = 'x'", 'off', false],
  ] as const)('with %s in recovery.conf and wait = %j', async (line, wait, expected) => {
    node.configure(waitingToml(node.path, { wait }));
    node.sandbox.file('data/recovery.conf', `${line}\n`);
    expect(await waits()).toBe(expected);
  });

  it('does not wait when its recovery.conf says whom to stream from', async () => {
    node.sandbox.file('data/recovery.conf', "standby_mode = on\nprimary_conninfo = 'host=db1'\n");
    expect(await waits(notWaiting.streams)).toBe(false);
  });
});

const prefetchHint =
  'HINT:  Set recovery_prefetch = off in postgresql.conf of this standby, and reload it: pg_ctl reload.';
const streamHint = "HINT:  Set restore.wait = 'off' if this standby streams, or remove primary_conninfo.";
const streams = 'primary_conninfo is set, and PostgreSQL could not stream while it waits';
const prefetches = 'recovery_prefetch is not off, and PostgreSQL would not replay what it has while it waits';
const auto = 'restore_command does not wait for segments:';
const warm = "restore.wait = 'warm' contradicts the configuration of PostgreSQL:";
const notWaiting = {
  streams: report('LOG', `${auto} ${streams}`, streamHint),
  prefetches: report('LOG', `${auto} ${prefetches}`, prefetchHint),
};
const conf = (text: string): void => void node.sandbox.file('data/postgresql.conf', text);

const against: [string, string, string, string, string][] = [
  ['15', 'no word about recovery_prefetch', '', prefetches, prefetchHint],
  ['15', 'recovery_prefetch = try', 'recovery_prefetch = try\n', prefetches, prefetchHint],
  ['18', 'recovery_prefetch = on', 'recovery_prefetch = on\n', prefetches, prefetchHint],
  ['15', 'primary_conninfo', "recovery_prefetch = off\nprimary_conninfo = 'host=db1'\n", streams, streamHint],
];

describe.each(against)('a standby of %s with %s', (version, _, text, reason, hint) => {
  const its = inTurn(
    3,
    against.findIndex(([, , each]) => each === text),
  );
  beforeEach(() => {
    node.sandbox.file('data/PG_VERSION', `${version}\n`);
    conf(text);
  });

  its('does not wait by wait = auto, and says so once until it was right in between', async () => {
    expect(await waits(report('LOG', `${auto} ${reason}`, hint))).toBe(false);
    expect(await waits()).toBe(false);
    conf('recovery_prefetch = off\n');
    expect(await waits()).toBe(true);
    conf(text);
    expect(await waits(report('LOG', `${auto} ${reason}`, hint))).toBe(false);
  });

  its('waits by wait = warm, and is warned once', async () => {
    node.configure(waitingToml(node.path, { wait: 'warm' }));
    expect(await waits(report('WARNING', `${warm} ${reason}`, hint))).toBe(true);
    expect(await waits()).toBe(true);
  });

  its('says nothing by wait = off', async () => {
    node.configure(waitingToml(node.path, { wait: 'off' }));
    expect(await waits()).toBe(false);
  });
});

describe('a standby', () => {
  const its = inTurn(2);
  its.each(['off', 'false', 'NO', "'0'"])('of 15 waits with recovery_prefetch = %s', async (value) => {
    conf(`recovery_prefetch = ${value}\n`);
    expect(await waits()).toBe(true);
  });

  its.each(['12', '14'])('of %s knows no prefetching and waits', async (version) => {
    node.sandbox.file('data/PG_VERSION', `${version}\n`);
    conf('');
    expect(await waits()).toBe(true);
  });

  it('waits when primary_conninfo is empty', async () => {
    conf("recovery_prefetch = off\nprimary_conninfo = ''\n");
    expect(await waits()).toBe(true);
  });

  it('is told anew when the reason is another one', async () => {
    conf("primary_conninfo = 'host=db1'\n");
    expect(await waits(notWaiting.streams)).toBe(false);
    conf('');
    expect(await waits(notWaiting.prefetches)).toBe(false);
  });

  it('does not wait when its configuration cannot be read, and says so once', async () => {
    node.sandbox.file('data/postgresql.conf', 'recovery_prefetch = off\n', 0);
    const reason = `whether PostgreSQL streams is not known: could not read ${node.path('data/postgresql.conf')}: EACCES`;
    const hint = "HINT:  Make the configuration readable for twowarm, or set restore.wait = 'off'.";
    expect(await waits(report('LOG', `${auto} ${reason}`, hint))).toBe(false);
    expect(await waits()).toBe(false);
    node.configure(waitingToml(node.path, { wait: 'warm' }));
    expect(await waits(report('WARNING', `${warm} ${reason}`, hint))).toBe(true);
  });
});

describe('under recovery.signal', () => {
  it('primary_conninfo does not matter, prefetching does', async () => {
    node.mode('recovery');
    node.configure(waitingToml(node.path, { wait: 'warm' }));
    conf("recovery_prefetch = off\nprimary_conninfo = 'host=db1'\n");
    expect(await waits()).toBe(true);
    conf("primary_conninfo = 'host=db1'\n");
    expect(await waits(report('WARNING', `${warm} ${prefetches}`, prefetchHint))).toBe(true);
  });
});

describe('a configuration that changes during a wait', () => {
  const touched = (): void => place(node, `first/${name}.partial`, '');
  const ending = (said: string, ...changed: string[]) => answered(1, said, changed);

  it('ends it at the next look: primary_conninfo was set', async () => {
    const call = await startWaiting(node, name);
    place(node, 'data/postgresql.conf', "recovery_prefetch = off\nprimary_conninfo = 'host=db1'\n");
    touched();
    const changed = ['changed data/postgresql.conf', `created first/${name}.partial`];
    expect(await call.ended()).toEqual(ending(notWaiting.streams, ...changed));
    rmSync(node.path(`first/${name}.partial`));
  });
});
