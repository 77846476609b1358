import { chmodSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../src/program/settings/load.ts';
import type { Settings } from '../../src/program/settings/settings.ts';
import { configuredNode, type ConfiguredNode } from './configured-node.ts';
import { faultOf } from './fault.ts';

const named = (name: string): string => `[node]\ndata_directory = 'DATA'\nname = '${name}'\n`;
const cacheOf = (node: ConfiguredNode): string => join(node.home, 'state', 'settings.json');
const load = async (node: ConfiguredNode): Promise<string> => (await loadSettings(node.call)).nodeName;

interface Cache {
  key: string;
  settings: Settings;
}

/** Changes what the cache says, so that settings from the cache can be told from settings from the file. */
function changeCache(node: ConfiguredNode, change: (cache: Cache) => void): void {
  const cache = JSON.parse(readFileSync(cacheOf(node), 'utf8')) as Cache;
  change(cache);
  writeFileSync(cacheOf(node), JSON.stringify(cache));
}

/** A node whose cache answers 'cached' where its file says 'db1'. */
async function cachedNode(): Promise<ConfiguredNode> {
  const node = configuredNode(named('db1'));
  expect(await load(node)).toBe('db1');
  changeCache(node, ({ settings }) => (settings.nodeName = 'cached'));
  return node;
}

describe('the settings of a second call', () => {
  it('are those of the first, from the cache', async () => {
    await using node = await cachedNode();
    expect(await load(node)).toBe('cached');
  });

  it('are equal to the first ones', async () => {
    await using node = configuredNode(
      `${named('db1')}[destination.db2]\nurl = 'file:/mnt/a'\n[log]\nfile = '/x'\n`,
    );
    const first = await loadSettings(node.call);
    expect((statSync(cacheOf(node)).mode & 0o777).toString(8)).toBe('600');
    expect(await loadSettings(node.call)).toEqual(first);
  });

  it('are new when the file has changed, also with the same size and its old time', async () => {
    await using node = configuredNode(named('db1'));
    const facts = () => {
      const { ino, size, mtimeNs } = statSync(node.file, { bigint: true });
      return { ino, size, mtimeNs };
    };
    // A whole second, which utimes can restore to the nanosecond.
    utimesSync(node.file, 1_700_000_000, 1_700_000_000);
    const before = facts();
    expect(await load(node)).toBe('db1');
    writeFileSync(node.file, named('db7').replaceAll('DATA', node.dataDirectory));
    utimesSync(node.file, 1_700_000_000, 1_700_000_000);
    expect(facts()).toEqual(before);
    expect(await load(node)).toBe('db7');
  });

  it('are new when another file has taken its place', async () => {
    await using node = await cachedNode();
    const { atime, mtime } = statSync(node.file);
    const other = node.sandbox.file('other.toml', named('db8').replaceAll('DATA', node.dataDirectory));
    utimesSync(other, atime, mtime);
    renameSync(other, node.file);
    expect(await load(node)).toBe('db8');
  });

  it('are refused when others may write the file by now', async () => {
    await using node = await cachedNode();
    chmodSync(node.file, 0o666);
    expect((await faultOf(() => load(node))).message).toContain('others may write it');
  });

  it('are refused when the file is gone', async () => {
    await using node = await cachedNode();
    rmSync(node.file);
    expect((await faultOf(() => load(node))).message).toContain('could not find the configuration');
  });

  it('are not those of another file, another data directory or another home', async () => {
    await using node = await cachedNode();
    const text = named('other').replaceAll('DATA', node.dataDirectory);
    const other = node.sandbox.file('other.toml', text);
    expect((await loadSettings({ ...node.call, configOption: other })).nodeName).toBe('other');
    node.sandbox.file('second/PG_VERSION', '15\n');
    const call = { environment: {}, workingDirectory: `${node.sandbox.path}/second` };
    expect((await faultOf(() => loadSettings(call))).kind).toBe('data-directory');
    const home = node.sandbox.directory('home');
    const environment = { TWOWARM_HOME: home, TWOWARM_CONFIG: node.file };
    expect((await loadSettings({ ...node.call, environment })).home).toBe(home);
  });

  it.each([
    ['another version', 0],
    ['another build', 1],
  ])('are not those of %s', async (_, line) => {
    await using node = await cachedNode();
    expect(await load(node)).toBe('cached');
    changeCache(node, (cache) => {
      const facts = cache.key.split('\n');
      expect(facts[line]).toBe('unbuilt');
      facts[line] = '0.0.1';
      cache.key = facts.join('\n');
    });
    expect(await load(node)).toBe('db1');
  });

  it.each([
    ['empty', ''],
    ['cut short', '{"key":"x","settings":{"home":"/'],
    ['no JSON', 'settings'],
    ['null', 'null'],
    ['a list', '[]'],
    ['without settings', '{}'],
  ])('are read from the file when the cache is %s, which is then made anew', async (_, text) => {
    await using node = await cachedNode();
    writeFileSync(cacheOf(node), text);
    expect(await load(node)).toBe('db1');
    changeCache(node, ({ settings }) => (settings.nodeName = 'made anew'));
    expect(await load(node)).toBe('made anew');
  });

  it('need no cache: a home without state/ works too', async () => {
    await using node = configuredNode(named('db1'));
    rmSync(join(node.home, 'state'), { recursive: true });
    expect(await load(node)).toBe('db1');
    expect(await load(node)).toBe('db1');
  });

  it('are not remembered when they were refused', async () => {
    await using node = configuredNode('[node]\n');
    await faultOf(() => load(node));
    node.configure(named('db1'));
    expect(await load(node)).toBe('db1');
  });
});
