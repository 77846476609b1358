// A file that is on its way while the archive changes hands: nothing of the old owner lands after the claim, or what lands at
// the very moment goes into quarantine. strace holds the put up at one system call, and the claim comes meanwhile.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDestination, openSource } from '../../src/transport/open.ts';
import type { Identity } from '../../src/transport/transport.ts';
import { atExit } from '../harness/cleanup.ts';
import { program } from '../harness/installation.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { startScript } from '../harness/source-script.ts';
import { waitFor } from '../harness/wait-for.ts';
import { historyText, megabyte, ourCluster, segmentBytes, segmentNamed } from '../harness/wal-files.ts';
import { acceptAll, makeNode, neverStopped } from './archives.ts';
import type { PutFacts } from './children/put.ts';
import { roadOver, roadTo, type Receiver } from './receiver/spawned.ts';

/** Past the fork of timeline 2, which is at the beginning of segment 5. */
const name = segmentNamed(6);
const history = [{ timeline: 1, switchLsn: 0x50_0000n, reason: '' }];

/** So long each of the calls is held up, in seconds: longer than everything that happens meanwhile. */
const delayS = 5;

/** link(2) and linkat(2) on the machines that Node runs on. */
const linkNumbers: Record<string, readonly number[]> = { x64: [86, 265], arm64: [37] };

const slowly = (call: 'fsync' | 'link'): string[] => {
  const traced = call === 'link' ? '?link,?linkat' : call;
  const inject = `inject=${traced}:delay_enter=${delayS * 1_000_000}`;
  return ['strace', '-D', '-f', '-qqq', '-o', '/dev/null', '-e', `trace=${traced}`, '-e', inject];
};

interface Scene {
  directory: string;
  url: string;
  old: Identity;
  source: string;
  /** The new owner claims; with `told` also of the fork. */
  claim: (told: boolean) => Promise<void>;
}

async function makeScene(sandbox: Sandbox): Promise<Scene> {
  const [old, next] = [makeNode(sandbox, ourCluster.toString()), makeNode(sandbox, ourCluster.toString())];
  const directory = sandbox.directory('archive');
  const url = `file:${directory}`;
  const first = await openDestination(url, old);
  await first.claim({ timeline: 1, nodeName: 'db1', takeOver: false }, neverStopped);
  const claim = async (told: boolean): Promise<void> => {
    const road = await openDestination(url, next);
    const request = { timeline: 2, nodeName: 'db2', takeOver: true, ...(told && { history }) };
    await road.claim(request, neverStopped);
    const text = sandbox.file('history', historyText());
    if (told) await road.put('00000002.history', text, acceptAll, neverStopped);
  };
  return { directory, url, old, source: sandbox.file('source', segmentBytes(name)), claim };
}

const temporary = (directory: string): string | undefined =>
  readdirSync(directory).find((entry) => entry.startsWith('.tmp.'));

/** Until all bytes of a plain file are there, without a name. */
const untilWritten = ({ directory }: Scene): Promise<unknown> =>
  waitFor('the bytes to be there', () => {
    const found = temporary(directory);
    return found !== undefined && readFileSync(join(directory, found)).length === megabyte;
  });

/** Until a thread of the process, or of one of its children, is in link(2). */
const untilLinking = (pids: () => number[]): Promise<unknown> =>
  waitFor('link(2) to be entered', () =>
    pids().some((pid) => {
      const threads = existsSync(`/proc/${pid}/task`) ? readdirSync(`/proc/${pid}/task`) : [];
      return threads.some((thread) => {
        try {
          const [number] = readFileSync(`/proc/${pid}/task/${thread}/syscall`, 'latin1').split(' ');
          return linkNumbers[process.arch]!.includes(Number(number));
        } catch {
          return false; // Threads end while /proc is read.
        }
      });
    }),
  );

/** A put in another process, in which a call is held up. */
const put = ({ url, old, source }: Scene, call: 'fsync' | 'link', compression?: 'zstd') => {
  const facts: PutFacts = { url, node: old, name, source, ...(compression && { compression }) };
  return startScript('test/transport/children/put.ts', facts, `exec ${slowly(call).join(' ')}`);
};

