// Runs a file of the tests against src/ in a process of its own, as the server user, from a copy that this user can
// enter: for what a test's own process cannot have happen to it (a kill, a umask, a file size limit).
import { chmodSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { copyTree } from './copy-tree.ts';
import { installation } from './installation.ts';
import { runDirectory } from './run-directory.ts';
import { startProgram, type RunningProgram } from './run.ts';

const CHECKOUT = join(import.meta.dirname, '..', '..');

/** The Node that twowarm carries, where the server user can run it. */
export function carriedNode(): string {
  return join(installation(), 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
}

/**
 * Starts `script`, a path in the checkout, with `facts` as JSON for its only argument; it may import src/ and nothing
 * else. `prefix` stands before the command line: 'umask 0777; exec', 'strace -f'.
 */
export function startScript(script: string, facts: object, prefix = 'exec'): RunningProgram {
  const words = [carriedNode(), copyScript(script), JSON.stringify(facts)];
  return startProgram('/bin/sh', ['-c', `${prefix} "$0" "$@"`, ...words]);
}

/**
 * Copies the script, and src/ once a run, to where the server user can run them: the script's path there. Readable by
 * everybody, written by nobody.
 */
export function copyScript(script: string): string {
  const root = join(runDirectory(), 'checkout');
  let directory = root;
  for (const step of ['', ...dirname(script).split('/')]) {
    directory = join(directory, step);
    mkdirSync(directory, { recursive: true });
    chmodSync(directory, 0o755); // Whatever the umask.
  }
  for (const name of ['package.json', 'src', script])
    copyTree(join(CHECKOUT, name), join(root, name), 'copy');
  return join(root, script);
}
