// A connection that is cut after any number of bytes, or stands still at any step: the call fails with a fault that may
// pass or succeeds, no name ever holds half a file, nothing temporary stays, and the next call brings the whole.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { errorKinds } from '../../../src/program/error-kinds.ts';
import { isRetryable } from '../../../src/program/program-error.ts';
import { closeConnections } from '../../../src/transport/ssh/leases.ts';
import { startCuttingProxy, type CuttingProxy, type Direction } from '../../harness/cutting-proxy.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { inTurn, turnOf } from '../../harness/share.ts';
import type { Sshd } from '../../harness/sshd.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { megabyte, segmentBytes, segmentNamed } from '../../harness/wal-files.ts';
import { faultOf } from '../../program/fault.ts';
import { acceptAll, neverStopped, patterned, treeOf } from '../archives.ts';
import { sshScene, type SshScene } from './scene.ts';
import { sshNode, urlOf, type SshNode } from './ssh-node.ts';

let sandbox: Sandbox;
let scene: SshScene;
let sshd: Sshd;
let proxy: CuttingProxy;

beforeAll(async () => {
  sandbox = makeSandbox('cuts');
  scene = await sshScene(sandbox);
  ({ sshd } = scene);
  proxy = await startCuttingProxy(sshd.port);
  // Under the proxy's port, too.
  const known = readFileSync(sshd.knownHosts, 'utf8');
  sandbox.file('known_hosts', known + known.replaceAll(`:${sshd.port} `, `:${proxy.port} `));
});

beforeEach(() => {
  proxy.trouble = undefined;
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await scene[Symbol.asyncDispose]();
  await sandbox.dispose();
});

const limits = { timeout: 240_000 };

/** Between two cuts, in bytes. */
const stepBytes = 98_304;

/** A segment that does not become smaller on the way: a cut after n bytes is one within its bytes. */
function denseSegment(name: string): Buffer {
  const bytes = segmentBytes(name);
  const noise = patterned(megabyte, Number.parseInt(name.slice(-4), 16));
  for (let page = 0; page < megabyte; page += 8192) noise.copy(bytes, page + 40, page + 40, page + 8192);
  return bytes;
}

/** A few numbers below `end` that are the same in every run. */
function sample(count: number, end: number, seed = 20_261_125): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % end;
  });
}

const unfinishedIn = (directory: string): string[] =>
  treeOf(directory).filter((path) => path.includes('.tmp.'));

/** Receivers whose connection was cut end by themselves, and leave nothing. */
const noneUnfinished = (directory: string): Promise<unknown> =>
  waitFor(`nothing unfinished in ${directory}`, () => unfinishedIn(directory).length === 0);

/** Where a cut hurts: before the first byte, in the greeting, the key exchange, the login, the file, its last bytes. */
const edges = [0, 1, 21, 200, 1500, 2500, 4000, 6000];

async function expectWholeOrNothing(directory: string, name: string, bytes: Buffer): Promise<boolean> {
  const isThere = existsSync(join(directory, name));
  if (isThere) expect(readFileSync(join(directory, name)).equals(bytes)).toBe(true);
  return isThere;
}