/** A receiver in which a call is held up. */
function slowReceiver(directory: string, call: 'fsync' | 'link'): Receiver {
  const [command, ...words] = [...slowly(call), program('twowarm'), 'receive', '--directory', directory];
  const child = spawn(command, words, { stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: '/usr/bin:/bin' } });
  const forget = atExit(() => child.kill('SIGKILL'));
  child.on('exit', () => forget());
  return child;
}

const refusal = ({ url }: Scene): string =>
  `fenced: cannot store ${name} at ${url}: the archive belongs to another node HINT: ` +
  `If db2 is the primary now, stop this server: it is a second one. If this one is a restored copy, set archive_mode = off in it. If this one is the primary: twowarm claim --take-over ${url}`;

const walIn = (directory: string): string[] => readdirSync(directory).filter((entry) => entry !== '.twowarm');

describe.concurrent('a file on its way while the archive is claimed', { timeout: 60_000 }, () => {
  it.each([undefined, 'zstd'] as const)(
    'gets no name when the claim comes before it is durable (%s)',
    async (compression) => {
      await using sandbox = makeSandbox('claimed-before');
      const scene = await makeScene(sandbox);
      const putting = put(scene, 'fsync', compression);
      if (compression === undefined) await untilWritten(scene);
      else await waitFor('the file to be begun', () => temporary(scene.directory) !== undefined);
      await scene.claim(false);
      expect(await putting.result).toMatchObject({ code: 0, stdout: refusal(scene), stderr: '' });
      expect(walIn(scene.directory)).toEqual([]);
    },
  );

  it('gets no name through a receiver, either', async () => {
    await using sandbox = makeSandbox('claimed-receiver');
    const scene = await makeScene(sandbox);
    // So that it has its own directories, which it would make durable first, and the node its epoch by that URL.
    const before = await roadTo(scene.directory, scene.old);
    await before.claim({ timeline: 1, nodeName: 'db1', takeOver: false }, neverStopped);
    await before.close();
    const receiver = slowReceiver(scene.directory, 'fsync');
    const road = await roadOver(receiver, scene.directory, scene.old, 30_000);
    const putting = road.put(name, scene.source, acceptAll, neverStopped).catch((error: unknown) => error);
    await untilWritten(scene);
    await scene.claim(false);
    expect(await putting).toMatchObject({
      kind: 'fenced',
      message: `cannot store ${name} at ${road.url}: the archive belongs to another node`,
    });
    expect(walIn(scene.directory)).toEqual([]);
    await road.close();
  });

  it('goes into quarantine when it gets its name after a claim that is told of the fork', async () => {
    await using sandbox = makeSandbox('claimed-at-once');
    const scene = await makeScene(sandbox);
    const putting = put(scene, 'link');
    await untilLinking(() => [putting.pid, ...childrenOf(putting.pid)]);
    await scene.claim(true);
    expect(walIn(scene.directory).filter((entry) => !entry.startsWith('.tmp.'))).toEqual([
      '00000002.history',
    ]);
    expect(await putting.result).toMatchObject({ code: 0, stdout: refusal(scene), stderr: '' });
    expect(walIn(scene.directory)).toEqual(['00000002.history']);
    const room = join(scene.directory, '.twowarm/quarantine/00000002-2');
    expect(readdirSync(room).sort()).toEqual([name, 'why.json']);
    expect(readFileSync(join(room, name)).equals(segmentBytes(name))).toBe(true);
  });

  it('goes into quarantine with the fork when it got its name before that was known', async () => {
    await using sandbox = makeSandbox('claimed-early');
    const scene = await makeScene(sandbox);
    const putting = put(scene, 'link');
    await untilLinking(() => [putting.pid, ...childrenOf(putting.pid)]);
    await scene.claim(false);
    expect(await putting.result).toMatchObject({ code: 0, stdout: refusal(scene), stderr: '' });
    // It is the claim's own second step that finds it.
    expect(walIn(scene.directory)).toEqual([name]);
    await scene.claim(true);
    expect(walIn(scene.directory)).toEqual(['00000002.history']);
    const reader = await openSource(scene.url, scene.old);
    expect(await reader.stat(name, neverStopped)).toBe('missing');
  });
});

/** The processes that have it for their parent. */
function childrenOf(pid: number): number[] {
  const path = `/proc/${pid}/task/${pid}/children`;
  return existsSync(path) ? readFileSync(path, 'latin1').trim().split(' ').map(Number) : [];
}
