// strace's account of a program, as data: which thread entered which system call when, and what came of it.
import { readFileSync } from 'node:fs';

import type { NodeFixture } from '../harness/node-fixture.ts';
import { startProgram, type RunningProgram } from '../harness/run.ts';

export interface Call {
  /** 'main' is the thread that the program began with; the others are libuv's, one unless asked for more. */
  thread: 'main' | 'pool';
  name: string;
  /** With the sandbox as ~, descriptors as <path>, and what is random in temporary names left out. */
  arguments: string;
  /** Undefined while the call has not returned: also when the process was killed in it. */
  result: string | undefined;
  /** How many calls of this name the thread has entered, this one included: strace's `when=` counts so. */
  nth: number;
  /** Line numbers of the account. */
  entered: number;
  left: number | undefined;
}

/** Everything that can change a file or a directory, or makes a change durable. */
const changing = (
  'open openat creat write pwrite64 writev pwritev pwritev2 sendfile copy_file_range fallocate truncate ftruncate ' +
  'fsync fdatasync sync_file_range link linkat symlink symlinkat unlink unlinkat rename renameat renameat2 ' +
  'mkdir mkdirat rmdir chmod fchmod fchmodat chown fchown fchownat utimensat futimesat setxattr fsetxattr'
).split(' ');

export interface Traced {
  program: RunningProgram;
  /** The calls so far. */
  calls(): Call[];
  /** Of the program itself, not of strace; undefined before its first call. */
  pid(): number | undefined;
}

/**
 * Starts a command line under strace as PostgreSQL would start it without: as the server user, by sh, in the data
 * directory, in an empty environment. `inject` is strace's, without the -e. One thread for file system calls, so that
 * the order of calls is the same in each run: libuv has four otherwise, and strace counts by thread.
 */
export function trace(
  node: Pick<NodeFixture, 'sandbox' | 'dataDirectory'>,
  commandLine: string,
  { inject, also = [], threads = 1 }: { inject?: string; also?: readonly string[]; threads?: number } = {},
): Traced {
  const account = node.sandbox.file('strace/account', '');
  const which = ['-e', `trace=${[...changing, ...also, 'exit_group'].join(',')}`];
  const injection = inject === undefined ? [] : ['-e', `inject=${inject}`];
  const program = startProgram(
    'strace',
    ['-f', '-y', '-s', '0', '-o', account, ...which, ...injection, '/bin/sh', '-c', `exec ${commandLine}`],
    { cwd: node.dataDirectory, env: { UV_THREADPOOL_SIZE: String(threads) } },
  );
  const text = (): string => readFileSync(account, 'utf8');
  let parsed: { length: number; calls: Call[] } | undefined;
  const calls = (): Call[] => {
    const now = text();
    if (parsed?.length !== now.length) parsed = { length: now.length, calls: parse(now, node.sandbox.path) };
    return parsed.calls;
  };
  return {
    program,
    calls,
    pid: () => (/^(\d+) /.exec(text()) && Number.parseInt(text(), 10)) || undefined,
  };
}

function parse(text: string, sandbox: string): Call[] {
  const calls: Call[] = [];
  const counts = new Map<string, number>();
  const pending = new Map<string, Call>();
  let main: string | undefined;
  for (const [number, line] of text.split('\n').entries()) {
    const [, pid, rest] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (pid === undefined || rest === undefined) continue;
    main ??= pid;
    const resumed = /^<\.\.\. \w+ resumed>.*= (.+)$/.exec(rest);
    const call = pending.get(pid);
    if (resumed !== null && call !== undefined) {
      // A question mark stands for a call that its thread did not live to leave.
      if (!resumed[1]!.startsWith('?')) Object.assign(call, { result: resumed[1], left: number });
      pending.delete(pid);
      continue;
    }
    const [, name, tail] = /^(\w+)\((.*)$/.exec(rest) ?? [];
    if (name === undefined || tail === undefined) continue;
    const [, inside, result] = /^(.*?)\)\s+= (.+)$/.exec(tail) ?? [
      undefined,
      tail.replace(' <unfinished ...>', ''),
    ];
    const key = `${pid} ${name}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    const returned = result !== undefined && !result.startsWith('?');
    const entry: Call = {
      thread: pid === main ? 'main' : 'pool',
      name,
      arguments: normalise(inside ?? '', sandbox),
      result: returned ? result : undefined,
      nth: counts.get(key)!,
      entered: number,
      left: returned ? number : undefined,
    };
    calls.push(entry);
    if (!returned) pending.set(pid, entry);
  }
  return calls;
}

function normalise(text: string, sandbox: string): string {
  return (
    text
      .replaceAll(sandbox, '~')
      .replaceAll(encodeURIComponent(sandbox), '~')
      .replaceAll(/\d+</g, '<')
      .replaceAll(/\.[0-9a-z]+\.\d+\.\d+\.[0-9a-f]+(?=["<>/])/g, '.*')
      // The id of the node, and the random part of a record's name.
      .replaceAll(/(\/consumers\/(?:\.tmp\.)?)[0-9a-f]{16}/g, '$1*')
      .replaceAll(/(\/pruned\/(?:\.tmp\.)?[0-9A-F]{8}\.)[0-9a-f]+/g, '$1*')
      // When something was put aside.
      .replaceAll(/\d{8}T\d{6}Z/g, '*')
      // V8's, of our own modules: in which order is chance.
      .replaceAll(/(\/compile-cache\/)[^"<>]*/g, '$1*')
  );
}

/** Whether a call changes something in the sandbox or makes a change durable. */
export function changesFiles(call: Call): boolean {
  if (!call.arguments.includes('~/') || !changing.includes(call.name)) return false;
  return !call.name.startsWith('open') || /O_CREAT|O_TRUNC/.test(call.arguments);
}

/** 'link "~/db2/.tmp.….*", "~/db2/…"' */
export const words = ({ name, arguments: inside }: Call): string =>
  `${name} ${inside.replaceAll(/AT_FDCWD<[^>]*>, |, \d+$|, ""\.\.\./g, '')}`;
