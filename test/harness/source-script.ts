// Runs a few lines of TypeScript against src/ in a process of their own, as the server user, from a copy of the sources
// that this user can enter: for what a test's own process cannot have happen to it (a kill, a umask, a file size limit).
import { join } from 'node:path';

import { copyTree } from './copy-tree.ts';
import { installation } from './installation.ts';
import { startProgram, type RunningProgram } from './run.ts';
import type { Sandbox } from './sandbox.ts';

const SOURCES = join(import.meta.dirname, '..', '..', 'src');

/** The Node that twowarm carries, where the server user can run it. */
export function carriedNode(): string {
  return join(installation(), 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
}

/**
 * Starts `script`, which imports from './src/…' and finds `facts` as the constant of that name. `shell` stands
 * before the command line: 'umask 0777; exec', 'strace -f'.
 */
export function startScript(sandbox: Sandbox, facts: object, script: string, shell = 'exec'): RunningProgram {
  copyTree(SOURCES, join(sandbox.directory('checkout'), 'src'), 'copy');
  sandbox.file('checkout/package.json', '{"type":"module"}');
  const file = sandbox.file('checkout/script.ts', `const facts = ${JSON.stringify(facts)};\n${script}`);
  return startProgram('/bin/sh', ['-c', `${shell} "$0" "$1"`, carriedNode(), file]);
}
