// twowarm as a user has it installed: the packed files and the runtime, in a directory that the server user can
// enter. The checkout may be one it cannot (in somebody's home), and it may be rebuilt while the tests run.
import { chmodSync, existsSync } from 'node:fs';
import { arch } from 'node:process';
import { join } from 'node:path';

import { copyTree } from './copy-tree.ts';
import { runDirectory } from './run-directory.ts';

/** Names the installation to test. Set by whoever wants to test another one than this checkout's, say a package's. */
const VARIABLE = 'TWOWARM_TEST_INSTALLATION';

const CHECKOUT = join(import.meta.dirname, '..', '..');
const PACKED = ['bin', 'dist', 'conf-templates', 'package.json'];

/** The root of the installation under test; `<root>/bin/archiveWALFile` and so on. Staged at the first call of a run. */
export function installation(): string {
  process.env[VARIABLE] ??= stageInstallation();
  return process.env[VARIABLE];
}

/** The absolute path of one of twowarm's programs, as it stands in archive_command. */
export function program(name: string): string {
  return join(installation(), 'bin', name);
}

/**
 * Copies what a user installs into the run's directory: world-readable, written by nobody. What is not built yet is
 * left out. It is removed with the run's directory.
 */
export function stageInstallation(): string {
  const root = join(runDirectory(), 'installation');
  for (const name of PACKED) {
    const from = join(CHECKOUT, name);
    if (existsSync(from)) copyTree(from, join(root, name), 'copy');
  }
  const runtime = join('node_modules', `node-linux-${arch}`);
  for (const name of ['package.json', join('bin', 'node')]) {
    const from = join(CHECKOUT, runtime, name);
    // 120 MB that nobody writes to.
    if (existsSync(from)) copyTree(from, join(root, runtime, name), 'link');
  }
  openPath(root);
  return root;
}

/** Directories made on the way have the mode of our umask. */
function openPath(root: string): void {
  for (const name of ['.', 'node_modules', join('node_modules', `node-linux-${arch}`)]) {
    if (existsSync(join(root, name))) chmodSync(join(root, name), 0o755);
  }
  const bin = join(root, 'node_modules', `node-linux-${arch}`, 'bin');
  if (existsSync(bin)) chmodSync(bin, 0o755);
}
