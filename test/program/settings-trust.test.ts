// What a configuration may not ask for although each key is right by itself, and who may write what it rests on.
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configuredNode, type ConfiguredNode } from './configured-node.ts';
import { faultOf, type Fault } from './fault.ts';

const smallest = "[node]\ndata_directory = 'DATA'\n";
const destination = (name: string, url: string): string => `[destination.${name}]\nurl = '${url}'\n`;
const wrong = ({ file }: ConfiguredNode, words: string): Fault => ({
  kind: 'settings',
  message: `cannot use the configuration ${file}: ${words}`,
});

describe('a destination within the data directory', () => {
  const refusal = (node: ConfiguredNode, holder: string): Fault => ({
    ...wrong(node, `line 4: "destination.db2.url" lies within ${holder}`),
    detail: 'WAL that is archived within the data directory is lost with it.',
    hint: 'Choose a directory outside of it, best on another machine.',
  });

  it.each([
    ['itself', ''],
    ['in it', '/archive'],
    ['pg_wal', '/pg_wal'],
    ['below pg_wal', '/pg_wal/archive'],
    ['by a way around', '/../data/archive'],
    ['not there yet', '/missing/archive'],
  ])('is refused: %s', async (_, below) => {
    await using node = configuredNode(`${smallest}${destination('db2', `file:DATA${below}`)}`);
    for (const name of ['archive', 'pg_wal/archive']) node.sandbox.directory(`data/${name}`);
    expect(await faultOf(node.read)).toEqual(refusal(node, node.dataDirectory));
  });

  it('is refused also by a link to it, or when the data directory is one', async () => {
    await using node = configuredNode();
    const links = ['to-archive', 'to-data'].map((name) => join(node.sandbox.path, name));
    node.sandbox.directory('data/archive');
    symlinkSync(join(node.dataDirectory, 'archive'), links[0]!);
    symlinkSync(node.dataDirectory, links[1]!);
    node.configure(`${smallest}${destination('db2', `file:${links[0]!}`)}`);
    expect(await faultOf(node.read)).toEqual(refusal(node, node.dataDirectory));
    // The directory may be made after the settings have been read and kept.
    node.configure(`${smallest}${destination('db2', `file:${links[1]!}/not/there`)}`);
    expect(await faultOf(node.read)).toEqual(refusal(node, node.dataDirectory));
    node.configure(`[node]\ndata_directory = '${links[1]!}'\n${destination('db2', 'file:DATA/archive')}`);
    expect(await faultOf(node.read)).toEqual(refusal(node, node.dataDirectory));
  });

  it.each(['', '/archive'])('is refused also in a pg_wal that is elsewhere (%j)', async (below) => {
    await using node = configuredNode();
    const wal = node.sandbox.directory('wal disk');
    symlinkSync(wal, join(node.dataDirectory, 'pg_wal'));
    node.configure(`${smallest}${destination('db2', `file:${wal}${below}`)}`);
    expect(await faultOf(node.read)).toEqual(refusal(node, wal));
  });

  it.each(['-archive', '/../archive', '/../twowarm/archive'])('is not one beside it: %s', async (beside) => {
    await using node = configuredNode(`${smallest}${destination('db2', `file:DATA${beside}`)}`);
    mkdirSync(join(node.dataDirectory, 'pg_wal'));
    expect(node.read().settings.destinations).toHaveLength(1);
  });
});

describe('two destinations', () => {
  it.each([
    ['file:/mnt/a', 'file:/mnt/a'],
    ['file:/mnt/a', 'file:///mnt/a/'],
    ['ssh://db2/a', 'ssh://db2/a'],
  ])('cannot be one place: %s and %s', async (first, second) => {
    await using node = configuredNode(`${smallest}${destination('db2', first)}${destination('db3', second)}`);
    expect(await faultOf(node.read)).toEqual(
      wrong(node, 'line 6: "destination.db3.url" is the same place as "destination.db2.url"'),
    );
  });

  it('may be beside each other', async () => {
    await using node = configuredNode(
      `${smallest}${destination('db2', 'file:/mnt/a')}${destination('db3', 'file:/mnt/A')}${destination('db4', 'file:/mnt/a/b')}`,
    );
    expect(node.read().settings.destinations.map(({ name }) => name)).toEqual(['db2', 'db3', 'db4']);
  });
});

