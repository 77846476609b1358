// What may happen to a copy under way: its connection is cut after any number of bytes, the far side is killed, hangs, or has no room;
// the caller stops. The target cannot be started then, says what it is, and the next copy goes on with it.
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { isRetryable, ProgramError } from '../../../src/program/program-error.ts';
import { chunkBytes, type Target } from '../../../src/copying/target.ts';
import { startCuttingProxy, type CuttingProxy, type Trouble } from '../../harness/cutting-proxy.ts';
import { mountTmpfs } from '../../harness/mounts.ts';
import { runsAsRoot } from '../../harness/server-user.ts';
import { turnOf } from '../../harness/share.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { faultOf } from '../../program/fault.ts';
import { controlBytes, neverStopped, nothingOutside, sourceOf } from '../near/scene.ts';
import { changed, dense, page, shrinking } from './bytes.ts';
import { contentOf, emptied, farScene, prepared, send, type FarScene, type Opening } from './scene.ts';

let scene: FarScene;
let proxy: CuttingProxy;
let knownHosts: string;
const large = dense(8 * chunkBytes + 3 * page, 1);
const files: [string, Buffer][] = [
  ['PG_VERSION', Buffer.from('15\n')],
  ['base/1', large],
  ['base/2', dense(3 * page, 2)],
  ['base/3', Buffer.from('small')],
  ['base/4', Buffer.alloc(chunkBytes, 1)],
];

beforeAll(async () => {
  scene = await farScene('far-broken');
  proxy = await startCuttingProxy(scene.sshd.port);
  const known = readFileSync(scene.sshd.knownHosts, 'utf8');
  knownHosts = scene.sandbox.file(
    'known_hosts',
    known + known.replaceAll(`:${scene.sshd.port} `, `:${proxy.port} `),
  );
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await scene[Symbol.asyncDispose]();
});

const byProxy = (changes: Opening['login'] = {}): Opening => ({
  port: proxy.port,
  login: { knownHosts: [knownHosts], ...changes },
});

/** A whole copy. A receiver whose connection was cut may need a moment to let go of the directory. */
async function copy(directory: string, opening: Opening = {}): Promise<void> {
  const target = await scene.open(directory, opening);
  try {
    await target.look(sourceOf(), nothingOutside, neverStopped);
    await target.prepare(sourceOf(), nothingOutside, neverStopped);
    await target.directory('base', 0o700, neverStopped);
    await target.directory('global', 0o700, neverStopped);
    await Promise.all(files.map(([path, bytes]) => send(target, path, bytes)));
    await target.sweep('base', new Set(['1', '2', '3', '4', '5']), neverStopped);
    await target.finish(controlBytes(), neverStopped);
  } finally {
    await target.close();
  }
}

const resume = (directory: string): Promise<unknown> =>
  waitFor('the far side to let go', () =>
    copy(directory).then(
      () => true,
      (error: unknown) => {
        if (error instanceof ProgramError && error.kind === 'busy') return false;
        throw error;
      },
    ),
  );

function expectWhole(directory: string): void {
  for (const [path, bytes] of files) expect(contentOf(directory, path).equals(bytes), path).toBe(true);
  expect(contentOf(directory, 'global/pg_control').equals(controlBytes())).toBe(true);
  expect(readdirSync(directory).sort()).toEqual(['PG_VERSION', 'base', 'global', 'pg_wal']);
}

