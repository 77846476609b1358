// What publishing does to the disk, seen from outside: the order of system calls, and a disk that takes no more.
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDestination } from '../../src/transport/open.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { startScript } from '../harness/source-script.ts';
import { faultOf } from '../program/fault.ts';
import { acceptAll, makeNode, neverStopped, patterned, treeOf } from './archives.ts';
import type { PutFacts } from './children/put.ts';

const segment = '000000010000000000000005';
const megabyte = 1024 * 1024;

const put = 'test/transport/children/put.ts';

/** A traced call on the archive's directory or a file in it: 'fsync .tmp', 'link .tmp -> name', 'fsync directory'. */
function callsIn(trace: string, directory: string): string[] {
  const called = (path: string): string => {
    if (path === directory) return 'directory';
    const name = path.slice(directory.length + 1);
    return name.startsWith('.tmp.') ? '.tmp' : name;
  };
  return trace.split('\n').flatMap((line) => {
    const [, call = '', rest = ''] = /(\w+)\((.*)\) += 0$/.exec(line) ?? [];
    const paths = [...rest.matchAll(/[<"]([^">]+)[>"]/g)].map(([, path]) => path!);
    const ours = paths.filter((path) => path === directory || path.startsWith(`${directory}/`));
    if (ours.length === 0 || ours.some((path) => path.includes('/.twowarm'))) return [];
    return [`${call} ${ours.map(called).join(' -> ')}`];
  });
}

describe('publishing', () => {
  it('makes a file durable before it has its name, and the name before it answers', async () => {
    await using sandbox = makeSandbox('publish');
    const directory = sandbox.directory('archive');
    const source = sandbox.file('source', patterned(2 * megabyte, 1));
    const { url } = await openDestination(`file:${directory}`, makeNode(sandbox));
    const facts: PutFacts = { url, node: makeNode(sandbox), name: segment, source };
    const trace = join(sandbox.path, 'trace');
    const strace = `/usr/bin/strace -f -qq -y -s 4096 -e trace=fsync,fdatasync,link,linkat,rename,renameat2,unlink -o ${trace} `;
    const traced = async (): Promise<[string, string[]]> => {
      const { stdout, stderr } = await startScript(put, facts, strace).result;
      expect(stderr).toBe('');
      return [stdout, callsIn(readFileSync(trace, 'utf8'), directory)];
    };
    expect(await traced()).toEqual([
      'stored',
      ['fsync .tmp', `link .tmp -> ${segment}`, 'unlink .tmp', 'fsync directory'],
    ]);
    expect(await traced()).toEqual(['already-stored', [`fsync ${segment}`, 'fsync directory']]);
  });

  it('stores nothing and leaves nothing on a disk that takes no more', async () => {
    await using sandbox = makeSandbox('publish');
    const directory = sandbox.directory('archive');
    const node = makeNode(sandbox);
    const road = await openDestination(`file:${directory}`, node);
    const before = treeOf(directory);
    const source = sandbox.file('source', patterned(4 * megabyte, 1));
    const facts: PutFacts = { url: road.url, node, name: segment, source };
    // 2 MB and a part of a chunk, in blocks of 512 bytes.
    const { result } = startScript(put, facts, 'ulimit -f 4999; exec');
    const stdout = `input-output: could not store ${segment} at ${road.url}: File too large`;
    expect(await result).toMatchObject({ code: 0, stdout, stderr: '' });
    expect(treeOf(directory)).toEqual(before);
    expect(treeOf(join(node.stateDirectory, 'unfinished'))).toEqual([]);
    expect(await road.put(segment, source, acceptAll, neverStopped)).toBe('stored');
  });

  it.each([
    ['a directory', (path: string) => mkdirSync(path)],
    ['a link that leads nowhere', (path: string) => symlinkSync('nowhere', path)],
    ['a link to another file', (path: string) => symlinkSync('/etc/passwd', path)],
  ])('does not replace or follow %s under the name', async (_, make) => {
    await using sandbox = makeSandbox('publish');
    const directory = sandbox.directory('archive');
    const road = await openDestination(`file:${directory}`, makeNode(sandbox));
    const path = join(directory, segment);
    make(path);
    const source = sandbox.file('source', readFileSync('/etc/passwd'));
    expect(await faultOf(() => road.put(segment, source, acceptAll, neverStopped))).toEqual({
      kind: 'archive-duplicate',
      message: `${path} exists but is not a regular file`,
    });
    expect(readdirSync(directory).sort()).toEqual(['.twowarm', segment].sort());
  });
});