describe('a value that cannot be meant', () => {
  const cure =
    'write file: and an absolute directory, such as file:/mnt/db2/archive, or ssh://user@host:port and one there';

  it.each([
    ["[restore]\ntime_limit = '0s'", 'line 4: "restore.time_limit" must be longer than nothing'],
    ["[restore]\nretry_limit = '0ms'", 'line 4: "restore.retry_limit" must be longer than nothing'],
    [
      `${destination('db2', 'file:/a')}time_limit = '0d'`,
      'line 5: "destination.db2.time_limit" must be longer than nothing',
    ],
    [destination('db2', 'file:archive'), `line 4: "destination.db2.url" cannot be "file:archive": ${cure}`],
    [destination('db2', '/mnt/a'), `line 4: "destination.db2.url" cannot be "/mnt/a": ${cure}`],
    [
      destination('db2', 'http://u:secret@db2/a'),
      `line 4: "destination.db2.url" cannot be "http://u:…@db2/a": ${cure}`,
    ],
    ["[restore]\nsources = ['mnt']", `line 4: "restore.sources.0" cannot be "mnt": ${cure}`],
    ["[restore]\nsources = 'file:/a'", `line 4: "restore.sources" must be a list, such as ['file:/a']`],
    ['[restore]\nsources = true', `line 4: "restore.sources" must be a list, such as ['text']`],
    [
      `${destination('dr', 'file:/a')}for = 'db2'`,
      `line 5: "destination.dr.for" must be a list, such as ['db2']`,
    ],
    ["[ssh]\nidentity_files = '/a'", `line 4: "ssh.identity_files" must be a list, such as ['/a']`],
    [
      "[destination]\nurl = 'file:/a'",
      'line 4: "destination.url" must be a table: write [destination.<name>], not [destination]',
    ],
    ['[archive_async]\nenabled = 1', 'line 4: "archive_async.enabled" must be true or false, without quotes'],
  ])('is refused with what to write instead: %j', async (toml, words) => {
    await using node = configuredNode(`${smallest}${toml}\n`);
    expect(await faultOf(node.read)).toEqual(wrong(node, words));
  });
});

describe('a home', () => {
  it.each([0o720, 0o702, 0o777, 0o1777])('that others may write to (%o) is refused', async (mode) => {
    await using node = configuredNode();
    chmodSync(node.home, mode);
    expect(await faultOf(node.read)).toEqual({
      kind: 'settings',
      message: `will not use the home ${node.home}: others may write to it`,
      detail: `Its mode is 0${(mode & 0o777).toString(8)}.`,
      hint: `chmod 700 ${node.home}`,
    });
  });

  it.each([0o700, 0o750, 0o755, 0o500])('that only its owner may write to (%o) is used', async (mode) => {
    await using node = configuredNode();
    chmodSync(node.home, mode);
    expect(node.read().settings.home).toBe(node.home);
    chmodSync(node.home, 0o700);
  });
});

describe('the settings in force', () => {
  it('are all there, in the order of the declaration, each with where it comes from', async () => {
    await using node = configuredNode(
      `${smallest}name = 'db1'\n${destination('db2', 'file:/mnt/db2')}[restore]\nsources = ['file:/a']\n[log]\nfile = '/l'\n`,
    );
    const line = (n: number): string => `${node.file}:${n}`;
    expect(node.read().inForce.map(({ key, value, origin }) => [key, value, origin])).toEqual([
      ['home', node.home, 'default'],
      ['node.name', 'db1', line(3)],
      ['node.data_directory', node.dataDirectory, line(2)],
      ['archive.directory', `${node.home}/archive`, 'default'],
      ['archive.consumer_warn_after', '1d', 'default'],
      ['archive.space_warn_below', '10%', 'default'],
      ['archive_async.enabled', false, 'default'],
      ['destination.db2.url', 'file:/mnt/db2', line(5)],
      ['destination.db2.policy', 'required', 'default'],
      ['destination.db2.compression', 'none', 'default'],
      ['destination.db2.time_limit', '2min', 'default'],
      ['restore.sources', ['file:/a'], line(7)],
      ['restore.time_limit', '2min', 'default'],
      ['restore.retry_limit', '10s', 'default'],
      ['restore.trigger_file', `${node.home}/trigger`, 'default'],
      ['restore.wait', 'auto', 'default'],
      ['restore.prune', false, 'default'],
      ['ssh.receiver', 'twowarm', 'default'],
      ['ssh.connect_limit', '10s', 'default'],
      ['ssh.idle_limit', '30s', 'default'],
      ['distribution.directory', '.local/lib/twowarm', 'default'],
      ['log.file', '/l', line(9)],
    ]);
  });
});
