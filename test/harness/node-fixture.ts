// A node as twowarm's programs see it: a data directory (as much of one as they look at), a home with twowarm.toml,
// archives beside them. Calls are made as PostgreSQL makes them, and each tells what it changed in the whole sandbox.
import { rmSync } from 'node:fs';
import { join } from 'node:path';

import { program } from './installation.ts';
import { shell, type RunOptions } from './run.ts';
import { makeSandbox, type Sandbox } from './sandbox.ts';
import { changesBetween, snapshot } from './tree-snapshot.ts';
import { megabyte, ourCluster, segmentBytes, segmentNamed, type SegmentChanges } from './wal-files.ts';

/**
 * What any call may write to be faster the next time, or for whoever asks how its destinations do; and what was said of a
 * source that cannot be read.
 */
export const caches = /\/state\/(settings\.json|compile-cache|destinations|unreadable)(\/|$)/;

/** How a call ended and what it changed: toEqual sees all of it. */
export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
  /** 'created db2/000…', relative to the sandbox. */
  changed: string[];
}

/** What a call that refuses must look like: its message and nothing else. */
export const refused = (code: number, stderr: string): Outcome => ({ code, stdout: '', stderr, changed: [] });
/** What a call that had nothing to say and nothing to do must look like. */
export const silent = (changed: string[] = []): Outcome => ({ code: 0, stdout: '', stderr: '', changed });

export type Mode = 'standby' | 'recovery' | 'none';

export interface NodeFixture extends AsyncDisposable {
  readonly sandbox: Sandbox;
  /** `<sandbox>/data` */
  readonly dataDirectory: string;
  /** `<sandbox>/twowarm` */
  readonly home: string;
  /** An absolute path in the sandbox. */
  path: (name: string) => string;
  /** Replaces twowarm.toml: [node] is added. */
  configure(toml: string): void;
  /** Puts a segment into pg_wal, finished as PostgreSQL marks it (or at another path in the sandbox); returns its name. */
  segment(name: string, changes?: SegmentChanges, directory?: string): string;
  /** PostgreSQL's mark in archive_status that the file may be archived. */
  ready(name: string): void;
  /** standby.signal, recovery.signal or neither. */
  mode(mode: Mode): void;
  /** `archiveWALFile <words>`. */
  archive(...words: string[]): Promise<Outcome>;
  /** `restoreWALFile <words>`. */
  restore(...words: string[]): Promise<Outcome>;
  /** A whole command line, run in the data directory; see commandLine. */
  sh(commandLine: string, options?: RunOptions): Promise<Outcome>;
}

export interface NodeOptions {
  /** Without [node], which every node has. Default: one destination, db2. */
  configuration?: (path: (name: string) => string) => string;
  /** Directories of the sandbox to make. Default: db2 and the home's own archive. */
  directories?: readonly string[];
  systemIdentifier?: bigint;
  /** Archives one segment, so that what a first call notes is there. Default true. */
  used?: boolean;
}

/** A word as a POSIX shell reads it back unchanged. */
export const quoted = (word: string): string =>
  /^[A-Za-z0-9_./=:@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** `'<bin>/archiveWALFile' <words>` as it stands in archive_command once the placeholders are replaced. */
export const commandLine = (name: string, ...words: string[]): string =>
  [program(name), ...words].map(quoted).join(' ');

/** One destination, as the smallest configuration has it. */
export const oneDestination = (path: (name: string) => string): string =>
  `[destination.db2]\nurl = 'file:${path('db2')}'\n`;

/**
 * A pg_control that begins as every version's does: system identifier, then pg_control_version (1300: of 13 to 16); its
 * last checkpoint is on timeline 1 (from 11 on at byte 48);
 * and the row of sizes, where 15 has it: segments of 1 MB.
 */
export function controlFile(systemIdentifier: bigint, controlVersion = 1300): Buffer {
  const bytes = Buffer.alloc(8192);
  bytes.writeBigUInt64LE(systemIdentifier, 0);
  bytes.writeUInt32LE(controlVersion, 8);
  bytes.writeUInt32LE(1, controlVersion < 1100 ? 56 : 48);
  bytes.writeDoubleLE(1234567, 208);
  for (const [index, size] of [8192, 131_072, 8192, megabyte].entries())
    bytes.writeUInt32LE(size, 216 + 4 * index);
  return bytes;
}

/** A node of its own in a sandbox of its own. */
export async function makeNode(label: string, options: NodeOptions = {}): Promise<NodeFixture> {
  const { configuration = oneDestination, directories = ['db2', 'twowarm/archive'] } = options;
  const sandbox = makeSandbox(label);
  const node = nodeIn(sandbox);
  for (const directory of ['data/pg_wal', 'twowarm', ...directories]) sandbox.directory(directory);
  sandbox.file('data/PG_VERSION', '15\n');
  // A standby of 15 only waits without prefetching.
  sandbox.file('data/postgresql.conf', 'recovery_prefetch = off\n');
  sandbox.file('data/global/pg_control', controlFile(options.systemIdentifier ?? ourCluster));
  node.configure(configuration(node.path));
  if (options.used !== false) await use(node);
  return node;
}

/** Segment 1 goes to every destination. */
async function use(node: NodeFixture): Promise<void> {
  const first = node.segment(segmentNamed(1));
  const { code, stderr } = await node.archive(`pg_wal/${first}`, first);
  if (code !== 0) throw new Error(`a node of the tests could not archive: ${stderr}`);
  for (const left of [first, 'archive_status'])
    rmSync(join(node.dataDirectory, 'pg_wal', left), { recursive: true });
}

function nodeIn(sandbox: Sandbox): NodeFixture {
  const path = (name: string): string => join(sandbox.path, name);
  const dataDirectory = path('data');
  const call = async (line: string, options: RunOptions = {}): Promise<Outcome> => {
    const before = snapshot(sandbox.path);
    const { code, stdout, stderr } = await shell(line, { cwd: dataDirectory, ...options });
    return { code, stdout, stderr, changed: changesBetween(before, snapshot(sandbox.path), caches) };
  };
  const ready = (name: string): void => {
    sandbox.file(`data/pg_wal/archive_status/${name}.ready`, '');
  };
  return {
    sandbox,
    dataDirectory,
    ready,
    home: path('twowarm'),
    path,
    configure: (toml) => {
      sandbox.file('twowarm/twowarm.toml', `[node]\ndata_directory = '${dataDirectory}'\n${toml}`);
    },
    segment: (name, changes, directory = 'data/pg_wal') => {
      sandbox.file(`${directory}/${name}`, segmentBytes(name, changes));
      if (directory === 'data/pg_wal') ready(name);
      return name;
    },
    mode: (mode) => {
      for (const signal of ['standby', 'recovery']) rmSync(path(`data/${signal}.signal`), { force: true });
      if (mode !== 'none') sandbox.file(`data/${mode}.signal`, '');
    },
    archive: (...words) => call(commandLine('archiveWALFile', ...words)),
    restore: (...words) => call(commandLine('restoreWALFile', ...words)),
    sh: call,
    [Symbol.asyncDispose]: () => sandbox.dispose(),
  };
}
