// What the programs load that PostgreSQL calls for every segment, from esbuild's own account of the build.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { read, root } from './sources.ts';

interface Output {
  inputs: Record<string, unknown>;
  imports: { path: string; kind: string; external?: boolean }[];
}

const { outputs } = JSON.parse(read('dist/metafile.json')) as { outputs: Record<string, Output> };
const hot = ['archiveWALFile', 'restoreWALFile', 'pg_standby'];
/** Modules of Node that a program loads only when it has to. */
const rare: Record<string, string> = { pg_standby: 'node:inspector' };

describe.each(hot)('dist/hot/%s.cjs', (program) => {
  const entry = `dist/hot/${program}.cjs`;
  const output = outputs[entry]!;
  const source = read(entry);

  it('is one file that loads only modules of Node at once', () => {
    const required = output.imports.map(({ path }) => path).filter((path) => !path.startsWith('./cold/'));
    const later = rare[program] ?? 'node:crypto';
    expect(new Set(required)).toEqual(new Set(['node:fs', 'node:path', 'node:util', later]));
  });

  it('holds no library', () => {
    expect(Object.keys(output.inputs).filter((input) => input.includes('node_modules'))).toEqual([]);
  });

  it('loads the rest by name and only when it is needed, and what it names was built', () => {
    const later = [...new Set(output.imports.map(({ path }) => path))].filter(
      (path) => path.startsWith('./cold/') || path === (rare[program] ?? 'node:crypto'),
    );
    expect(later.length).toBeGreaterThan(2);
    for (const path of later) {
      const all = source.split(`require("${path}")`).length - 1;
      const lazy = [
        ...source.matchAll(/Promise\.resolve\(\)\.then\(\(\)=>(?:__toESM\()?require\("([^"]+)"\)/g),
      ];
      expect(lazy.filter((match) => match[1] === path).length, path).toBe(all);
      if (path.startsWith('.')) expect(statSync(join(root, 'dist', path)).size).toBeGreaterThan(0);
    }
  });

  it('stays small: V8 checks its source at every call', () => {
    expect(statSync(join(root, entry)).size).toBeLessThan(110_000);
  });

  it('is plain ASCII, as its loader reads it', () => {
    expect([...source].every((character) => character.charCodeAt(0) < 128)).toBe(true);
  });

  it('has a code cache that this Node accepts', () => {
    const cachedData = readFileSync(
      join(root, `dist/hot/${program}.${source.slice(-17).trim()}.${process.version}-${process.arch}.cache`),
    );
    expect(new Script(source, { filename: entry, cachedData }).cachedDataRejected).toBe(false);
  });
});
