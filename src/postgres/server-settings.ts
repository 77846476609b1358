// What a server was told by its own files, read without connecting to it: postgresql.conf with its includes,
// postgresql.auto.conf, recovery.conf (before 12), and the command line. Defaults are PostgreSQL's affair.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { errnoOf } from '../program/program-error.ts';
import { parseConfiguration, type Assignment } from './parse-configuration.ts';
import { readPostmasterOptions, type PostmasterOptions } from './postmaster-options.ts';
import { majorVersion } from './version.ts';

export interface ServerSettings {
  /** False when something could not be read or understood: then a setting that is absent may yet be set. */
  complete: boolean;
  /** What was in the way first. */
  problem?: string;
  /** As it was written, quotes and escapes resolved; undefined when no file has it. The name in lower case. */
  get: (name: string) => string | undefined;
  /** Every file and include directory that was read or looked for, also those that are not there: when one changes, read again. */
  files: readonly string[];
}

/** What a file would hold, by its path: instead of what is there. One character is one byte. */
export type Instead = ReadonlyMap<string, string>;

interface Reading {
  instead: Instead | undefined;
  values: Map<string, string>;
  files: Set<string>;
  problem: string | undefined;
}

/** PostgreSQL's limit (guc-file.l). */
const deepestInclude = 10;

/** What is between a file and its end: ends the reading of the whole chain of includes, as in the server. */
class Unusable extends Error {}

/** Runs one system call on a file of the configuration; undefined when the file is not there and need not be. */
function look<T>(path: string, required: boolean, reading: Reading, call: () => T): T | undefined {
  reading.files.add(path);
  try {
    return call();
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    if (!required && (code === 'ENOENT' || code === 'ENOTDIR')) return undefined;
    throw new Unusable(`could not read ${path}: ${code}`);
  }
}

function readFile(path: string, required: boolean, depth: number, reading: Reading): void {
  if (depth > deepestInclude) throw new Unusable(`${path} is included too deep`);
  const text = look(
    path,
    required,
    reading,
    () => reading.instead?.get(path) ?? readFileSync(path, 'latin1'),
  );
  if (text === undefined) return;
  const { assignments, problem } = parseConfiguration(text);
  for (const assignment of assignments) readAssignment(assignment, path, depth, reading);
  if (problem !== undefined) throw new Unusable(`${problem.problem} in file ${path} line ${problem.line}`);
}

function readAssignment({ name, value }: Assignment, from: string, depth: number, reading: Reading): void {
  if (name !== 'include' && name !== 'include_if_exists' && name !== 'include_dir') {
    reading.values.set(name, value);
    return;
  }
  const path = isAbsolute(value) ? value : join(dirname(from), value);
  if (name !== 'include_dir') return readFile(path, name === 'include', depth + 1, reading);
  const names = look(path, true, reading, () => readdirSync(path, 'latin1')) ?? [];
  // One character per byte, so that the order is strcmp's.
  for (const each of names.filter((file) => /^[^.].*\.conf$/s.test(file)).sort()) {
    const file = join(path, Buffer.from(each, 'latin1').toString());
    const isDirectory = look(file, true, reading, () => statSync(file).isDirectory());
    if (isDirectory === false) readFile(file, true, depth + 1, reading);
  }
}

/** Reads one file and what it includes; a problem is remembered and ends this file only. */
function readInto(reading: Reading, path: string, required: boolean): void {
  try {
    readFile(path, required, 0, reading);
  } catch (error) {
    if (!(error instanceof Unusable)) throw error;
    reading.problem ??= error.message;
  }
}

const begin = (instead?: Instead): Reading => ({
  instead,
  values: new Map(),
  files: new Set(),
  problem: undefined,
});

const finish = ({ values, files, problem }: Reading): ServerSettings => ({
  complete: problem === undefined,
  ...(problem === undefined ? {} : { problem }),
  get: (name) => values.get(name),
  files: [...files],
});

/**
 * Where postgresql.conf is: config_file, else in the directory of -D, which may hold the configuration alone. A -D that
 * is relative, or another data directory (this one was copied or moved since), means this directory.
 */
function readPostgresqlConf(
  dataDirectory: string,
  options: PostmasterOptions,
  reading: Reading,
  packaged: string | undefined,
): void {
  const named = options.assignments.findLast(({ name }) => name === 'config_file')?.value;
  if (named !== undefined && !isAbsolute(named)) {
    reading.problem ??= `config_file=${named} is relative to where the server was started`;
    return;
  }
  const { directory = dataDirectory } = options;
  const elsewhere =
    directory !== dataDirectory &&
    isAbsolute(directory) &&
    mayBeThere(join(directory, 'postgresql.conf')) &&
    !existsSync(join(directory, 'PG_VERSION'));
  const own = join(elsewhere ? directory : dataDirectory, 'postgresql.conf');
  const unstarted = options.program === undefined ? packaged : undefined;
  readInto(reading, named ?? unstarted ?? own, true);
}

/** Also where it cannot be seen: reading it then says why. */
function mayBeThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}

/**
 * The settings of a data directory's server. What the files say now: a server that was not reloaded, or not started
 * again, since they changed may run with others. `packaged`: the postgresql.conf that the server will be started with, if
 * it never was. Synchronous, below half a millisecond for usual files. With `instead`: what they would be.
 */
export function readServerSettings(
  dataDirectory: string,
  instead?: Instead,
  packaged?: string,
): ServerSettings {
  const reading = begin(instead);
  const options = readPostmasterOptions(dataDirectory);
  reading.files.add(options.file);
  reading.problem = options.problem;
  readPostgresqlConf(dataDirectory, options, reading, packaged);
  readInto(reading, join(dataDirectory, 'postgresql.auto.conf'), false);
  const major = majorVersion(dataDirectory);
  if (major === undefined) reading.problem ??= `could not read ${join(dataDirectory, 'PG_VERSION')}`;
  else if (major < 12) readInto(reading, join(dataDirectory, 'recovery.conf'), false);
  for (const { name, value } of options.assignments) reading.values.set(name, value);
  return finish(reading);
}

/** recovery.conf alone, which turns a server before 12 into one that recovers; undefined when it is not there. */
export function readRecoveryConf(dataDirectory: string): ServerSettings | undefined {
  const path = join(dataDirectory, 'recovery.conf');
  if (!mayBeThere(path)) return undefined;
  const reading = begin();
  readInto(reading, path, true);
  return finish(reading);
}
