// A server as restore_command sees it from below: a postmaster, named in postmaster.pid, and its child, the startup
// process, which makes one call after the other. Shells in their places: what they are told apart by is real.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { renameSync } from 'node:fs';

import { atExit } from './cleanup.ts';
import { commandLine, type NodeFixture } from './node-fixture.ts';
import { runsAsRoot, serverUser } from './server-user.ts';
import { target } from './waiting.ts';

export interface StartedCall {
  readonly pid: number;
  hasEnded(): boolean;
  /** The exit code. */
  readonly code: Promise<number>;
}

export interface Startup extends AsyncDisposable {
  /** A call of restoreWALFile as its child. */
  start(name: string): Promise<StartedCall>;
  /** The same, at its end. */
  ask(name: string): Promise<number>;
  /** Asks for the histories from that one on, and keeps what there is, until one is missing: that timeline. */
  probe(from: number): Promise<number>;
}

/** Runs each line of its input as a command, and tells its process id and its exit code. */
const loop = 'while read -r line; do eval "exec $line" & echo "pid $!"; wait $!; echo "code $?"; done';

/** Starts both; `title` is the startup process's. */
export async function startStartup(node: NodeFixture, title = 'postgres: startup'): Promise<Startup> {
  const { uid, gid } = serverUser();
  const identity = runsAsRoot() ? { uid, gid } : {};
  const begin = `printf '%s\\n' $$ '${node.dataDirectory}' "$(date +%s)" > postmaster.pid; bash -c "exec -a '${title}' bash -c '${loop.replaceAll('$', '\\$').replaceAll('"', '\\"')}'"; :`;
  const child = spawn('/bin/bash', ['-c', begin], {
    cwd: node.dataDirectory,
    env: { PATH: '/usr/bin:/bin' },
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
    ...identity,
  });
  const kill = (): void => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      // Gone already.
    }
  };
  const forget = atExit(kill);
  const ended = new Promise((resolve) => child.once('close', resolve));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (word: string): Promise<number> => {
    const { value, done } = await lines.next();
    const [said, number] = String(value).split(' ');
    if (done === true || said !== word) throw new Error(`the startup process said ${String(value)}`);
    return Number(number);
  };
  const start = async (name: string): Promise<StartedCall> => {
    child.stdin.write(`${commandLine('restoreWALFile', name, target)}\n`);
    const pid = await next('pid');
    let over = false;
    const code = next('code').finally(() => (over = true));
    return { pid, code, hasEnded: () => over };
  };
  const ask = async (name: string): Promise<number> => (await start(name)).code;
  const probe = async (from: number): Promise<number> => {
    for (let timeline = from; ; timeline++) {
      const name = `${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`;
      if ((await ask(name)) !== 0) return timeline;
      renameSync(node.path(`data/${target}`), node.path(`data/pg_wal/${name}`));
    }
  };
  return {
    start,
    ask,
    probe,
    [Symbol.asyncDispose]: async () => {
      kill();
      await ended;
      forget();
    },
  };
}
