// What is built into dist/ besides the programs: man pages, the completion for bash, the licences of what is bundled.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderBashCompletion } from './bash-completion.ts';
import { renderLicences } from './licences.ts';
import { manifest, renderManPages } from './man-pages.ts';

/** `inputs`: what esbuild has read, relative to `root`. */
export async function writeExtras(root: string, outdir: string, inputs: readonly string[]): Promise<void> {
  // Where npm puts programs of a global installation; --help knows better.
  const places = { version: manifest.version, prefix: '/usr/local', documents: 'docs/ of the installation' };
  mkdirSync(join(outdir, 'man'));
  for (const [name, text] of await renderManPages(places)) writeFileSync(join(outdir, 'man', name), text);
  writeFileSync(join(outdir, 'twowarm.bash'), await renderBashCompletion());
  writeFileSync(join(outdir, 'LICENSES'), renderLicences(root, inputs));
}
