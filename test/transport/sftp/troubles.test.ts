// What can go wrong by SFTP: a connection that is cut at any moment, a far side that hangs, a disk that is full, statuses
// that say nothing, a call that was killed. Nothing under a name that is not whole, and the next call brings it.
import { existsSync, readdirSync, readFileSync, writeFileSync, chmodSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRetryable } from '../../../src/program/program-error.ts';
import { temporaryPath } from '../../../src/program/temporary-name.ts';
import { openDestination, type Storing } from '../../../src/transport/open.ts';
import { closeConnections } from '../../../src/transport/ssh/leases.ts';
import type { Identity, Transport } from '../../../src/transport/transport.ts';
import { startCuttingProxy, type CuttingProxy, type Direction } from '../../harness/cutting-proxy.ts';
import { mountTmpfs } from '../../harness/mounts.ts';
import { run } from '../../harness/run.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { turnOf } from '../../harness/share.ts';
import { faultOf } from '../../program/fault.ts';
import { acceptAll, neverStopped, patterned, treeOf } from '../archives.ts';
import { sftpScene, type SftpScene } from './scene.ts';

let sandbox: Sandbox;
let scene: SftpScene;
let proxy: CuttingProxy;

beforeAll(async () => {
  sandbox = makeSandbox('sftp-troubles');
  scene = await sftpScene(sandbox);
  proxy = await startCuttingProxy(scene.sshd.port);
  const known = readFileSync(scene.sshd.knownHosts, 'utf8');
  // Under the proxy's port, too.
  writeFileSync(scene.sshd.knownHosts, known + known.replaceAll(`:${scene.sshd.port} `, `:${proxy.port} `));
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await scene[Symbol.asyncDispose]();
  await sandbox.dispose();
});

const segment = '000000010000000000000005';
const nameOf = (number: number): string => `0000000100000000000000${number.toString(16).toUpperCase()}`;
let directories = 0;
const freshDirectory = (): string => sandbox.directory(`archives/${(directories += 1)}`);
const opened = (url: string, node: Identity, storing: Storing = {}): Promise<Transport> =>
  openDestination(url, node, { mayLack: ['not-durable'], ...storing });

async function put(url: string, node: Identity, name: string, bytes: Buffer, storing: Storing = {}) {
  const source = sandbox.file(`sources/${name}`, bytes);
  try {
    const road = await opened(url, node, storing);
    try {
      return await road.put(name, source, acceptAll, neverStopped);
    } finally {
      await road.close();
    }
  } finally {
    closeConnections();
  }
}

