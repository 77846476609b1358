// The licences of what is bundled into dist/, as they want to be passed on: collected from node_modules by what esbuild says
// that it has taken. A library without the text of its licence ends the build.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Bundled {
  name: string;
  version: string;
  text: string;
}

/** The directories of the packages that a build has taken something from, relative to the checkout. */
export function bundledPackages(inputs: readonly string[]): string[] {
  const found = inputs.flatMap(
    (input) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? [],
  );
  return [...new Set(found)].sort();
}

/** The text of a package's licence: a file of its own, or the end of its README. */
export function licenceOf(directory: string): string {
  const names = readdirSync(directory).sort();
  const file = names.find((name) => /^(licen[cs]e|copying)/i.test(name));
  const ownText = file === undefined ? '' : readFileSync(join(directory, file), 'utf8').trim();
  if (ownText !== '') return ownText;
  const readme = names.find((name) => /^readme/i.test(name));
  const whole = readme === undefined ? '' : readFileSync(join(directory, readme), 'utf8');
  const [, ownSection] = /^#+ *licen[cs]e\s*$([^]*)/im.exec(whole) ?? [];
  if (ownSection?.includes('Permission is hereby granted')) return ownSection.trim();
  throw new Error(`${directory} has no text of its licence, which we have to pass on`);
}

function read(directory: string): Bundled {
  const { name, version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Bundled;
  return { name, version, text: licenceOf(directory) };
}

const ruler = '-'.repeat(80);

/** One text for all of them: `inputs` are the keys of esbuild's metafile, relative to `root`. */
export function renderLicences(root: string, inputs: readonly string[]): string {
  const bundled = bundledPackages(inputs).map((directory) => read(join(root, directory)));
  const parts = bundled.map(({ name, version, text }) => `${ruler}\n${name} ${version}\n\n${text}\n`);
  return `The programs in this directory contain these libraries.\n\n${parts.join('\n')}`;
}