describe('a connection that is cut', { timeout: 240_000 }, () => {
  /** How many bytes a whole copy into that place carries. */
  async function whole(directory: string): Promise<{ up: number; down: number }> {
    proxy.trouble = undefined;
    await copy(directory, byProxy());
    return { ...proxy.carried };
  }

  async function cut(directory: string, trouble: Trouble): Promise<void> {
    proxy.trouble = trouble;
    const fault = await copy(directory, byProxy()).then(
      () => undefined,
      (error: unknown) => error,
    );
    proxy.trouble = undefined;
    // Cut within the good-bye, or an answer less than it was last time.
    if (fault === undefined) return expectWhole(directory);
    const at = `${trouble.direction} ${trouble.afterBytes}: ${(fault as Error).message}`;
    expect(isRetryable(fault), at).toBe(true);
    expect((fault as Error).message, at).toContain(scene.urlOf(directory, proxy.port));
  }

  it('anywhere leaves what cannot be started, or the whole; the next copy makes it whole', async () => {
    const directory = emptied(scene.place());
    const { up, down } = await whole(directory);
    const inside = Array.from({ length: 16 }, (_, at) => Math.round((up / 17) * (at + 1)));
    for (const at of turnOf([0, 4000, ...inside, up - 40], 5)) {
      emptied(directory);
      await cut(directory, { how: 'cut', direction: 'up', afterBytes: at });
      const isWhole = existsSync(join(directory, 'global/pg_control'));
      // From its first change on it says what it is.
      if (!isWhole && readdirSync(directory).length > 0)
        expect(readdirSync(directory)).toContain('.twowarm-copying');
      await resume(directory);
      expectWhole(directory);
    }
    for (const at of turnOf([3000, down / 2, (down * 3) / 4, down - 200].map(Math.round), 2)) {
      emptied(directory);
      await cut(directory, { how: 'cut', direction: 'down', afterBytes: at });
      await resume(directory);
      expectWhole(directory);
    }
  });

  it('after most has arrived costs little to make good', async () => {
    const directory = emptied(scene.place());
    // What is on its way when a connection is cut, 2 MB and more, has not arrived.
    files.push(['base/5', dense(24 * chunkBytes, 5)]);
    onTestFinished(() => void files.pop());
    const { up } = await whole(directory);
    emptied(directory);
    await cut(directory, { how: 'cut', direction: 'up', afterBytes: Math.round(up * 0.9) });
    await waitFor('the far side to let go', async () => {
      const target = await scene.open(directory, byProxy());
      const isFree = await target.look(sourceOf(), nothingOutside, neverStopped).then(
        ({ state }) => state === 'unfinished',
        () => false,
      );
      await target.close();
      return isFree;
    });
    const again = await whole(directory);
    expect(again.up).toBeLessThan(up * 0.4);
    expectWhole(directory);
  });
});

