// Whoever passes the programs on passes on the licences of what they contain: none may be missing.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bundledPackages, licenceOf } from '../../scripts/packaging/licences.ts';
import { installation } from '../harness/installation.ts';
import { makeSandbox } from '../harness/sandbox.ts';

const root = join(import.meta.dirname, '..', '..');
const dist = join(installation(), 'dist');

describe('dist/LICENSES', () => {
  it('has name, version and text for every package that is bundled', () => {
    const { outputs } = JSON.parse(readFileSync(join(dist, 'metafile.json'), 'utf8')) as {
      outputs: Record<string, { inputs: Record<string, unknown> }>;
    };
    const packages = bundledPackages(Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs)));
    const text = readFileSync(join(dist, 'LICENSES'), 'utf8');
    for (const directory of packages) {
      const { name, version } = JSON.parse(readFileSync(join(root, directory, 'package.json'), 'utf8')) as {
        name: string;
        version: string;
      };
      expect(text).toContain(`\n${name} ${version}\n\n${licenceOf(join(root, directory))}\n`);
    }
    const names = packages.map((directory) => directory.replace(/^.*node_modules\//, ''));
    expect(names).toEqual(
      expect.arrayContaining(['ssh2', 'yargs', 'pino', 'zod', 'pg', '@pinojs/redact', 'string-width']),
    );
  });
});

describe('the licence of a package', () => {
  const granted = 'Permission is hereby granted, free of charge';

  it.each([
    ['LICENSE', 'the text', 'the text'],
    ['license', 'the text\n', 'the text'],
    ['LICENCE.md', 'the text', 'the text'],
    ['COPYING', 'the text', 'the text'],
    ['README.md', `# x\n\n## License\n\n${granted}\n`, granted],
  ])('is read from %s', async (name, content, wanted) => {
    await using sandbox = makeSandbox('licence');
    sandbox.file(name, content);
    expect(licenceOf(sandbox.path)).toBe(wanted);
  });

  it.each([
    ['LICENSE', ''],
    ['README.md', '## License\n\nMIT\n'],
    ['index.js', ''],
  ])('that %s alone does not hold ends the build', async (name, content) => {
    await using sandbox = makeSandbox('licence');
    sandbox.file(name, content);
    expect(() => licenceOf(sandbox.path)).toThrow(
      `${sandbox.path} has no text of its licence, which we have to pass on`,
    );
  });
});
