// What src/program does to its own process: rights, threads, full pipes, a machine without /proc.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reserveThreads } from '../../src/program/threads.ts';
import { run } from '../harness/run.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { runsAsRoot, serverUser } from '../harness/server-user.ts';
import { carriedNode, startScript } from '../harness/source-script.ts';
import { configuredNode } from './configured-node.ts';

const script = 'test/program/children/program.ts';
const checkout = join(import.meta.dirname, '..', '..');
const groupsOf = (uid: number): number[] =>
  execFileSync('id', ['-G', String(uid)], { encoding: 'utf8' })
    .trim()
    .split(' ')
    .map(Number);
const isEqualSet = (left: number[], right: number[]): boolean =>
  left.length === right.length && left.every((each) => right.includes(each));

// Only root can become somebody else, and mount.
const itAsRoot = it.runIf(runsAsRoot());

/** The script run by us rather than by the server user; `shell` stands before it. */
async function asRoot(facts: object, shell = 'exec'): Promise<unknown> {
  const words = [carriedNode(), join(checkout, script), JSON.stringify(facts)];
  const result = await run('/bin/sh', ['-c', `${shell} "$0" "$@"`, ...words], { user: 'self' });
  expect(result).toMatchObject({ code: 0, stderr: '' });
  return JSON.parse(result.stdout);
}

describe('root', () => {
  itAsRoot(
    'becomes the owner of the data directory for good, with the groups of that user and none of its own',
    async () => {
      await using sandbox = makeSandbox('owner');
      const dataDirectory = sandbox.directory('data');
      const { uid, gid } = serverUser();
      expect(await asRoot({ verb: 'owner', dataDirectory })).toEqual({
        uids: [uid, uid],
        gids: [gid, gid],
        groups: expect.toSatisfy((groups: number[]) => isEqualSet(groups, groupsOf(uid))) as unknown,
        regains: false,
      });
    },
  );

  itAsRoot('stays root where the data directory is its own', async () => {
    await using sandbox = makeSandbox('owner');
    const dataDirectory = sandbox.directory('data');
    chownSync(dataDirectory, 0, 0);
    expect(await asRoot({ verb: 'owner', dataDirectory })).toMatchObject({ uids: [0, 0], gids: [0, 0] });
  });

  it('is the only one who changes: the server user stays, whosever the data directory is', async () => {
    const facts = { verb: 'owner', dataDirectory: '/' };
    const { code, stdout, stderr } = await startScript(script, facts).result;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { uid, gid } = serverUser();
    expect(JSON.parse(stdout)).toMatchObject({
      uids: [uid, uid],
      gids: [gid, gid],
      regains: runsAsRoot() ? false : uid === 0,
    });
  });
});

describe('the threads for system calls', () => {
  it.each([
    ['one road has what libuv gives', 1, 3, 'answered'],
    ['one road that hangs has used that up', 1, 4, 'starved'],
    ['of two roads one may hang', 2, 4, 'answered'],
    ['of three roads two may hang', 3, 8, 'answered'],
    ['of three roads all may hang and something is left', 3, 12, 'answered'],
  ])('%s', async (_, roads, hanging, answer) => {
    await using sandbox = makeSandbox('threads');
    const fifo = join(sandbox.path, 'fifo');
    expect(spawnSync('mkfifo', ['-m', '666', fifo]).status).toBe(0);
    const facts = { verb: 'threads', roads, hanging, fifo };
    const { code, stdout, stderr } = await startScript(script, facts).result;
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `"${answer}"`, stderr: '' });
  });

  it.each([
    [0, undefined],
    [1, undefined],
    [2, '12'],
    [5, '24'],
  ])('are asked of libuv for %i roads: %s', (roads, size) => {
    const own = process.env['UV_THREADPOOL_SIZE'];
    delete process.env['UV_THREADPOOL_SIZE'];
    try {
      reserveThreads(roads);
      expect(process.env['UV_THREADPOOL_SIZE']).toBe(size);
    } finally {
      if (own === undefined) delete process.env['UV_THREADPOOL_SIZE'];
      else process.env['UV_THREADPOOL_SIZE'] = own;
    }
  });
});