describe('a connection that is cut, seen by the road', limits, () => {
  const road = () => {
    const url = urlOf(sshd, scene.directory, proxy.port);
    const node = scene.node({ knownHosts: [join(sandbox.path, 'known_hosts')] });
    return { url, node };
  };

  /** How many bytes a whole put, or get, carries in a direction. */
  async function whole(work: () => Promise<unknown>, direction: Direction): Promise<number> {
    proxy.trouble = undefined;
    await work();
    closeConnections();
    return proxy.carried[direction];
  }

  it('every 96 kB of a put, in either direction', async () => {
    const { openDestination } = await import('../../../src/transport/open.ts');
    const { url, node } = road();
    let number = 0x100;
    const put = async (name: string, bytes: Buffer) => {
      const path = sandbox.file(`source/${name}`, bytes);
      const to = await openDestination(url, node);
      try {
        return await to.put(name, path, acceptAll, neverStopped);
      } finally {
        await to.close();
        closeConnections();
      }
    };
    const attempt = async (direction: Direction, afterBytes: number): Promise<void> => {
      const name = segmentNamed((number += 1));
      const bytes = denseSegment(name);
      proxy.trouble = { how: 'cut', direction, afterBytes };
      const outcome = await put(name, bytes).catch((error: unknown) => error as Error);
      if (outcome !== 'stored')
        expect(isRetryable(outcome), `${direction} ${afterBytes}: ${String(outcome)}`).toBe(true);
      const isThere = await expectWholeOrNothing(scene.directory, name, bytes);
      proxy.trouble = undefined;
      // What the first one still does may end only now.
      const again = await put(name, bytes);
      expect(isThere ? ['already-stored'] : ['stored', 'already-stored']).toContain(again);
      expect(readFileSync(join(scene.directory, name)).equals(bytes)).toBe(true);
    };
    const first = segmentNamed(0x100);
    const up = await whole(() => put(first, denseSegment(first)), 'up');
    expect(up).toBeGreaterThan(megabyte);
    const steps = Array.from({ length: Math.floor(up / stepBytes) }, (_, at) => (at + 1) * stepBytes);
    for (const at of turnOf([...edges, ...steps, up - 100, up - 1], 4)) await attempt('up', at);
    const second = segmentNamed(0xff);
    const down = await whole(() => put(second, denseSegment(second)), 'down');
    for (const at of turnOf([...edges, ...sample(8, down), down - 100, down - 1], 4, 1))
      await attempt('down', at);
    await noneUnfinished(scene.directory);
  });

  it('every 96 kB of a get', async () => {
    const { openSource } = await import('../../../src/transport/open.ts');
    const { url, node } = road();
    const name = segmentNamed(0x900);
    const bytes = denseSegment(name);
    sandbox.file(`far/archive/${name}`, bytes);
    const target = join(sandbox.directory('fetched'), 'RECOVERYXLOG');
    const get = async () => {
      rmSync(target, { force: true });
      const from = await openSource(url, node);
      try {
        return await from.get(name, target, acceptAll, neverStopped);
      } finally {
        await from.close();
        closeConnections();
      }
    };
    const down = await whole(get, 'down');
    expect(down).toBeGreaterThan(megabyte);
    const steps = Array.from({ length: Math.floor(down / stepBytes) }, (_, at) => (at + 1) * stepBytes);
    for (const at of turnOf([...edges, ...steps, down - 100, down - 1], 3)) {
      proxy.trouble = { how: 'cut', direction: 'down', afterBytes: at };
      const outcome = await get().catch((error: unknown) => error as Error);
      if (outcome === 'fetched') expect(readFileSync(target).equals(bytes)).toBe(true);
      else {
        // Never "missing": nobody said so.
        expect(isRetryable(outcome), `${at}: ${String(outcome)}`).toBe(true);
        expect(existsSync(target)).toBe(false);
      }
    }
    proxy.trouble = undefined;
    expect(await get()).toBe('fetched');
    expect(readdirSync(join(sandbox.path, 'fetched'))).toEqual(['RECOVERYXLOG']);
  });
});

/** A node behind the proxy. */
async function nodeBehind(changes: Parameters<SshNode['use']>[0] = {}): Promise<SshNode & { store: Store }> {
  const node = await sshNode('cuts', sshd);
  const url = urlOf(sshd, node.far, proxy.port);
  node.use({ url, knownHosts: join(sandbox.path, 'known_hosts'), retryLimit: '50ms', ...changes });
  const store: Store = (name) => node.archive(`pg_wal/${name}`, name);
  return { ...node, url, store };
}
type Store = (name: string) => ReturnType<SshNode['archive']>;

const retryableCodes = Object.values(errorKinds)
  .filter(({ retryable }) => retryable)
  .map(({ exitCode }) => exitCode);

describe('a connection that is cut, seen by the programs', limits, () => {
  it.each(['up', 'down'] as const)(
    '%s: archiveWALFile fails, and the next call stores',
    async (direction) => {
      await using node = await nodeBehind();
      const end = direction === 'up' ? megabyte : 5000;
      for (const [at, afterBytes] of turnOf([0, 30, 2000, ...sample(5, end)], 3).entries()) {
        const name = segmentNamed(0x40 + at);
        const bytes = denseSegment(name);
        node.sandbox.file(`data/pg_wal/${name}`, bytes);
        node.ready(name);
        proxy.trouble = { how: 'cut', direction, afterBytes };
        const { code, stderr } = await node.store(name);
        expect([0, ...retryableCodes], stderr).toContain(code);
        if (code !== 0)
          expect(stderr).toMatch(new RegExp(`^archiveWALFile: ERROR:  could not store ${name}`));
        await expectWholeOrNothing(node.far, name, bytes);
        proxy.trouble = undefined;
        expect(await node.store(name)).toMatchObject({ code: 0, stdout: '', stderr: '' });
        expect(readFileSync(join(node.far, name)).equals(bytes)).toBe(true);
      }
      await noneUnfinished(node.far);
    },
  );

  it('restoreWALFile knows nothing, and the next call restores', async () => {
    await using node = await nodeBehind();
    const name = segmentNamed(0x70);
    const bytes = denseSegment(name);
    node.sandbox.file(`far/${name}`, bytes);
    node.mode('recovery');
    for (const afterBytes of turnOf([0, 2000, ...sample(3, megabyte)], 2)) {
      proxy.trouble = { how: 'cut', direction: 'down', afterBytes };
      const { code, stderr } = await node.restore(name, 'pg_wal/RECOVERYXLOG');
      expect(code, stderr).toBe(200);
      expect(stderr).toMatch(new RegExp(`^restoreWALFile: ERROR:  could not restore ${name}`));
      expect(readdirSync(node.path('data/pg_wal'))).toEqual([]);
    }
    proxy.trouble = undefined;
    expect(await node.restore(name, 'pg_wal/RECOVERYXLOG')).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(node.path('data/pg_wal/RECOVERYXLOG')).equals(bytes)).toBe(true);
  });
});

