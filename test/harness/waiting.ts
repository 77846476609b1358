// A restoreWALFile that waits: the node it waits on, how it is started and recognised, and what it did when it has
// ended. Nothing here waits for a time: a call waits once the kernel shows its watches and it uses no processor.
import { readdirSync, readFileSync, readlinkSync, renameSync, rmSync, statSync } from 'node:fs';

import {
  caches,
  commandLine,
  makeNode,
  oneDestination,
  type NodeFixture,
  type Outcome,
} from './node-fixture.ts';
import { startProgram } from './run.ts';
import { changesBetween, snapshot } from './tree-snapshot.ts';
import { waitFor } from './wait-for.ts';
import { ourCluster, segmentBytes, segmentNamed, type SegmentChanges } from './wal-files.ts';

/** %p, as PostgreSQL asks for it. */
export const target = 'pg_wal/RECOVERYXLOG';

/** What a call may write besides: what was said once. */
const notes = new RegExp(`${caches.source}|/state/said(/|$)`);

export interface WaitingSettings {
  wait?: 'auto' | 'warm' | 'off';
  /** restore.retry_limit */
  limit?: string;
  /** Directories of the sandbox. Default: first and second. */
  sources?: readonly string[];
  /** More lines of [restore]. */
  more?: string;
}

/** twowarm.toml of a node that restores from two archives. */
export function waitingToml(path: (name: string) => string, settings: WaitingSettings = {}): string {
  const { wait = 'auto', limit = '300ms', sources = ['first', 'second'], more = '' } = settings;
  const urls = sources.map((source) => `'file:${path(source)}'`).join(', ');
  return `${oneDestination(path)}[restore]\nsources = [${urls}]\nretry_limit = '${limit}'\nwait = '${wait}'\n${more}`;
}

/** A node of version 15 with the empty archives first and second for sources, both known to it. */
export async function makeWaitingNode(label: string): Promise<NodeFixture> {
  const node = await makeNode(label, {
    configuration: (path) => waitingToml(path),
    directories: ['db2', 'first', 'second', 'staging'],
  });
  resetWaitingNode(node);
  node.mode('none');
  // A first call notes the archives; a delivery makes the directory for notes.
  node.segment(segmentNamed(1), {}, 'second');
  await node.restore(segmentNamed(1), target);
  resetWaitingNode(node);
  return node;
}

/** Brings the node back to how it was made, whatever a test did: under standby.signal, with nothing to restore. */
export function resetWaitingNode(node: NodeFixture): void {
  for (const directory of ['first', 'second']) makeArchive(node, directory);
  const inData = ['promote', 'fallback_promote', 'recovery.conf', 'postmaster.pid', 'postgresql.auto.conf'];
  for (const file of inData) rmSync(node.path(`data/${file}`), { force: true });
  for (const file of [
    'twowarm/trigger',
    'twowarm/state/said',
    'twowarm/state/unreadable',
    'elsewhere',
    'staging',
  ])
    rmSync(node.path(file), { recursive: true, force: true });
  for (const directory of ['elsewhere', 'staging']) node.sandbox.directory(directory);
  for (const file of readdirSync(node.path('data/pg_wal')))
    rmSync(node.path(`data/pg_wal/${file}`), { recursive: true });
  node.sandbox.file('data/PG_VERSION', '15\n');
  node.sandbox.file('data/postgresql.conf', 'recovery_prefetch = off\n');
  node.configure(waitingToml(node.path));
  node.mode('standby');
}

/** An archive of this cluster without WAL, the same one each time. */
export function makeArchive(node: NodeFixture, directory: string): void {
  rmSync(node.path(directory), { recursive: true, force: true });
  node.sandbox.file(`${directory}/.twowarm/format`, 'twowarm archive 1\n');
  const owner = { archive: '0123456789abcdef', system_identifier: String(ourCluster) };
  node.sandbox.file(`${directory}/.twowarm/owner`, `${JSON.stringify(owner)}\n`);
}

/** Puts a file into its place at once, as the server user's: one that grows would be met half-made. */
export function place(node: NodeFixture, file: string, content: string | Uint8Array, mode = 0o600): void {
  renameSync(node.sandbox.file(`staging/file`, content, mode), node.path(file));
}

/** Publishes a segment in a directory of the sandbox. */
export function publish(node: NodeFixture, directory: string, name: string, changes?: SegmentChanges): void {
  place(node, `${directory}/${name}`, segmentBytes(name, changes));
}

export interface Ending extends Outcome {
  signal: NodeJS.Signals | null;
}

export interface WaitingCall {
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
  /** How it ended, and what it and the test changed meanwhile. */
  ended(): Promise<Ending>;
  hasEnded(): boolean;
}

/**
 * Starts `restoreWALFile <name> pg_wal/RECOVERYXLOG` as PostgreSQL does, in the place of its shell: signals are its own.
 * `prefix` stands before the command: 'exec strace …'.
 */
