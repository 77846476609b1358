// A node that relays: its own archive, where files arrive, and destinations beside it. What state its server is in is
// made by hand: pg_control, signal files, a process that works in the data directory for a postmaster.
import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';

import {
  commandLine,
  controlFile,
  makeNode,
  quoted,
  type NodeFixture,
  type NodeOptions,
  type Outcome,
} from '../harness/node-fixture.ts';
import { startProgram, type RunningProgram } from '../harness/run.ts';
import { waitFor } from '../harness/wait-for.ts';
import { ourCluster, segmentBytes, type SegmentChanges } from '../harness/wal-files.ts';

/** [destination.<name>] for each, in a directory of that name. */
export const destinationsToml = (
  node: { path: NodeFixture['path'] },
  names: readonly string[],
  more = '',
): string => names.map((name) => `[destination.${name}]\nurl = 'file:${node.path(name)}'\n${more}`).join('');

export interface RelayNodeOptions extends Omit<NodeOptions, 'configuration' | 'used'> {
  destinations?: readonly string[];
  more?: string;
}

/** A stopped standby with an empty archive and, unless told otherwise, the destination dr. */
export async function makeRelayNode(label: string, options: RelayNodeOptions = {}): Promise<NodeFixture> {
  const { destinations = ['dr'], more = '', ...rest } = options;
  const node = await makeNode(label, {
    directories: ['twowarm/archive', ...destinations],
    configuration: (path) => destinationsToml({ path }, destinations, more),
    used: false,
    ...rest,
  });
  node.mode('standby');
  return node;
}

/** Puts a file into the own archive (or another directory) at once, as every publisher does. */
export function arrive(
  node: NodeFixture,
  name: string,
  content: string | Uint8Array | SegmentChanges = {},
  directory = 'twowarm/archive',
): string {
  const isBytes = typeof content === 'string' || content instanceof Uint8Array;
  const bytes = isBytes ? content : segmentBytes(name.slice(0, 24), content);
  node.sandbox.directory(directory);
  renameSync(node.sandbox.file('staging/file', bytes), node.path(`${directory}/${name}`));
  return name;
}

/** The names in a directory of the sandbox, ours left out. */
export const namesIn = (node: NodeFixture, directory: string): string[] =>
  readdirSync(node.path(directory))
    .filter((name) => name !== '.twowarm')
    .sort();

export const rsyncDR = (node: NodeFixture, ...words: string[]): Promise<Outcome> =>
  node.sh(commandLine('rsyncDR', ...words));

/** The same in few words, without what changed. */
export async function passed(node: NodeFixture, ...words: string[]): Promise<Omit<Outcome, 'changed'>> {
  const { code, stdout, stderr } = await rsyncDR(node, ...words);
  return { code, stdout, stderr };
}

export const silence = { code: 0, stdout: '', stderr: '' };

// enum DBState (src/include/catalog/pg_control.h).
const states = {
  'starting up': 0,
  'shut down': 1,
  'shut down in recovery': 2,
  'shutting down': 3,
  'in crash recovery': 4,
  'in archive recovery': 5,
  'in production': 6,
  'of the future': 7,
};
export type State = keyof typeof states;

/** What pg_control says: the state, and the timeline of the last checkpoint. */
export function setState(node: NodeFixture, state: State, timeline = 1): void {
  const bytes = controlFile(ourCluster);
  bytes.writeUInt32LE(states[state], 16);
  bytes.writeUInt32LE(timeline, 48);
  renameSync(node.sandbox.file('staging/control', bytes), node.path('data/global/pg_control'));
}

/** A process in the data directory that postmaster.pid names, as long as the test has it. */
export function startPostmaster(node: NodeFixture, status = 'ready'): RunningProgram {
  const program = startProgram('sleep', ['600'], { cwd: node.dataDirectory, timeoutMs: 600_000 });
  const lines = [program.pid, node.dataDirectory, 0, 5432, '', '', '', status];
  node.sandbox.file('data/postmaster.pid', `${lines.join('\n')}\n`);
  return program;
}

export interface RunningRelay {
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
  /** What it has said so far. */
  said(): string;
  events(): Record<string, string>[];
  ended(): Promise<{ code: number | null; signal: NodeJS.Signals | null; stderr: string }>;
  /** Ends it by SIGTERM, as systemd does. */
  stop(): Promise<{ code: number | null; signal: NodeJS.Signals | null; stderr: string }>;
}

let relays = 0;

/** Starts `twowarm relay --json` and returns at once. */
export function startRelay(
  node: NodeFixture,
  line = commandLine('twowarm', 'relay', '--json'),
): RunningRelay {
  const number = ++relays;
  const [out, err] = ['out', 'err'].map((kind) => node.sandbox.file(`relays/${number}.${kind}`, ''));
  const shell = line.startsWith('exec ') ? `exec /bin/sh -c ${quoted(line)}` : `exec ${line}`;
  const program = startProgram('/bin/sh', ['-c', `${shell} >>'${out}' 2>>'${err}'`], {
    cwd: node.dataDirectory,
    timeoutMs: 300_000,
  });
  const ended = async () => {
    const { code, signal } = await program.result;
    return { code, signal, stderr: readFileSync(err!, 'utf8') };
  };
  return {
    pid: program.pid,
    kill: (signal) => program.kill(signal),
    said: () => readFileSync(err!, 'utf8'),
    events: () =>
      readFileSync(out!, 'utf8')
        .split('\n')
        .filter((text) => text !== '')
        .map((text) => JSON.parse(text) as Record<string, string>),
    ended,
    stop: () => {
      program.kill('SIGTERM');
      return ended();
    },
  };
}

/** Starts it and returns once it has looked at what is there: it watches from then on. */
export async function startedRelay(node: NodeFixture): Promise<RunningRelay> {
  const relay = startRelay(node);
  await waitFor('the relay to begin', () => /relaying what arrives|is a primary/.test(relay.said()));
  return relay;
}

/** Until all of the names are whole at the destination. */
export async function untilThere(
  node: NodeFixture,
  names: readonly string[],
  directory = 'dr',
  limitMs = 30_000,
): Promise<void> {
  await waitFor(
    `${names.length} files at ${directory}`,
    () => names.every((name) => existsSync(join(node.path(directory), name))),
    {
      limitMs,
    },
  );
}

/** Whether the two copies have the same bytes. */
export const isSame = (node: NodeFixture, name: string, directory = 'dr'): boolean =>
  readFileSync(node.path(`twowarm/archive/${name}`)).equals(readFileSync(node.path(`${directory}/${name}`)));

/** Temporary files, locks and notes of unfinished work that are left anywhere in the sandbox. */
export function leftovers(node: NodeFixture): string[] {
  const found: string[] = [];
  const visit = (path: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const below = join(path, entry.name);
      if (entry.isDirectory()) visit(below);
      else if (entry.name.startsWith('.tmp.') || entry.name === 'relay.lock' || path.endsWith('/unfinished'))
        found.push(below);
    }
  };
  visit(node.sandbox.path);
  return found;
}
