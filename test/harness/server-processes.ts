// The processes of a running cluster, read from /proc: its startup process, which replays, and the calls of
// restore_command that it waits for. A test may hold the first one still to be sure of an order of events.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

import type { Cluster } from './cluster.ts';
import { allProcesses, quietly } from './process-table.ts';
import { waitFor } from './wait-for.ts';

/** The process that replays WAL. Waits until there is one. */
export async function startupOf(cluster: Cluster): Promise<number> {
  return waitFor(`the startup process of ${cluster.name}`, () => {
    const postmaster = cluster.postmasterPid();
    return allProcesses().find(
      ({ pid, parent }) =>
        parent === postmaster &&
        /\bstartup\b/.test(quietly(() => readFileSync(`/proc/${pid}/cmdline`, 'latin1')) ?? ''),
    )?.pid;
  });
}

/**
 * Living processes that work in the cluster's data directory and are not the server's own: the calls of its commands,
 * whoever their parent is by now.
 */
export function commandsOf({ dataDirectory }: Cluster): number[] {
  return allProcesses()
    .filter(({ name, state }) => name !== 'postgres' && state !== 'Z')
    .filter(({ pid }) => quietly(() => readlinkSync(`/proc/${pid}/cwd`)) === dataDirectory)
    .map(({ pid }) => pid);
}

/** The process that started this one. */
export function parentOf(pid: number): number {
  const found = allProcesses().find((each) => each.pid === pid);
  if (found === undefined) throw new Error(`there is no process ${pid}`);
  return found.parent;
}

/** Whether the call has its watches: it has gone as far as waiting. */
function isWatching(pid: number): boolean {
  const descriptors = quietly(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
  return descriptors.some(
    (fd) => quietly(() => readlinkSync(`/proc/${pid}/fd/${fd}`)) === 'anon_inode:inotify',
  );
}

/** The call of restore_command that waits for a segment. Waits until there is one. */
export async function waitingCallOf(cluster: Cluster): Promise<number> {
  return waitFor(`a waiting restore_command of ${cluster.name}`, () => commandsOf(cluster).find(isWatching));
}

/** Waits until no call of a command is left, whoever its parent is. */
export async function waitForNoCommands(cluster: Cluster, limitMs = 10_000): Promise<void> {
  await waitFor(`the commands of ${cluster.name} to be gone`, () => commandsOf(cluster).length === 0, {
    limitMs,
  });
}

/**
 * Holds the startup process still while it does not judge an answer: asleep, or waiting for a command that waits. What
 * happens until the release has therefore happened before its next question. The call that waits goes on.
 */
export async function holdReplay(cluster: Cluster): Promise<Disposable> {
  const pid = await startupOf(cluster);
  await waitFor(`${cluster.name} to stand between two answers`, async () => {
    process.kill(pid, 'SIGSTOP');
    await waitFor('replay to stand', () =>
      allProcesses().some((each) => each.pid === pid && each.state === 'T'),
    );
    // The call itself, or the shell it was started by.
    const children = allProcesses().filter(({ parent }) => parent === pid);
    if (children.length === 0) return true;
    if (!children.some(({ state }) => state === 'Z') && commandsOf(cluster).some(isWatching)) return true;
    process.kill(pid, 'SIGCONT');
    return false;
  });
  const release = (): void => void quietly(() => process.kill(pid, 'SIGCONT'));
  return { [Symbol.dispose]: release };
}