export function startRestore(node: NodeFixture, name: string, prefix = 'exec'): WaitingCall {
  const before = snapshot(node.sandbox.path);
  const line = commandLine('restoreWALFile', name, target);
  const call = startProgram('/bin/sh', ['-c', `${prefix} ${line}`], {
    cwd: node.dataDirectory,
    timeoutMs: 40_000,
  });
  let over = false;
  void call.result.then(
    () => (over = true),
    () => (over = true),
  );
  return {
    pid: call.pid,
    kill: (signal) => call.kill(signal),
    hasEnded: () => over,
    ended: async () => {
      const { code, signal, stdout, stderr } = await call.result;
      const changed = changesBetween(before, snapshot(node.sandbox.path), notes);
      return { code, signal, stdout, stderr, changed };
    },
  };
}

/** Starts the call and returns once it waits. */
export async function startWaiting(node: NodeFixture, name: string): Promise<WaitingCall> {
  const call = startRestore(node, name);
  await untilItWaits(call);
  return call;
}

type Waiter = Pick<WaitingCall, 'pid' | 'hasEnded'>;

/** Until the process watches something and has used no processor between two looks, or has ended. */
export async function waitsOrEnds(call: Waiter, isReady = watches): Promise<'waits' | 'ended'> {
  let ticks = -1;
  let quiet = 0;
  return waitFor(
    'the call to wait',
    () => {
      if (call.hasEnded()) return 'ended';
      const now = processorTicks(call.pid);
      quiet = isReady(call.pid) && sleeps(call.pid) && now === ticks ? quiet + 1 : 0;
      ticks = now;
      return quiet >= 3 && 'waits';
    },
    { limitMs: 15_000, everyMs: 25 },
  );
}

/** For a process that cannot watch: until it has all of its threads and is idle. */
export async function untilItIsIdle(call: Waiter): Promise<void> {
  const isRunningOurs = (pid: number): boolean =>
    readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('restoreWALFile.cjs') &&
    readdirSync(`/proc/${pid}/task`).length > 5;
  expectWaiting(await waitsOrEnds(call, isRunningOurs));
}

const expectWaiting = (state: 'waits' | 'ended', how = ''): void => {
  if (state === 'ended') throw new Error(`it did not wait: ${how}`);
};

/** As waitsOrEnds; rejects when it has ended. */
export async function untilItWaits(call: Waiter & Partial<WaitingCall>): Promise<void> {
  const state = await waitsOrEnds(call);
  expectWaiting(state, state === 'ended' ? JSON.stringify(await call.ended?.()) : '');
}

function watches(pid: number): boolean {
  return readdirSync(`/proc/${pid}/fd`).some(
    (fd) => statLink(`/proc/${pid}/fd/${fd}`) === 'anon_inode:inotify' && watchCount(pid, fd) > 0,
  );
}

const watchCount = (pid: number, fd: string): number =>
  readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1').split('inotify wd:').length - 1;

function statLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Whether none of its threads would run if there were a processor for it. */
const sleeps = (pid: number): boolean =>
  readdirSync(`/proc/${pid}/task`).every((task) =>
    /\) S /.test(readFileSync(`/proc/${pid}/task/${task}/stat`, 'latin1')),
  );

/** utime and stime of proc(5), in clock ticks. */
function processorTicks(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** Whether a process is there, dead ones that nobody has reaped left out. */
export function isRunning(pid: number): boolean {
  if (statSync(`/proc/${pid}`, { throwIfNoEntry: false }) === undefined) return false;
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** A report of restoreWALFile on stderr. */
export const report = (level: 'ERROR' | 'WARNING' | 'LOG', ...lines: string[]): string =>
  `restoreWALFile: ${level}:  ${lines.join('\n')}\n`;

/** The lines that say who stopped a wait; `alone`: a standby's trigger file, without triggerStandby. */
export const toldBy = (path: string, how: 'smart' | 'fast' = 'smart', alone = false): string =>
  report(
    'LOG',
    `restore_command stops waiting: it was told to by ${path}${how === 'fast' ? ' ("fast")' : ''}`,
    ...(alone
      ? [
          'HINT:  This file alone does not promote a standby: triggerStandby and pg_ctl promote do. If it is left over, remove it.',
        ]
      : []),
  );

/** An ending with nothing but a code and perhaps words. */
export const answered = (code: number, stderr = '', changed: string[] = []): Ending => ({
  code,
  signal: null,
  stdout: '',
  stderr,
  changed,
});

/** A segment is restored, silently unless something was said, and nothing else happened. */
export const restored = (...more: string[]): Ending =>
  answered(0, '', byPath([...more, `created data/${target}`]));

/** As changesBetween orders them. */
const byPath = (changes: string[]): string[] => {
  const pathOf = (change: string): string => change.slice(change.indexOf(' '));
  return changes.sort((one, other) => (pathOf(one) < pathOf(other) ? -1 : 1));
};
