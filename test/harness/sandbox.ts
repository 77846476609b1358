// A directory of its own for one test, and the promise that nothing of it remains: no file, no process.
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { atExit } from './cleanup.ts';
import { memoryOf } from './memory.ts';
import { removeTree, runDirectory } from './run-directory.ts';
import { giveToServerUser } from './server-user.ts';

export interface Sandbox extends AsyncDisposable {
  /** Absolute, mode 0700, owned by the server user. */
  readonly path: string;
  /** Makes a directory inside (parents too), 0700 and the server user's, and returns its path; an existing one is fine. */
  directory(name: string): string;
  /** Writes a file inside, the server user's, mode 0600 unless told, and returns its path. */
  file(name: string, content: string | Uint8Array, mode?: number): string;
  /** Ends every process that works in the sandbox or names it in its command line, then removes it. Repeatable. */
  dispose(): Promise<void>;
}

let place: 'disk' | 'memory' = 'disk';

/** From now on this process makes its sandboxes in memory, if the run has room there. */
export function preferMemory(): void {
  place = 'memory';
}

function parentOfSandboxes(): string {
  const run = runDirectory();
  return (place === 'memory' ? memoryOf(run) : undefined) ?? run;
}

/** A new sandbox, removed by `dispose()`, at the end of an `await using` block, or when the process ends. */
export function makeSandbox(label: string): Sandbox {
  const path = mkdtempSync(join(parentOfSandboxes(), `${label.replaceAll(/[^\w-]+/g, '-')}-`));
  giveToServerUser(path);
  const forget = atExit(() => removeTree(path));

  function directory(name: string): string {
    let made = path;
    for (const step of name.split('/')) {
      made = join(made, step);
      if (mkdirSync(made, { recursive: true, mode: 0o700 }) !== undefined) giveToServerUser(made);
    }
    return made;
  }

  function file(name: string, content: string | Uint8Array, mode = 0o600): string {
    const wanted = join(path, name);
    directory(dirname(name));
    writeFileSync(wanted, content, { mode });
    chmodSync(wanted, mode);
    giveToServerUser(wanted);
    return wanted;
  }

  async function dispose(): Promise<void> {
    removeTree(path);
    forget();
  }

  return { path, directory, file, dispose, [Symbol.asyncDispose]: dispose };
}
