import { describe, expect, it } from 'vitest';
import { directoryOf, openDestination, openSource } from '../../src/transport/open.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { faultOf } from '../program/fault.ts';
import { makeNode, neverStopped, treeOf } from './archives.ts';

describe('a file: URL', () => {
  it.each([
    ['file:/mnt/db2/archive', '/mnt/db2/archive'],
    ['file:///mnt/db2/archive', '/mnt/db2/archive'],
    ['FILE:/mnt/a', '/mnt/a'],
    ['file:/mnt/a///', '/mnt/a'],
    ['file:/', '/'],
    ['file:///', '/'],
    ['file:/mnt/my archive', '/mnt/my archive'],
    ['file:/mnt/100%/50%20', '/mnt/100%/50%20'],
    ["file:/mnt/it's#here?x=1", "/mnt/it's#here?x=1"],
    ['file:/mnt/a:b@c', '/mnt/a:b@c'],
    ['file:/mnt/ärchiv', '/mnt/ärchiv'],
    ['file:/mnt//a', '/mnt//a'],
  ])('%s is the directory %s', (url, directory) => {
    expect(directoryOf(url)).toBe(directory);
  });

  it.each([
    'file:archive',
    'file:./archive',
    'file:~/archive',
    'file:',
    'file://db2/archive',
    'file:////db2/archive',
    '/mnt/db2/archive',
    'archive',
    '',
    'db2:/mnt/archive',
    'http://db2/archive',
    '//db2/archive',
  ])('must be absolute and of this machine: %j is refused', async (url) => {
    expect(await faultOf(() => directoryOf(url))).toEqual({
      kind: 'settings',
      message: `cannot use the URL "${url}"`,
      hint: 'Write file: and an absolute directory, such as file:/mnt/db2/archive, or ssh://user@host:port and one there.',
    });
  });
});

describe('a road that is not built', () => {
  it.each(['s3', 'gs', 'azblob', 'S3'])(
    '%s is refused by its name, for destinations and for sources',
    async (scheme) => {
      await using sandbox = makeSandbox('open');
      const url = `${scheme}://postgres@db2/archive`;
      const refusal = {
        kind: 'not-built',
        message: `${scheme.toLowerCase()} destinations and sources are not built yet: ${url}`,
        hint: 'This version knows file:, ssh:, sftp:, rsync: and rsync+ssh:.',
      };
      const node = makeNode(sandbox);
      expect(await faultOf(() => openDestination(url, node))).toEqual(refusal);
      expect(await faultOf(() => openSource(url, node))).toEqual(refusal);
      expect(treeOf(node.stateDirectory)).toEqual([]);
    },
  );

  it.each([
    ['azblob://:secret@db2/archive', 'azblob://:…@db2/archive'],
    ['azblob://u:secret@secret@db2/archive', 'azblob://u:…@db2/archive'],
    ['s3://key:sec/ret+secret@bucket/archive', 's3://key:…@bucket/archive'],
    ['azblob://u:sec:ret@db2:22/archive', 'azblob://u:…@db2:22/archive'],
    ['azblob://u@db2:22/archive', 'azblob://u@db2:22/archive'],
    ['azblob://db2:22/archive', 'azblob://db2:22/archive'],
  ])('is named without its password: %s', async (url, shown) => {
    const { message } = await faultOf(() => directoryOf(url));
    expect(message).toBe(
      `${url.slice(0, url.indexOf(':'))} destinations and sources are not built yet: ${shown}`,
    );
  });

  it('keeps a password to itself also where the scheme is unknown', async () => {
    const { message } = await faultOf(() => directoryOf('http://u:secret@db2/archive'));
    expect(message).toBe('cannot use the URL "http://u:…@db2/archive"');
  });

  it.each([
    'ssh://u:secret@db2/archive',
    'ssh://u:secret@secret@db2/archive',
    'ssh://u:sec/ret@db2/archive',
    'ssh://u:sec:ret?@db2/archive',
  ])('has no use for a password: %s', async (url) => {
    expect(await faultOf(() => directoryOf(url))).toEqual({
      kind: 'settings',
      message: 'cannot use the URL "ssh://u:…@db2/archive"',
      hint: 'A password has no place in a URL: log in with a key, such as ssh://postgres@db2/var/lib/postgresql/15/twowarm/archive.',
    });
  });
});

describe('an ssh: URL', () => {
  it('names no directory of this machine', async () => {
    expect(await faultOf(() => directoryOf('ssh://db2/archive'))).toEqual({
      kind: 'not-built',
      message: 'this is not done over ssh: ssh://db2/archive',
      hint: 'Do it on the machine of the archive.',
    });
  });
});

describe('opening', () => {
  it("makes a destination this cluster's, and reading needs no owner", async () => {
    await using sandbox = makeSandbox('open');
    const directory = sandbox.directory('an archive');
    const source = await openSource(`file:${directory}`, makeNode(sandbox));
    expect(await source.list(neverStopped)).toEqual([]);
    expect(treeOf(directory)).toEqual([]);
    const destination = await openDestination(`file://${directory}`, makeNode(sandbox));
    expect(treeOf(directory)).toEqual(['.twowarm/', '.twowarm/format', '.twowarm/owner']);
    expect(destination.url).toBe(`file://${directory}`);
  });

  it.each([
    ['a destination', openDestination],
    ['a source', openSource],
  ] as const)('refuses %s that is missing, and makes none', async (_, open) => {
    await using sandbox = makeSandbox('open');
    const directory = `${sandbox.path}/missing`;
    expect(await faultOf(() => open(`file:${directory}`, makeNode(sandbox)))).toEqual({
      kind: 'directory-missing',
      message: `the archive directory ${directory} does not exist`,
      hint: 'If it is a mount, mount it. No program creates it: make a new one with mode 0700 as the owner of the data directory.',
    });
    expect(treeOf(sandbox.path)).not.toContain('missing/');
    const file = sandbox.file('file', '');
    expect(await faultOf(() => open(`file:${file}`, makeNode(sandbox)))).toMatchObject({
      kind: 'directory-missing',
      message: `the archive directory ${file} is not a directory`,
    });
  });
});
