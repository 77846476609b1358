// A place where pg_standby is called: an archive directory, a directory to work in that is no data directory unless a
// test makes it one, and calls that tell what they changed. No home, no twowarm.toml: pg_standby needs neither.
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { commandLine, controlFile, quoted, type Mode, type Outcome } from '../../harness/node-fixture.ts';
import { program } from '../../harness/installation.ts';
import { shell, startProgram, type RunningProgram } from '../../harness/run.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { changesBetween, snapshot } from '../../harness/tree-snapshot.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { ourCluster, segmentBytes, segmentNamed, type SegmentChanges } from '../../harness/wal-files.ts';

/** The segment that the tests ask for. */
export const name = segmentNamed(0x21);
/** Where it goes; relative to the working directory, as PostgreSQL's %p is. */
export const target = 'pg_wal/RECOVERYXLOG';

export interface Place extends AsyncDisposable {
  readonly sandbox: Sandbox;
  /** `<sandbox>/archive` */
  readonly archive: string;
  /** `<sandbox>/work`, with pg_wal in it. */
  readonly work: string;
  /** An absolute path in the sandbox. */
  path(name: string): string;
  /** Puts a segment into the archive, under its name at once, and returns it. */
  segment(name: string, changes?: SegmentChanges): string;
  /** Gives a file of the sandbox a name in the archive, whatever had it, at once. */
  publish(file: string, as: string): void;
  /** Makes the working directory a data directory in that mode. */
  dataDirectory(mode: Mode): void;
  /** A program in the working directory, to its end. */
  sh(program: string, ...words: string[]): Promise<Outcome>;
  /** `pg_standby <words>` in the working directory, to its end. */
  call(...words: string[]): Promise<Outcome>;
  /** The words of such a call. */
  line(...words: string[]): string[];
  /** The same with `archive name target` after the words. */
  ask(...options: string[]): Promise<Outcome>;
  /** Starts the same and does not wait for anything. */
  start(...options: string[]): RunningProgram;
  /** Starts `pg_standby <options> -d archive name target` and returns when it waits. */
  waiting(...options: string[]): Promise<Waiting>;
}

export interface Waiting extends RunningProgram {
  /** How many intervals it has waited. */
  intervals(): number;
  /** Exit code or signal, and what it said without the lines of -d. */
  ended(): Promise<{ code: number | null; signal: string | null; said: string[] }>;
}

/** A new place; call it with `await using`. */
export function makePlace(label: string): Place {
  let calls = 0;
  const sandbox = makeSandbox(label);
  const path = (below: string): string => join(sandbox.path, below);
  const archive = sandbox.directory('archive');
  const work = sandbox.directory('work');
  sandbox.directory('work/pg_wal');
  const sh = async (command: string, ...words: string[]): Promise<Outcome> => {
    const before = snapshot(sandbox.path);
    const { code, stdout, stderr } = await shell(lineOf(command, words), { cwd: work });
    return { code, stdout, stderr, changed: changesBetween(before, snapshot(sandbox.path)) };
  };
  return {
    sandbox,
    archive,
    work,
    path,
    segment: (segment, changes) => {
      sandbox.file(`archive/${segment}`, segmentBytes(segment, changes));
      return segment;
    },
    publish: (file, as) => renameSync(path(file), path(`archive/${as}`)),
    line: (...words) => [program('pg_standby'), ...words],
    dataDirectory: (mode) => {
      sandbox.file('work/PG_VERSION', '15\n');
      sandbox.file('work/global/pg_control', controlFile(ourCluster));
      for (const signal of ['standby', 'recovery']) rmSync(path(`work/${signal}.signal`), { force: true });
      if (mode !== 'none') sandbox.file(`work/${mode}.signal`, '');
    },
    sh,
    call: (...words) => sh('pg_standby', ...words),
    ask: (...options) => sh('pg_standby', ...options, archive, name, target),
    start: (...options) =>
      startProgram(program('pg_standby'), [...options, archive, name, target], { cwd: work }),
    waiting: async (...options) => {
      const log = path(`log.${(calls += 1)}`);
      const words = ['-d', ...options, archive, name, target];
      const line = `exec ${commandLine('pg_standby', ...words)} 2>'${log}'`;
      const started = startProgram('/bin/sh', ['-c', line], { cwd: work });
      // Twice: it looks once more after it has begun to watch.
      await waitFor('pg_standby to wait', () => linesOf(log).filter((each) => waits.test(each)).length > 1);
      return { ...started, intervals: () => intervalsIn(log), ended: () => endOf(started, log) };
    },
    [Symbol.asyncDispose]: () => sandbox.dispose(),
  };
}

const waits = / is not there yet, after (\d+) intervals$/;
const isDebug =
  / LOG: {2}asked for | is not there yet, | is not in the archive| LOG: {2}restored | attempt \d+ of /;

const linesOf = (log: string): string[] =>
  existsSync(log) ? readFileSync(log, 'utf8').split('\n').filter(Boolean) : [];

const intervalsIn = (log: string): number =>
  Math.max(0, ...linesOf(log).map((line) => Number(waits.exec(line)?.[1] ?? 0)));

const lineOf = (command: string, words: readonly string[]): string =>
  command === 'env' ? ['env', ...words].map(quoted).join(' ') : commandLine(command, ...words);

async function endOf(
  started: RunningProgram,
  log: string,
): Promise<{ code: number | null; signal: string | null; said: string[] }> {
  const { code, signal } = await started.result;
  return { code, signal, said: linesOf(log).filter((line) => !isDebug.test(line)) };
}
