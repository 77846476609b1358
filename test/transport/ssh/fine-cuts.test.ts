// A connection that is cut after every fourth kilobyte of a small file: of what is sent and of what is fetched. Finer than
// cuts.test.ts, and cheaper: the file is small on its way, and one connection in the end brings all that is missing.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isRetryable } from '../../../src/program/program-error.ts';
import { openDestination, openSource } from '../../../src/transport/open.ts';
import { closeConnections } from '../../../src/transport/ssh/leases.ts';
import type { Identity } from '../../../src/transport/transport.ts';
import { startCuttingProxy, type CuttingProxy, type Direction } from '../../harness/cutting-proxy.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { turnOf } from '../../harness/share.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { segmentBytes, segmentNamed } from '../../harness/wal-files.ts';
import { acceptAll, neverStopped, patterned, treeOf } from '../archives.ts';
import { sshScene, type SshScene } from './scene.ts';
import { urlOf } from './ssh-node.ts';

let sandbox: Sandbox;
let scene: SshScene;
let proxy: CuttingProxy;
let node: Identity;
let url: string;

beforeAll(async () => {
  sandbox = makeSandbox('fine-cuts');
  scene = await sshScene(sandbox);
  const { sshd } = scene;
  proxy = await startCuttingProxy(sshd.port);
  const known = readFileSync(sshd.knownHosts, 'utf8').replaceAll(`:${sshd.port} `, `:${proxy.port} `);
  node = scene.node({ knownHosts: [sandbox.file('known_hosts', known)] });
  url = urlOf(sshd, scene.directory, proxy.port);
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await scene[Symbol.asyncDispose]();
  await sandbox.dispose();
});

const stepBytes = 4096;
/** So much less may another call carry: what only says that somebody is there is sent by the clock. */
const mostLessBytes = 8192;
/** How much of a segment does not become smaller on its way. */
const denseBytes = 131_072;

function segment(name: string): Buffer {
  const bytes = segmentBytes(name);
  const noise = patterned(denseBytes, Number.parseInt(name.slice(-4), 16));
  for (let page = 0; page < denseBytes; page += 8192) noise.copy(bytes, page + 40, page + 40, page + 8192);
  return bytes;
}

/** How many bytes the whole of it carries in a direction; then it is cut after each step of them. */
async function stepsOf(direction: Direction, work: () => Promise<unknown>): Promise<number[]> {
  proxy.trouble = undefined;
  await work();
  closeConnections();
  const whole = proxy.carried[direction];
  expect(whole).toBeGreaterThan(denseBytes);
  return Array.from(
    { length: Math.floor((whole - mostLessBytes) / stepBytes) },
    (_, at) => (at + 1) * stepBytes,
  );
}

async function cutAt<T>(
  direction: Direction,
  afterBytes: number,
  work: () => Promise<T>,
): Promise<T | Error> {
  proxy.trouble = { how: 'cut', direction, afterBytes };
  const outcome = await work().catch((error: unknown) => error as Error);
  closeConnections();
  expect(proxy.hasStruck, `after ${afterBytes} bytes`).toBe(true);
  if (outcome instanceof Error) expect(isRetryable(outcome), `${afterBytes}: ${outcome.message}`).toBe(true);
  return outcome;
}

it(
  'of what is sent: every name has all of its bytes or none, and in the end all',
  { timeout: 240_000 },
  async () => {
    let number = 0x100;
    const put = async (name: string) => {
      const path = sandbox.file(`source/${name}`, segment(name));
      const road = await openDestination(url, node);
      try {
        return await road.put(name, path, acceptAll, neverStopped);
      } finally {
        await road.close();
      }
    };
    const steps = await stepsOf('up', () => put(segmentNamed(number)));
    const names: string[] = [];
    for (const step of turnOf(steps, 3)) {
      const name = segmentNamed((number += 1));
      names.push(name);
      const outcome = await cutAt('up', step, () => put(name));
      expect(outcome === 'stored' || outcome instanceof Error).toBe(true);
      if (existsSync(join(scene.directory, name)))
        expect(readFileSync(join(scene.directory, name)).equals(segment(name))).toBe(true);
      else expect(outcome).toBeInstanceOf(Error);
    }
    proxy.trouble = undefined;
    for (const name of names) expect(['stored', 'already-stored']).toContain(await put(name));
    closeConnections();
    for (const name of names)
      expect(readFileSync(join(scene.directory, name)).equals(segment(name)), name).toBe(true);
    await waitFor(
      'nothing unfinished',
      () => !treeOf(scene.directory).some((path) => path.includes('.tmp.')),
    );
  },
);

it(
  'of what is fetched: the target is whole or not there, and never "missing"',
  { timeout: 240_000 },
  async () => {
    const name = segmentNamed(0x900);
    const bytes = segment(name);
    sandbox.file(`far/archive/${name}`, bytes);
    const directory = sandbox.directory('fetched');
    const target = join(directory, 'RECOVERYXLOG');
    const get = async () => {
      rmSync(target, { force: true });
      const road = await openSource(url, node);
      try {
        return await road.get(name, target, acceptAll, neverStopped);
      } finally {
        await road.close();
      }
    };
    for (const step of turnOf(await stepsOf('down', get), 3)) {
      const outcome = await cutAt('down', step, get);
      if (outcome === 'fetched') expect(readFileSync(target).equals(bytes)).toBe(true);
      else {
        expect(outcome).toBeInstanceOf(Error);
        expect(readdirSync(directory)).toEqual([]);
      }
    }
    proxy.trouble = undefined;
    expect(await get()).toBe('fetched');
    expect(readFileSync(target).equals(bytes)).toBe(true);
  },
);
