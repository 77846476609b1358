// What the documents say exists: paths, commands, options, exit codes. Generated parts equal the code.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { renderAll } from '../../scripts/documents.ts';
import { errorKinds } from '../../src/program/error-kinds.ts';
import { files, read, root } from './sources.ts';

const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...files('docs/*.md')];
const ours =
  /(?:^|[\s`("[])((?:src|test|bin|scripts|docs|bench|conf-templates|\.ci)\/[A-Za-z0-9_./-]*[A-Za-z0-9_-])/gm;
const linked = /\]\((?!https?:|#)([^)#]+)/g;

describe('the documents', () => {
  it('name only paths that exist', () => {
    const missing = documents.flatMap((document) => {
      const text = read(document);
      const paths = [...text.matchAll(ours), ...text.matchAll(linked)].map((match) => match[1]!);
      return paths
        .filter((path) => !existsSync(join(root, path)) && !existsSync(join(root, 'docs', path)))
        .map((path) => `${document}: ${path}`);
    });
    expect(missing).toEqual([]);
  });

  it('name only npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = documents.flatMap((document) =>
      [...read(document).matchAll(/npm run (?:-s )?([a-z:]+)/g)].map((m) => m[1]!),
    );
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });

  it('that are generated equal what the code renders now', async () => {
    for (const [path, text] of Object.entries(await renderAll())) {
      expect(read(path), `${path}: run npm run docs`).toBe(text);
    }
  });

  it('give every library its door and its reason', () => {
    const { devDependencies, optionalDependencies } = JSON.parse(read('package.json')) as Record<
      string,
      Record<string, string>
    >;
    const page = read('docs/dependencies.md');
    const listed = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1]!);
    expect(listed.sort()).toEqual(
      [...Object.keys(devDependencies!), ...Object.keys(optionalDependencies!)].sort(),
    );
  });
});

describe('the table of errors', () => {
  const sources = [
    ...files('src/**/*.ts').filter((file) => !file.endsWith('error-kinds.ts')),
    ...files('bin/*'),
  ]
    .map(read)
    .join('\n');

  it('has no kind that nothing can end with', () => {
    const unused = Object.keys(errorKinds).filter(
      (kind) => !sources.includes(`'${kind}'`) && !sources.includes(`.${kind}`),
    );
    // The launcher ends with this one; it is a shell script and has only the code.
    expect(unused).toEqual(['no-runtime']);
    expect(read('bin/archiveWALFile')).toContain(`unknown=${errorKinds['no-runtime'].exitCode}`);
  });

  it('gives every kind a code of its own between 2 and 125', () => {
    const codes = Object.values(errorKinds).map(({ exitCode }) => exitCode);
    expect(new Set(codes).size).toBe(codes.length);
    expect(codes.filter((code) => code < 2 || code > 125)).toEqual([]);
  });
});