describe('by SFTP', { timeout: 240_000 }, () => {
  it('a connection that is cut after any number of bytes leaves a name whole or free, and the next call stores', async () => {
    const directory = freshDirectory();
    const [node, url] = [scene.node(), scene.urlOf(directory, proxy.port)];
    const bytes = patterned(300_000, 7);
    proxy.trouble = undefined;
    expect(await put(url, node, nameOf(0x10), bytes)).toBe('stored');
    const whole = { ...proxy.carried };
    let number = 0x10;
    const attempt = async (direction: Direction, afterBytes: number): Promise<void> => {
      number += 1;
      const name = nameOf(number);
      proxy.trouble = { how: 'cut', direction, afterBytes };
      const outcome = await put(url, node, name, bytes).catch((error: unknown) => error as Error);
      if (outcome !== 'stored')
        expect([direction, afterBytes, String(outcome), isRetryable(outcome)]).toMatchObject({ 3: true });
      if (existsSync(join(directory, name)))
        expect(readFileSync(join(directory, name)).equals(bytes)).toBe(true);
      proxy.trouble = undefined;
      expect(await put(url, node, name, bytes)).toMatch(/stored$/);
      expect(readFileSync(join(directory, name)).equals(bytes)).toBe(true);
    };
    // The last bytes are those around the name: the record of the owner, the link, the looks after it.
    for (const [place, direction] of (['up', 'down'] as const).entries()) {
      const end = whole[direction];
      const middle = [0.2, 0.5, 0.8].map((part) => Math.floor(end * part));
      const last = Array.from({ length: 8 }, (_, at) => end - 100 - 240 * at);
      for (const at of turnOf([0, 1500, ...middle, ...last], 3, place)) await attempt(direction, at);
    }
    expect(treeOf(directory).filter((path) => path.includes('.tmp.'))).toEqual([]);
  });

  it('a far side that hangs ends the call within its limit, and it works again when that goes on', async () => {
    const directory = freshDirectory();
    const [node, url] = [scene.node({ idleLimitMs: 300 }), scene.urlOf(directory)];
    const road = await opened(url, node);
    scene.sshd.pause();
    try {
      expect(await faultOf(() => road.stat(segment, neverStopped))).toMatchObject({
        kind: 'timed-out',
        message: `could not look for ${segment} at ${url}: the far side has not answered for 0.3 s`,
      });
    } finally {
      scene.sshd.resume();
    }
    await road.close();
    expect(await put(url, node, segment, patterned(10, 1))).toBe('stored');
  });

  it('a verb ends with its signal while the far side hangs', async () => {
    const directory = freshDirectory();
    const road = await opened(scene.urlOf(directory), scene.node());
    const controller = new AbortController();
    const reason = new Error('stopped');
    scene.sshd.pause();
    try {
      const listing = road.list(controller.signal);
      controller.abort(reason);
      await expect(listing).rejects.toBe(reason);
    } finally {
      scene.sshd.resume();
    }
    await road.close();
    closeConnections();
  });

  it('a full disk is told from other failures, and leaves nothing', async () => {
    const directory = freshDirectory();
    using disk = mountTmpfs(directory, 'size=1m');
    const [node, url] = [scene.node(), scene.urlOf(directory)];
    expect(await put(url, node, nameOf(0x10), patterned(1000, 1))).toBe('stored');
    const fault = await faultOf(() => put(url, node, segment, patterned(2_000_000, 1)));
    expect(fault).toMatchObject({
      kind: 'no-space',
      message: `could not store ${segment} at ${url}: No space left on device`,
    });
    expect(readdirSync(directory).sort()).toEqual([nameOf(0x10), '.twowarm'].sort());
    disk.remount('ro');
    const readOnly = await faultOf(() => put(url, node, segment, patterned(1000, 1)));
    expect(readOnly).toMatchObject({
      kind: 'read-only',
      message: `could not store ${segment} at ${url}: Read-only file system`,
    });
  });

  it('a directory that is closed, missing, or another cluster’s is refused in words that name the URL', async () => {
    const directory = freshDirectory();
    const [node, url] = [scene.node(), scene.urlOf(directory)];
    chmodSync(directory, 0o500);
    expect(await faultOf(() => put(url, node, segment, patterned(10, 1)))).toMatchObject({
      kind: 'permission-denied',
      message: `could not create the directory ${url}/.twowarm: Permission denied`,
    });
    chmodSync(directory, 0o700);
    const missing = scene.urlOf(`${directory}/none`);
    expect(await faultOf(() => put(missing, node, segment, patterned(10, 1)))).toMatchObject({
      kind: 'directory-missing',
      message: `the archive directory ${missing} does not exist`,
    });
    expect(existsSync(`${directory}/none`)).toBe(false);
    expect(await put(url, node, segment, patterned(10, 1))).toBe('stored');
    const other = { ...scene.node(), systemIdentifier: '7300000000000000009' };
    expect(await faultOf(() => put(url, other, segment, patterned(10, 1)))).toMatchObject({
      kind: 'wrong-cluster',
      message: `the archive ${url} belongs to another cluster`,
    });
    for (const name of ['PG_VERSION', 'global/pg_control']) sandbox.file(`data/${name}`, '');
    const inside = scene.urlOf(sandbox.directory('data/archive'));
    expect(await faultOf(() => put(inside, node, segment, patterned(10, 1)))).toMatchObject({
      kind: 'settings',
    });
  });

  it('an emptied archive is not believed, and one that is exchanged during a call neither', async () => {
    const directory = freshDirectory();
    const [node, url] = [scene.node(), scene.urlOf(directory)];
    expect(await put(url, node, segment, patterned(10, 1))).toBe('stored');
    await run('rm', ['-rf', join(directory, '.twowarm')]);
    expect(await faultOf(() => put(url, node, segment, patterned(10, 1)))).toMatchObject({
      kind: 'directory-missing',
      message: `the archive ${url} has lost its .twowarm`,
    });
    const other = freshDirectory();
    const [again, place] = [scene.node(), scene.urlOf(other)];
    const road = await opened(place, again);
    const exchange = (): void =>
      writeFileSync(
        join(other, '.twowarm/owner'),
        readFileSync(join(other, '.twowarm/owner'), 'utf8').replace(/"archive":"./, '"archive":"z'),
      );
    const source = sandbox.file('source', patterned(10, 1));
    const inspectOf = () => ({ add: () => undefined, end: exchange });
    expect(await faultOf(() => road.put(segment, source, inspectOf, neverStopped))).toMatchObject({
      kind: 'directory-missing',
      message: `the archive ${place} is another one than this node has used there`,
    });
    await road.close();
  });

  it('a FIFO under a name stops nobody', async () => {
    const directory = freshDirectory();
    const [node, url] = [scene.node(), scene.urlOf(directory)];
    expect(await put(url, node, segment, patterned(10, 1))).toBe('stored');
    const other = nameOf(0x20);
    expect((await run('mkfifo', ['-m', '666', join(directory, other)])).code).toBe(0);
    const road = await opened(url, node);
    const target = join(sandbox.path, 'fetched-fifo');
    expect((await faultOf(() => road.get(other, target, acceptAll, neverStopped))).kind).toBe('input-output');
    expect(await road.list(neverStopped)).toEqual([segment]);
    await road.close();
  });

  it('what a call that was killed has left there goes with the next one; another node’s stays, and that of one at work', async () => {
    const directory = freshDirectory();
    const [node, url] = [scene.node(), scene.urlOf(directory)];
    expect(await put(url, node, segment, patterned(10, 1))).toBe('stored');
    // As a process of this node that is no more.
    const dead = temporaryPath(join(directory, segment), node.nodeId).replace(
      /\.\d+\.(\d+)\.([0-9a-f]+)$/,
      '.4194304.1.$2',
    );
    const foreign = join(directory, `.tmp.${segment}.00000000000000ff.1.2.abcdef`);
    const living = temporaryPath(join(directory, segment), node.nodeId);
    for (const path of [dead, foreign, living]) writeFileSync(path, 'half');
    const noteOf = (path: string): string => {
      const name = path.slice(directory.length + 1);
      const note = join(node.stateDirectory, 'unfinished', name);
      writeFileSync(note, `${url}/${name}`);
      utimesSync(note, 0, 0);
      return note;
    };
    const [note, ofLiving] = [noteOf(dead), noteOf(living)];
    expect(await put(url, node, segment, patterned(10, 1))).toBe('already-stored');
    expect([dead, note].filter(existsSync)).toEqual([]);
    expect([foreign, living, ofLiving].filter(existsSync)).toEqual([foreign, living, ofLiving]);
  });

  it('segments may be kept compressed there, and are read in either form', async () => {
    const directory = freshDirectory();
    const [node, url] = [scene.node(), scene.urlOf(directory)];
    const bytes = patterned(1_000_000, 3);
    expect(await put(url, node, segment, bytes, { compression: 'zstd' })).toBe('stored');
    expect(await put(url, node, segment, bytes)).toBe('already-stored');
    expect(zstdDecompressSync(readFileSync(join(directory, `${segment}.zst`))).equals(bytes)).toBe(true);
    expect(JSON.parse(readFileSync(join(directory, '.twowarm/contents', segment), 'utf8'))).toMatchObject({
      name: segment,
      sizeBytes: bytes.length,
    });
    const road = await opened(url, node, { compression: 'zstd' });
    const target = join(sandbox.path, 'fetched-zst');
    expect(await road.stat(segment, neverStopped)).toEqual({ sizeBytes: bytes.length });
    expect(await road.get(segment, target, acceptAll, neverStopped)).toBe('fetched');
    expect(readFileSync(target).equals(bytes)).toBe(true);
    await road.close();
    expect((await faultOf(() => put(url, node, segment, patterned(1_000_000, 4)))).kind).toBe(
      'archive-duplicate',
    );
  });

  it('what lies past the fork of a claimed line goes into quarantine, and what is on it comes back', async () => {
    const directory = freshDirectory();
    const [old, promoted, url] = [scene.node(), scene.node(), scene.urlOf(directory)];
    const { segmentBytes, segmentNamed } = await import('../../harness/wal-files.ts');
    const names = [1, 2, 3].map((number) => segmentNamed(number));
    const cluster = (node: Identity): Identity => ({ ...node, systemIdentifier: '7300000000000000001' });
    for (const name of names) expect(await put(url, cluster(old), name, segmentBytes(name))).toBe('stored');
    const road = await opened(url, cluster(promoted));
    const history = [{ timeline: 1, switchLsn: 2n * 1024n * 1024n, reason: '' }] as never;
    const request = { timeline: 2, nodeName: 'db2', takeOver: true, history };
    const claimed = await road.claim(request, neverStopped);
    await road.close();
    expect(claimed.outcome).toBe('claimed');
    const kept = readdirSync(join(directory, '.twowarm/quarantine/00000002-1')).filter(
      (each) => each !== 'why.json',
    );
    expect({ quarantined: claimed.quarantined, kept }).toEqual({ quarantined: kept, kept: names.slice(1) });
    expect(readdirSync(directory).filter((each) => /^0/.test(each))).toEqual(names.slice(0, 1));
    expect((await faultOf(() => put(url, cluster(old), names[1]!, segmentBytes(names[1]!)))).kind).toBe(
      'fenced',
    );
  });
});
