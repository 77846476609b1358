// What the programs load that PostgreSQL calls for every segment, from esbuild's own account of the build.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { read, root } from './sources.ts';

interface Output {
  inputs: Record<string, unknown>;
  imports: { path: string; kind: string; external?: boolean }[];
}

const { outputs } = JSON.parse(read('dist/metafile.json')) as { outputs: Record<string, Output> };
const hot = ['dist/archiveWALFile.cjs', 'dist/restoreWALFile.cjs'];

describe.each(hot)('%s', (entry) => {
  const output = outputs[entry]!;

  it('is one file that loads only modules of Node at once', () => {
    const atOnce = output.imports.filter(({ kind }) => kind !== 'dynamic-import').map(({ path }) => path);
    expect(new Set(atOnce)).toEqual(new Set(['node:fs', 'node:path', 'node:util']));
  });

  it('holds no library', () => {
    expect(Object.keys(output.inputs).filter((input) => input.includes('node_modules'))).toEqual([]);
  });

  it('loads the rest by name, and what it names was built', () => {
    const later = output.imports.filter(
      ({ kind, path }) => kind === 'dynamic-import' && !path.startsWith('node:'),
    );
    expect(later.length).toBeGreaterThan(0);
    for (const { path } of later) expect(statSync(join(root, 'dist', path)).size).toBeGreaterThan(0);
  });

  it('stays small: its source is compiled at every call', () => {
    expect(statSync(join(root, entry)).size).toBeLessThan(80_000);
  });
});
