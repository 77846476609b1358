// Which calls are made at once, and which on another thread: by what the kernel says of the place, and by how long one took.
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { goesElsewhere } from './goes-elsewhere.ts';

type QuickCalls = typeof import('../../src/program/quick-calls.ts');

let sandbox: Sandbox;
let calls: QuickCalls;
beforeEach(async () => {
  sandbox = makeSandbox('quick-calls');
  // What was said of the places of another test does not count.
  vi.resetModules();
  calls = await import('../../src/program/quick-calls.ts');
});
afterEach(async () => {
  vi.restoreAllMocks();
  await sandbox.dispose();
});

const lookAt = (path: string) => () => goesElsewhere(() => calls.lstat(path));

describe('a system call', () => {
  it('goes to another thread until all places are known to be of this machine', async () => {
    const look = lookAt(sandbox.file('file', 'x'));
    expect(await look()).toBe(true);
    await calls.expectFilesIn([sandbox.path]);
    expect(await look()).toBe(false);
    // As a network file system would be: none that is known.
    await calls.expectFilesIn(['/proc']);
    expect(await look()).toBe(true);
    await calls.expectFilesIn([sandbox.path]);
    expect(await look()).toBe(true);
  });

  it('goes there, too, where nobody can say what a place is', async () => {
    await calls.expectFilesIn([sandbox.path, join(sandbox.path, 'missing')]);
    expect(await lookAt(sandbox.file('file', 'x'))()).toBe(true);
  });

  it('goes there after one that was slow, longer each time, and at once again where one is fast', async () => {
    const look = lookAt(sandbox.file('file', 'x'));
    await calls.expectFilesIn([sandbox.path]);
    let [now, stepMs] = [0, 1];
    vi.spyOn(performance, 'now').mockImplementation(() => (now += stepMs));
    const elsewhere = async (): Promise<number> => {
      for (let count = 0; ; count++) if (!(await look())) return count;
    };
    expect([await elsewhere(), await elsewhere(), await elsewhere()]).toEqual([0, 32, 64]);
    stepMs = 0.01;
    expect([await elsewhere(), await elsewhere(), await elsewhere()]).toEqual([128, 0, 0]);
    stepMs = 1;
    expect([await elsewhere(), await elsewhere()]).toEqual([0, 32]);
  });

  it('that makes a file always goes to another thread: a file system may stand still', async () => {
    await calls.expectFilesIn([sandbox.path]);
    const make = (): Promise<void> =>
      calls.open(join(sandbox.path, 'new'), constants.O_CREAT | constants.O_RDWR, 0o600).then(closeSync);
    expect(await goesElsewhere(make)).toBe(true);
    const open = (): Promise<void> =>
      calls.open(join(sandbox.path, 'new'), constants.O_RDONLY).then(closeSync);
    expect(await goesElsewhere(open)).toBe(false);
  });

  it('reads the same in both ways, and fails in the same words', async () => {
    const missing = join(sandbox.path, 'missing');
    const outcomes: unknown[] = [];
    for (const places of [[], [sandbox.path]]) {
      await calls.expectFilesIn(places);
      const path = sandbox.file('file', '0123456789');
      const descriptor = openSync(path, 'r');
      const buffer = Buffer.alloc(20);
      const { bytesRead } = await calls.read(descriptor, buffer, 1, 5, 4);
      const { size } = await calls.statOf(descriptor);
      closeSync(descriptor);
      const fault = await calls
        .lstat(missing)
        .catch((error: unknown) => (error as NodeJS.ErrnoException).code);
      outcomes.push([bytesRead, buffer.toString('latin1', 0, 7), size, fault]);
    }
    expect(outcomes).toEqual(Array(2).fill([5, '\x0045678\0', 10, 'ENOENT']));
  });
});
