import { chownSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSmallFile, ensureDirectory, replaceSmallFile } from '../../src/program/small-file.ts';
import { runsAsRoot, serverUser } from '../harness/server-user.ts';
import type { RunningProgram } from '../harness/run.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { startScript } from '../harness/source-script.ts';
import { treeOf } from '../transport/archives.ts';
import type { SmallFilesFacts } from './children/small-files.ts';
import { faultOf } from './fault.ts';

const node = '0123456789abcdef';
const rights = (path: string): string => {
  const { mode, uid, gid } = statSync(path);
  return `${(mode & 0o7777).toString(8)} ${uid}:${gid}`;
};
const { uid, gid } = serverUser();

describe('a small file', () => {
  it("is created whole, private, and for its directory's owner", async () => {
    await using sandbox = makeSandbox('small');
    const path = join(sandbox.path, 'owner');
    expect(createSmallFile(path, 'größer\n', node)).toBe(true);
    expect(readFileSync(path, 'utf8')).toBe('größer\n');
    expect(rights(path)).toBe(`600 ${uid}:${gid}`);
    expect(treeOf(sandbox.path)).toEqual(['owner']);
  });

  it('is created only where the name is free', async () => {
    await using sandbox = makeSandbox('small');
    const path = sandbox.file('owner', 'first', 0o640);
    expect(createSmallFile(path, 'second', node)).toBe(false);
    expect(readFileSync(path, 'utf8')).toBe('first');
    expect(rights(path)).toBe(`640 ${uid}:${gid}`);
    symlinkSync('nowhere', join(sandbox.path, 'link'));
    expect(createSmallFile(join(sandbox.path, 'link'), 'x', node)).toBe(false);
    expect(treeOf(sandbox.path)).toEqual(['link', 'owner']);
  });

  it('takes the place of another one whole, as a new file', async () => {
    await using sandbox = makeSandbox('small');
    const path = sandbox.file('state', 'a long text that was there before', 0o644);
    const { ino } = statSync(path);
    replaceSmallFile(path, 'on\n', node);
    expect(readFileSync(path, 'utf8')).toBe('on\n');
    expect(statSync(path).ino).not.toBe(ino);
    expect(rights(path)).toBe(`600 ${uid}:${gid}`);
    replaceSmallFile(join(sandbox.path, 'new'), '', node);
    expect(treeOf(sandbox.path)).toEqual(['new', 'state']);
  });

  it('that cannot be written leaves what was there, and nothing else', async () => {
    await using sandbox = makeSandbox('small');
    const taken = join(sandbox.path, 'taken');
    mkdirSync(join(taken, 'x'), { recursive: true });
    expect((await faultOf(() => replaceSmallFile(taken, 'x', node))).message).toContain(
      `could not write ${taken}: `,
    );
    const missing = join(sandbox.path, 'missing', 'file');
    for (const write of [replaceSmallFile, createSmallFile]) {
      expect(await faultOf(() => write(missing, 'x', node))).toEqual({
        kind: 'directory-missing',
        message: `could not write ${missing}: No such file or directory`,
      });
    }
    expect(treeOf(sandbox.path)).toEqual(['taken/', 'taken/x/']);
  });

  it('is not there at all when only a part of it fits, created or replaced', async () => {
    await using sandbox = makeSandbox('small');
    const room = sandbox.directory('room');
    // Two blocks of 512 bytes; the write that crosses the limit is cut short there.
    const { result } = start({ room, length: 5000 }, 'ulimit -f 2; exec');
    const faults = ['created', 'replaced'].map(
      (name) => `could not write ${room}/made/${name}: File too large\n`,
    );
    expect(await result).toMatchObject({ code: 0, stdout: faults.join(''), stderr: '' });
    expect(treeOf(room)).toEqual(['made/']);
  });

  it('is durable with its name and its directory, also where somebody else made one and may not have lived to make it so', async () => {
    await using sandbox = makeSandbox('small');
    const room = sandbox.directory('room');
    const trace = join(sandbox.path, 'trace');
    const strace = `exec /usr/bin/strace -f -qq -y -s 4096 -e trace=fsync -o ${trace}`;
    const synced = async (): Promise<string[]> => {
      const { code, stdout, stderr } = await start({ room, length: 1 }, strace).result;
      expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' });
      const paths = [...readFileSync(trace, 'utf8').matchAll(/fsync\(\d+<([^>]*)>\) += 0/g)];
      return paths.map(([, path]) => path!.slice(room.length + 1).replace(/\.tmp\..*/, '.tmp'));
    };
    const all = ['', '', 'made/.tmp', 'made', 'made/.tmp', 'made'];
    expect(await synced()).toEqual(all);
    expect(await synced()).toEqual(all);
  });

  it.each(['0', '0777'])('and its directory have their modes under a umask of %s', async (umask) => {
    await using sandbox = makeSandbox('small');
    const room = sandbox.directory('room');
    const { result } = start({ room, length: 1 }, `umask ${umask}; exec`);
    expect(await result).toMatchObject({ code: 0, stdout: '', stderr: '' });
    const made = ['made', 'made/created', 'made/replaced'].map((name) => rights(join(room, name)));
    expect(made).toEqual([700, 600, 600].map((mode) => `${mode} ${uid}:${gid}`));
  });
});

function start(facts: SmallFilesFacts, prefix: string): RunningProgram {
  return startScript('test/program/children/small-files.ts', facts, prefix);
}

describe('a directory of ours', () => {
  it("is made for its parent's owner, and one that is there stays as it is", async () => {
    await using sandbox = makeSandbox('small');
    const path = join(sandbox.path, 'made');
    ensureDirectory(path);
    expect(rights(path)).toBe(`700 ${uid}:${gid}`);
    const there = sandbox.directory('there');
    if (runsAsRoot()) chownSync(there, 0, 0);
    const before = rights(there);
    ensureDirectory(there);
    expect(rights(there)).toBe(before);
  });

  it('never gets its parents made', async () => {
    await using sandbox = makeSandbox('small');
    const path = join(sandbox.path, 'a', 'b');
    expect(await faultOf(() => ensureDirectory(path))).toEqual({
      kind: 'directory-missing',
      message: `could not create the directory ${path}: No such file or directory`,
    });
    expect(existsSync(join(sandbox.path, 'a'))).toBe(false);
  });
});
