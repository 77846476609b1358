// Runs a file of the tests against src/ in a process of its own, as the server user, from a copy that this user can
// enter: for what a test's own process cannot have happen to it (a kill, a umask, a file size limit).
import { copyFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { copyTree } from './copy-tree.ts';
import { installation } from './installation.ts';
import { startProgram, type RunningProgram } from './run.ts';
import type { Sandbox } from './sandbox.ts';

const CHECKOUT = join(import.meta.dirname, '..', '..');

/** The Node that twowarm carries, where the server user can run it. */
export function carriedNode(): string {
  return join(installation(), 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
}

/**
 * Starts `script`, a path in the checkout, with `facts` as JSON for its only argument; it may import src/ and nothing
 * else. `prefix` stands before the command line: 'umask 0777; exec', 'strace -f'.
 */
export function startScript(
  sandbox: Sandbox,
  script: string,
  facts: object,
  prefix = 'exec',
): RunningProgram {
  const words = [carriedNode(), copyScript(sandbox, script), JSON.stringify(facts)];
  return startProgram('/bin/sh', ['-c', `${prefix} "$0" "$@"`, ...words]);
}

/** Copies the script, and src/, to where the server user can run it: its path there. */
export function copyScript(sandbox: Sandbox, script: string): string {
  const copy = sandbox.directory('checkout');
  copyTree(join(CHECKOUT, 'src'), join(copy, 'src'), 'copy');
  sandbox.file('checkout/package.json', '{"type":"module"}');
  sandbox.directory(join('checkout', dirname(script)));
  copyFileSync(join(CHECKOUT, script), join(copy, script));
  return join(copy, script);
}