describe('the last words', () => {
  const length = 1_000_000;
  // Whoever has one byte knows that the writing has begun.
  const oneByte = 'dd bs=1 count=1 status=none >/dev/null';

  /** Writes to a pipe with this reader: what the reader says, and how long the writing took, in ms. */
  async function written(reader: string, nonBlocking: boolean): Promise<{ read: string; ms: number }> {
    const facts = { verb: 'write', length, nonBlocking };
    const line = `exec 3>&2; pipe() { "$@" 2>&3 | { ${reader}; }; }; pipe`;
    const { code, stdout, stderr } = await startScript(script, facts, line).result;
    expect(code).toBe(0);
    expect(stderr).toMatch(/^[0-9.]+$/);
    return { read: stdout.trim(), ms: Number(stderr) };
  }

  it.each([
    ['blocks', false],
    ['does not', true],
  ])('come out whole over a full pipe that %s, when its reader is slow', async (_, nonBlocking) => {
    const { read, ms } = await written(`${oneByte}; sleep 0.3; wc -c`, nonBlocking);
    expect(read).toBe(String(length - 1));
    expect(ms).toBeGreaterThan(100);
  });

  it('are given up after a second of a reader that is stuck', async () => {
    const { ms } = await written(`${oneByte}; sleep 4`, true);
    expect(ms).toBeGreaterThan(900);
    expect(ms).toBeLessThan(3500);
  });

  it.each([
    ['blocks', false],
    ['does not', true],
  ])(
    'are nothing to wait for where nobody reads them any more, over a pipe that %s',
    async (_, nonBlocking) => {
      const { ms } = await written('exec <&-; sleep 2', nonBlocking);
      expect(ms).toBeLessThan(1500);
    },
  );
});

describe('a home or a configuration that is not to be seen', () => {
  const hint = 'Run this as the owner of the data directory.';

  it('is not taken for one that is not there', async () => {
    await using node = configuredNode();
    const closed = node.sandbox.directory('closed');
    const home = node.sandbox.directory('closed/twowarm');
    chmodSync(closed, 0);
    if (!runsAsRoot()) expect(readdirSync(node.sandbox.path)).toContain('closed');
    const ask = async (facts: object): Promise<unknown> => {
      const { code, stdout, stderr } = await startScript(script, { verb: 'place', ...facts }).result;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return JSON.parse(stdout);
    };
    const fault = (path: string) => ({
      kind: 'permission-denied',
      message: `could not look for ${path}: Permission denied`,
      hint,
    });
    expect(await ask({ home })).toEqual(fault(home));
    const call = { ...node.call, environment: { TWOWARM_HOME: home } };
    expect(await ask({ call })).toEqual(fault(`${home}/twowarm.toml`));
    const data = { ...node.call, dataDirectoryOption: `${closed}/data` };
    expect(await ask({ call: data })).toEqual(fault(`${closed}/data/PG_VERSION`));
    chmodSync(closed, 0o700);
  });
});

describe('a machine without /proc', () => {
  itAsRoot('judges nobody by it: no temporary file of a process is taken for abandoned', async () => {
    await using sandbox = makeSandbox('no-proc');
    const names = ['.tmp.x.n1.1.1.ab', `.tmp.x.n1.${2 ** 22 + 1}.1.ab`, `.tmp.x.n1.${process.pid}.0.ab`];
    for (const name of names) sandbox.file(name, '');
    const facts = { verb: 'temporary', directory: sandbox.path, names };
    const hidden = `exec unshare -m sh -c 'mount -t tmpfs none /proc && exec "$0" "$@"'`;
    expect(await asRoot(facts, hidden)).toEqual({ own: '0', abandoned: [false, false, false] });
    expect(readdirSync(sandbox.path).sort()).toEqual([...names].sort());
  });
});
