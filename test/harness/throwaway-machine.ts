// This machine once more, to install and remove packages in: its file system under an overlay in a mount namespace of its
// own. What is changed is in memory, and gone with the process that holds the namespace, however the test ends.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { atExit } from './cleanup.ts';
import { run, type RunOptions, type RunResult } from './run.ts';
import type { Sandbox } from './sandbox.ts';
import { runsAsRoot, serverUser } from './server-user.ts';

export interface ThrowawayMachine extends AsyncDisposable {
  /** Runs a command line in it as root. */
  root(line: string, options?: RunOptions): Promise<RunResult>;
  /** The same as the server user under `env -i` with nothing but a PATH, in `cwd`. */
  server(line: string, cwd?: string): Promise<RunResult>;
  /** The files that are there and are not in the machine itself, or not the same. */
  changes(): Promise<string[]>;
}

const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

// Reads to the end of its input, which comes when we are gone.
const hold = `set -e
mount -t tmpfs -o mode=0755 twowarm-test "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" twowarm-test "$1/root"
for each in proc dev; do mount --rbind "/$each" "$1/root/$each"; done
mount -t tmpfs twowarm-test "$1/root/run"
echo ready
exec cat`;

/** What the sandbox has now is there, too, under the same path. */
export async function startThrowawayMachine(sandbox: Sandbox): Promise<ThrowawayMachine> {
  if (!runsAsRoot() || !existsSync('/var/lib/dpkg/status'))
    throw new Error(
      'this test installs a Debian package in a namespace: run it as root on Debian (sudo npm test)',
    );
  const place = sandbox.directory('machine');
  const holder = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', hold, 'sh', place], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const forget = atExit(() => holder.kill('SIGKILL'));
  const [first] = (await Promise.race([once(holder.stdout, 'data'), once(holder, 'close')])) as [unknown];
  if (String(first) !== 'ready\n')
    throw new Error('could not make a namespace with an overlay of this machine');
  const enter = (words: readonly string[], options: RunOptions = {}): Promise<RunResult> => {
    const target = ['--target', String(holder.pid), '--mount', '--', 'chroot', join(place, 'root')];
    return run('nsenter', [...target, ...words], { ...options, env: { PATH, ...options.env }, user: 'self' });
  };
  const { uid, gid } = serverUser();
  const become = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  return {
    root: (line, options = {}) => enter(['sh', '-c', line], options),
    server: (line, cwd = '/') =>
      enter([...become, 'env', '-i', 'PATH=/usr/bin:/bin', 'sh', '-c', `cd '${cwd}' && ${line}`]),
    changes: async () => {
      // Character devices are what the overlay has of removed files.
      const words = [join(place, 'upper'), '!', '-type', 'c', '!', '-type', 'd', '-printf', '/%P\\n'];
      const inNamespace = ['--target', String(holder.pid), '--mount', '--', 'find', ...words];
      const { stdout } = await run('nsenter', inNamespace, { user: 'self' });
      return stdout
        .split('\n')
        .filter((path) => path !== '')
        .sort();
    },
    [Symbol.asyncDispose]: async () => {
      const ended = holder.exitCode === null ? once(holder, 'close') : undefined;
      holder.stdin.end();
      await ended;
      forget();
    },
  };
}
