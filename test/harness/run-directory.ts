// The one directory that everything of a test run lives under: sandboxes, the staged installation, servers that had
// to be copied. A run is one vitest run with all its workers (global-setup.ts makes it), or one plain `node` process.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { atExit } from './cleanup.ts';
import { endProcessesIn } from './processes.ts';
import { serverUserCanEnter } from './server-user.ts';

/** Hands the directory of a run from the process that made it to its workers. */
const VARIABLE = 'TWOWARM_TEST_RUN';

/**
 * The directory of this run, made at the first call: outside the checkout, which the server user may be unable to
 * enter, and enterable but not writable by the server user. Removed when the process that made it ends.
 */
export function runDirectory(): string {
  const known = process.env[VARIABLE];
  if (known !== undefined && existsSync(known)) return known;
  const path = makeEnterable();
  process.env[VARIABLE] = path;
  atExit(() => removeRunDirectory(path));
  return path;
}

/** Ends what runs inside the directory of this run and removes it; does nothing if there is none. */
export function removeRunDirectory(path = process.env[VARIABLE]): void {
  if (path === undefined) return;
  removeTree(path);
  if (process.env[VARIABLE] === path) delete process.env[VARIABLE];
}

/** Ends every process that was started inside the directory and removes it with all it holds. */
export function removeTree(directory: string): void {
  endProcessesIn(directory);
  try {
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  } catch {
    // A test may have taken its own permissions away.
    spawnSync('chmod', ['-R', 'u+rwX', '--', directory]);
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

function makeEnterable(): string {
  const candidates = [...new Set([tmpdir(), '/tmp', '/var/tmp'])];
  for (const parent of candidates) {
    const path = tryToMake(parent);
    if (path === undefined) continue;
    chmodSync(path, 0o755);
    if (serverUserCanEnter(path)) return path;
    rmSync(path, { recursive: true });
  }
  throw new Error(`no temporary directory that the server user can enter: tried ${candidates.join(', ')}`);
}

function tryToMake(parent: string): string | undefined {
  try {
    return mkdtempSync(join(parent, 'twowarm-test-'));
  } catch {
    return undefined;
  }
}
