// twowarm as a user has it installed: the packed files and the runtime, in a directory that the server user can
// enter. The checkout may be one it cannot (in somebody's home), and it may be rebuilt while the tests run.
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { copyTree } from './copy-tree.ts';
import { runDirectory } from './run-directory.ts';

const CHECKOUT = join(import.meta.dirname, '..', '..');
const PACKED = ['bin', 'dist', 'conf-templates', 'package.json'];
const RUNTIME = `node_modules/node-linux-${process.arch}`;

/**
 * The root of the installation under test: $TWOWARM_TEST_INSTALLATION, for whoever wants to test another one, say an
 * unpacked package; else a copy of this checkout's, made once a run.
 */
export function installation(): string {
  return process.env['TWOWARM_TEST_INSTALLATION'] ?? stageInstallation();
}

/** The absolute path of one of twowarm's programs, as it stands in archive_command. */
export function program(name: string): string {
  return join(installation(), 'bin', name);
}

/**
 * Copies what a user installs into the run's directory, with which it is removed; does nothing if that was done.
 * World-readable, written by nobody. What is not built yet is left out.
 */
export function stageInstallation(): string {
  const root = join(runDirectory(), 'installation');
  if (existsSync(root)) return root;
  for (const directory of ['', 'node_modules', RUNTIME, `${RUNTIME}/bin`]) {
    mkdirSync(join(root, directory));
    chmodSync(join(root, directory), 0o755); // Whatever the umask.
  }
  for (const name of [...PACKED, `${RUNTIME}/package.json`]) copyIfThere(name, root, 'copy');
  // 120 MB that nobody writes to.
  copyIfThere(`${RUNTIME}/bin/node`, root, 'link');
  return root;
}

function copyIfThere(name: string, root: string, mode: 'copy' | 'link'): void {
  const from = join(CHECKOUT, name);
  if (existsSync(from)) copyTree(from, join(root, name), mode);
}
