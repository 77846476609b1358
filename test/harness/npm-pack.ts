// The tarball of this checkout, as npm packs it.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

/** Packs the checkout without running its scripts: the build is there already. */
export function pack(directory: string): { path: string; files: string[] } {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', directory];
  // Its warnings about configuration it does not know go to stderr.
  const answer = execFileSync('npm', args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const parsed = JSON.parse(answer) as
    | { filename: string; files: { path: string }[] }[]
    | Record<string, { filename: string; files: { path: string }[] }>;
  const [packed] = Object.values(parsed);
  return { path: join(directory, packed!.filename), files: packed!.files.map(({ path }) => path) };
}