describe('a far side that stands still', limits, () => {
  const quick = { connectLimit: '1500ms', idleLimit: '1500ms', timeLimit: '4s' };
  const ended = (url: string) =>
    new RegExp(
      `(could not open ${url}: (could not connect: no answer within 1500ms|the far side has not answered for 1.5 s)` +
        `|could not store \\S+ at ${url}: (the far side has not answered for 1.5 s|no answer within 4s)` +
        '|: no answer within (4s|1500ms))',
    );

  const its = inTurn(2);
  its.each([
    ['at the first byte', 'up', 0],
    ['in the key exchange', 'up', 1000],
    ['in the login', 'down', 1600],
    ['in the file', 'up', 300_000],
    ['before its last answer', 'up', megabyte],
  ] as const)('%s: the call ends within its limits', async (_, direction, afterBytes) => {
    await using node = await nodeBehind(quick);
    const name = segmentNamed(0x50);
    node.sandbox.file(`data/pg_wal/${name}`, denseSegment(name));
    node.ready(name);
    proxy.trouble = { how: 'stall', direction, afterBytes };
    const started = performance.now();
    const { code, stderr } = await node.store(name);
    expect(proxy.hasStruck).toBe(true);
    expect({ code, stderr }).toEqual({ code: 27, stderr: expect.stringMatching(ended(node.url)) as string });
    expect(performance.now() - started).toBeLessThan(15_000);
    proxy.trouble = undefined;
    expect(await node.store(name)).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  it('because it is stopped before it is connected to', async () => {
    await using node = await nodeBehind(quick);
    const name = node.segment(segmentNamed(0x51));
    sshd.pause();
    try {
      const { code, stderr } = await node.store(name);
      expect({ code, stderr }).toEqual({
        code: 27,
        stderr: expect.stringMatching(ended(node.url)) as string,
      });
    } finally {
      sshd.resume();
    }
    expect(await node.store(name)).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  its.each([
    ['before it is asked', 0],
    ['in the middle of a file', 2 * megabyte],
  ])('because it is stopped %s, with the connection open', { timeout: 40_000 }, async (_, afterBytes) => {
    const { openDestination } = await import('../../../src/transport/open.ts');
    const knownHosts = [join(sandbox.path, 'known_hosts')];
    const url = urlOf(sshd, scene.directory, proxy.port);
    const by = scene.node({ knownHosts, idleLimitMs: 1000 });
    const road = await openDestination(url, by);
    const name = segmentNamed(0xa00 + afterBytes / megabyte);
    const path = sandbox.file(`source/${name}`, patterned(64 * megabyte, 3));
    proxy.trouble = undefined;
    if (afterBytes === 0) sshd.pause();
    const put = faultOf(() => road.put(name, path, acceptAll, neverStopped));
    try {
      if (afterBytes > 0) {
        await waitFor('some of the file to be sent', () => proxy.carried.up >= afterBytes, { everyMs: 1 });
        sshd.pause();
      }
      expect(await put).toEqual({
        kind: 'timed-out',
        message: `could not store ${name} at ${url}: the far side has not answered for 1 s`,
      });
    } finally {
      sshd.resume();
      await road.close();
      closeConnections();
    }
    await noneUnfinished(scene.directory);
    expect(existsSync(join(scene.directory, name))).toBe(false);
    const again = await openDestination(url, by);
    expect(await again.put(name, path, acceptAll, neverStopped)).toBe('stored');
    await again.close();
    closeConnections();
  });
});