describe('a far side', { timeout: 120_000 }, () => {
  const inPlace = async (opening?: Opening): Promise<{ directory: string; target: Target; url: string }> => {
    const directory = emptied(scene.place());
    const target = await prepared(scene, directory, opening);
    return { directory, target, url: target.url };
  };

  it('that hangs is given up by the limit of silence', async () => {
    const { target, url } = await inPlace({ login: { idleLimitMs: 1500 } });
    scene.sshd.pause();
    try {
      expect(await faultOf(() => send(target, 'base/1', large))).toEqual({
        kind: 'timed-out',
        message: `could not write file "base/1" at ${url}: the far side has not answered for 1.5 s`,
      });
      expect(await faultOf(() => target.finish(controlBytes(), neverStopped))).toEqual({
        kind: 'timed-out',
        message: `could not finish ${url}: the far side has not answered for 1.5 s`,
      });
      const began = performance.now();
      await target.close();
      expect(performance.now() - began).toBeLessThan(3000);
    } finally {
      scene.sshd.resume();
    }
  });

  it('that is killed is told of, and its target can be gone on with', async () => {
    const { directory, target, url } = await inPlace();
    await send(target, 'base/3', Buffer.from('small'));
    for (const pid of scene.sshd.connections()) {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
      if (line.includes('--data-directory') && line.includes(directory)) process.kill(pid, 'SIGKILL');
    }
    const fault = await faultOf(() => send(target, 'base/1', large));
    expect(fault.kind).toBe('connection-lost');
    expect(fault.message).toMatch(new RegExp(`^could not write file "base/1" at ${url}: `));
    expect(existsSync(join(directory, 'global/pg_control'))).toBe(false);
    await resume(directory);
    expectWhole(directory);
  });

  it.runIf(runsAsRoot())(
    'without room says so, and what is there can be gone on with once there is',
    async () => {
      const directory = emptied(scene.place());
      using disk = mountTmpfs(directory, 'size=2m');
      const target = await prepared(scene, directory);
      expect(await faultOf(() => send(target, 'base/1', large))).toEqual({
        kind: 'no-space',
        message: `could not write file "${target.url}/base/1": No space left on device`,
      });
      await target.close();
      disk.remount('size=64m');
      await resume(directory);
      expectWhole(directory);
    },
  );

  it.runIf(runsAsRoot())(
    'without room for any of several files says so of each, and is there still',
    async () => {
      const directory = emptied(scene.place());
      using disk = mountTmpfs(directory, 'size=1m');
      const target = await prepared(scene, directory);
      const bytes = shrinking(24 * chunkBytes, 1);
      const names = Array.from({ length: 8 }, (_, at) => `base/${at}`);
      const faults = await Promise.all(names.map((name) => faultOf(() => send(target, name, bytes))));
      expect(faults).toEqual(
        names.map((name) => ({
          kind: 'no-space',
          message: `could not write file "${target.url}/${name}": No space left on device`,
        })),
      );
      disk.remount('size=8m');
      expect(await send(target, 'base/small', bytes.subarray(0, page))).toBe('written');
    },
  );

  it('is told that a file is taken back when its caller stops, at once', async () => {
    const { directory, target } = await inPlace();
    const stop = new AbortController();
    const { signal } = stop;
    const file = await target.file('base/1', 0o600, signal);
    await file.take(large.subarray(0, chunkBytes));
    proxy.trouble = undefined;
    stop.abort(new Error('stopped by SIGINT'));
    await expect(file.take(large.subarray(chunkBytes, 2 * chunkBytes))).rejects.toThrow('stopped by SIGINT');
    await expect(file.end(1)).rejects.toThrow('stopped by SIGINT');
    await expect(target.finish(controlBytes(), signal)).rejects.toThrow('stopped by SIGINT');
    await target.close();
    expect(existsSync(join(directory, 'global/pg_control'))).toBe(false);
    // It has let go: the next one need not wait.
    await copy(directory);
    expectWhole(directory);
  });

  it('that takes no more of a new file holds up nobody who stops', async () => {
    const target = await scene.open(scene.place());
    await target.look(sourceOf(), nothingOutside, neverStopped);
    await target.prepare(sourceOf(), nothingOutside, neverStopped);
    const stop = new AbortController();
    const file = await target.file('PG_VERSION', 0o600, stop.signal);
    scene.sshd.pause();
    try {
      // Much more than the line holds.
      const chunks = Array.from({ length: 128 }, () => randomBytes(chunkBytes));
      const taking = Promise.all(chunks.map((chunk) => file.take(chunk)));
      setTimeout(() => stop.abort(new Error('stopped by SIGINT')), 300);
      const told = performance.now();
      await expect(taking).rejects.toThrow('stopped by SIGINT');
      expect(performance.now() - told).toBeLessThan(3000);
    } finally {
      scene.sshd.resume();
    }
  });

  it('that hangs holds up nobody who stops', async () => {
    const { target } = await inPlace();
    scene.sshd.pause();
    try {
      const stop = new AbortController();
      const sending = send(target, 'base/1', changed(large, 1), { signal: stop.signal });
      const told = performance.now();
      setTimeout(() => stop.abort(new Error('stopped by SIGINT')), 100);
      await expect(sending).rejects.toThrow('stopped by SIGINT');
      expect(performance.now() - told).toBeLessThan(1500);
    } finally {
      scene.sshd.resume();
    }
  });
});
