// A disk that does not confirm: what cannot be made durable is not called stored and is not tried again; what has its name
// already keeps it, for another put of the same bytes may have confirmed it. strace makes the calls fail, by their number: one thread of libuv's makes them in order.
import { existsSync, linkSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isRetryable, ProgramError } from '../../src/program/program-error.ts';
import { openDestination } from '../../src/transport/open.ts';
import type { Identity } from '../../src/transport/transport.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import type { RunningProgram } from '../harness/run.ts';
import { startScript } from '../harness/source-script.ts';
import { waitFor } from '../harness/wait-for.ts';
import { faultOf } from '../program/fault.ts';
import { acceptAll, makeNode, neverStopped, patterned, photograph, treeOf } from './archives.ts';
import type { PutFacts } from './children/put.ts';

const segment = '000000010000000000000005';
const bytes = patterned(100_000, 1);
const hint = 'Look for errors of this disk in the kernel log before you trust it again.';

interface Prepared {
  directory: string;
  node: Identity;
  /** Puts the segment from another process in which the n-th fsync fails; what it prints, archive and node apart. */
  putFailing: (nth: number, error?: string) => Promise<string>;
  /** The same, and it stops there until it is sent SIGCONT, as a group. */
  startStopping: (nth: number) => { running: RunningProgram; hasStopped: () => boolean };
}

/** An archive that the node knows, so that a put makes no fsync but its own. */
async function prepare(sandbox: Sandbox, storedAlready = false): Promise<Prepared> {
  const directory = sandbox.directory('archive');
  const node = makeNode(sandbox);
  const source = sandbox.file('source', bytes);
  const road = await openDestination(`file:${directory}`, node);
  if (storedAlready) await road.put(segment, source, acceptAll, neverStopped);
  const facts: PutFacts = { url: road.url, node, name: segment, source };
  const start = (inject: string, trace = '/dev/null'): RunningProgram => {
    const strace = `exec /usr/bin/strace -f -qqq -o ${trace} -e trace=fsync -e inject=fsync:${inject}`;
    const prefix = `UV_THREADPOOL_SIZE=1; export UV_THREADPOOL_SIZE; ${strace}`;
    return startScript('test/transport/children/put.ts', facts, prefix);
  };
  const putFailing = async (nth: number, error = 'EIO'): Promise<string> => {
    const { code, stdout, stderr } = await start(`error=${error}:when=${nth}`).result;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout.replaceAll(directory, 'DIRECTORY').replace(/\.tmp\.\S+(?=:)/, '.tmp');
  };
  const startStopping: Prepared['startStopping'] = (nth) => {
    const trace = join(sandbox.path, 'trace');
    const running = start(`error=EIO:signal=SIGSTOP:when=${nth}`, trace);
    return {
      running,
      hasStopped: () => existsSync(trace) && /stopped by SIGSTOP/.test(readFileSync(trace, 'utf8')),
    };
  };
  return { directory, node, putFailing, startStopping };
}

describe('a put whose fsync fails', () => {
  const failed = (path: string): string =>
    `not-durable: could not fsync ${path}: Input/output error HINT: ${hint}`;

  it('stores nothing under the name: the one of the file', async () => {
    await using sandbox = makeSandbox('fsync');
    const { directory, node, putFailing } = await prepare(sandbox);
    const before = treeOf(directory);
    expect(await putFailing(1)).toBe(failed('DIRECTORY/.tmp'));
    expect(treeOf(directory)).toEqual(before);
    expect(treeOf(join(node.stateDirectory, 'unfinished'))).toEqual([]);
    expect(await putFailing(99)).toBe('stored');
    expect(readFileSync(join(directory, segment)).equals(bytes)).toBe(true);
  });

  it('does not call it stored before the next put has made the name durable: the one of the directory', async () => {
    await using sandbox = makeSandbox('fsync');
    const { directory, node, putFailing } = await prepare(sandbox);
    expect(await putFailing(2)).toBe(failed('DIRECTORY'));
    expect(treeOf(join(node.stateDirectory, 'unfinished'))).toEqual([]);
    expect(await putFailing(2)).toBe(failed('DIRECTORY'));
    expect(await putFailing(99)).toBe('already-stored');
    expect(readFileSync(join(directory, segment)).equals(bytes)).toBe(true);
  });

  it('does not take from another put what that one has confirmed meanwhile', async () => {
    await using sandbox = makeSandbox('fsync');
    const { directory, putFailing, startStopping } = await prepare(sandbox);
    // It stops where the fsync of the directory has failed, before it can do anything about that.
    const { running, hasStopped } = startStopping(2);
    await waitFor('the first put to stop', hasStopped);
    const said = await putFailing(99).finally(() => process.kill(-running.pid, 'SIGCONT'));
    expect(said).toBe('already-stored');
    expect((await running.result).stdout.replace(directory, 'DIRECTORY')).toBe(failed('DIRECTORY'));
    expect(readFileSync(join(directory, segment)).equals(bytes)).toBe(true);
  });

  it.each([
    ['of the file', 1, `DIRECTORY/${segment}`],
    ['of the directory', 2, 'DIRECTORY'],
  ])(
    'does not call a file stored that is there already, nor removes it: the one %s',
    async (_, nth, path) => {
      await using sandbox = makeSandbox('fsync');
      const { directory, putFailing } = await prepare(sandbox, true);
      const before = photograph(directory);
      expect(await putFailing(nth)).toBe(
        `not-durable: could not fsync ${path}: Input/output error HINT: ${hint}`,
      );
      expect(photograph(directory)).toEqual(before);
      expect(await putFailing(99)).toBe('already-stored');
    },
  );

  it('says so also where the disk is full: what the kernel reports once is final', async () => {
    await using sandbox = makeSandbox('fsync');
    const { putFailing } = await prepare(sandbox);
    expect(await putFailing(1, 'ENOSPC')).toBe(
      `not-durable: could not fsync DIRECTORY/.tmp: No space left on device HINT: ${hint}`,
    );
    expect(isRetryable(new ProgramError('not-durable', 'could not fsync'))).toBe(false);
  });
});

describe('a put of the very file that has the name', () => {
  it.each([segment, `${segment}.partial`])('is refused, for a link is no copy: %s', async (name) => {
    await using sandbox = makeSandbox('publish');
    const directory = sandbox.directory('archive');
    const road = await openDestination(`file:${directory}`, makeNode(sandbox));
    const source = sandbox.file('source', bytes);
    linkSync(source, join(directory, name));
    const before = photograph(directory);
    expect(await faultOf(() => road.put(name, source, acceptAll, neverStopped))).toEqual({
      kind: 'settings',
      message: `${directory}/${name} is the very file to archive, not a copy of it`,
      hint: 'The destination is pg_wal, or holds hard links to it. Choose another directory.',
    });
    expect(photograph(directory)).toEqual(before);
  });
});
