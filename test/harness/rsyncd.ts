// A real daemon of rsync of a test's own: on a free loopback port, unprivileged, with modules of the test's choice, reading
// nothing of /etc.
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

import { atExit } from './cleanup.ts';
import { freePort } from './free-port.ts';
import type { Sandbox } from './sandbox.ts';
import { runsAsRoot, serverUser } from './server-user.ts';
import { waitFor } from './wait-for.ts';

export interface RsyncdOptions {
  /** Its directory in the sandbox. Default 'rsyncd'. */
  name?: string;
  /** By name the lines of each module, 'path = …' among them (rsyncd.conf(5)). They are writable unless they say otherwise. */
  modules: Readonly<Record<string, readonly string[]>>;
}

export interface Rsyncd extends AsyncDisposable {
  readonly port: number;
  /** 'rsync://127.0.0.1:<port>' */
  readonly url: string;
  /** All that it has logged. */
  logText(): string;
  /** Stops it and its connections where they are (SIGSTOP): a far side that hangs. */
  pause(): void;
  resume(): void;
  /** Ends it with its connections. Repeatable. */
  stop(): Promise<void>;
}

/** Starts a daemon as the server user and returns once it listens. Dispose of it before its sandbox. */
export async function startRsyncd(sandbox: Sandbox, options: RsyncdOptions): Promise<Rsyncd> {
  const { name = 'rsyncd', modules } = options;
  const port = await freePort();
  const log = sandbox.file(`${name}/log`, '');
  const sections = Object.entries(modules).map(([module, lines]) => [`[${module}]`, ...lines].join('\n'));
  const configuration = sandbox.file(
    `${name}/rsyncd.conf`,
    ['address = 127.0.0.1', `log file = ${log}`, 'use chroot = no', 'read only = no', ...sections, ''].join(
      '\n',
    ),
  );
  const words = ['--daemon', '--no-detach', `--config=${configuration}`, `--port=${port}`];
  const { uid, gid } = serverUser();
  const who = runsAsRoot() ? { uid, gid } : {};
  const env = { PATH: '/usr/bin:/bin' };
  const daemon: ChildProcess = spawn('rsync', words, {
    ...who,
    env,
    cwd: '/',
    detached: true,
    stdio: 'ignore',
  });
  // Its connections stay in its process group.
  const toAll = (signal: NodeJS.Signals): void => {
    try {
      process.kill(-daemon.pid!, signal);
    } catch {
      // It is gone.
    }
  };
  const forget = atExit(() => toAll('SIGKILL'));
  const logText = (): string => readFileSync(log, 'utf8');
  await waitFor('the rsync daemon to listen', () => {
    if (daemon.exitCode !== null) throw new Error(`it ended: ${logText()}`);
    return logText().includes(`listening on port ${port}`);
  });
  const stop = async (): Promise<void> => {
    const gone = daemon.exitCode ?? daemon.signalCode;
    const ended = new Promise((resolve) => daemon.once('exit', resolve));
    toAll('SIGKILL');
    if (gone === null) await ended;
    forget();
  };
  return {
    port,
    url: `rsync://127.0.0.1:${port}`,
    logText,
    pause: () => toAll('SIGSTOP'),
    resume: () => toAll('SIGCONT'),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
