// A primary, and the place of its standby: directories of their own, homes of their own, connected by an archive and, where the
// copy goes over ssh, by a real OpenSSH server whose keys may do no more than their lines say.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Cluster } from '../../harness/cluster.ts';
import { createCluster, placeCluster } from '../../harness/create-cluster.ts';
import { program } from '../../harness/installation.ts';
import { findPostgres } from '../../harness/postgres-binaries.ts';
import { run, startProgram, type RunResult } from '../../harness/run.ts';
import type { Sandbox } from '../../harness/sandbox.ts';
import { settingsText, type Settings } from '../../harness/settings.ts';
import { makeSshKey } from '../../harness/ssh-keys.ts';
import { startSshd, type Sshd } from '../../harness/sshd.ts';
import { archiveCommand } from '../pair.ts';
import { loadTables } from './write-load.ts';

export interface PairOptions {
  major: number;
  road: 'file' | 'ssh';
  initdbArgs?: readonly string[];
  settings?: Settings;
  /** Names of the directories of the two clusters. */
  names?: readonly [string, string];
  /** Below these directories of the sandbox a copy over ssh may put tablespaces and pg_wal. */
  allow?: readonly string[];
  /** Where the standby's ssh is to be reached; default: directly. */
  port?: (sshd: Sshd) => number | Promise<number>;
  /** Tables for the load; default true. */
  tables?: boolean;
}

export interface CopiedPair extends AsyncDisposable {
  primary: Cluster;
  /** Not there at first. */
  standby: Cluster;
  sshd: Sshd | undefined;
  /** As messages name the target. */
  target: string;
}

/** The archive in the home of a node. */
export const archiveIn = ({ parent }: Cluster): string => join(parent, 'twowarm', 'archive');

const tomlPath = (path: string): string => JSON.stringify(path);

/** Writes twowarm.toml of a node, whose data directory need not be there. */
export function writeToml({ sandbox, name, dataDirectory }: Cluster, more: string): void {
  sandbox.file(
    `${name}/twowarm/twowarm.toml`,
    `[node]\nname = ${tomlPath(name)}\ndata_directory = ${tomlPath(dataDirectory)}\n${more}`,
  );
}

export const destinationFor = (to: Cluster, url = `file:${archiveIn(to)}`, more = ''): string =>
  `[destination.db2]\nurl = ${tomlPath(url)}\ntime_limit = '20s'\ndata_directory = ${tomlPath(to.dataDirectory)}\n${more}`;

/** The line that `twowarm receive` prints for a key, into authorized_keys. */
async function letIn(sshd: Sshd, keyFile: string, ...words: string[]): Promise<void> {
  const { code, stdout, stderr } = await run(program('twowarm'), [
    ...['receive', ...words, '--authorized-keys-line', `${keyFile}.pub`],
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const [, options, key] = /^(.*command=".*") (ssh-\S+ .*)\n$/.exec(stdout)!;
  sshd.addKey(key!, options);
}

/** [ssh] of the primary, with a key for the archive and one for copies. */
async function sshFor(
  sandbox: Sandbox,
  sshd: Sshd,
  standby: Cluster,
  allow: readonly string[],
): Promise<string> {
  const archiveKey = await makeSshKey(sandbox, 'keys/archive');
  const copyKey = await makeSshKey(sandbox, 'keys/copy');
  sshd.removeKeys();
  await letIn(sshd, archiveKey.path, '--directory', archiveIn(standby), '--allow-read');
  const allowed =
    allow.length === 0 ? [] : ['--allow', allow.map((each) => sandbox.directory(each)).join(':')];
  await letIn(sshd, copyKey.path, '--data-directory', standby.dataDirectory, ...allowed);
  return `[ssh]\nconfig_file = 'none'\nidentity_files = ['${archiveKey.path}']\ncopy_identity_files = ['${copyKey.path}']\nknown_hosts = ['${sandbox.file(
    'keys/known_hosts',
    readFileSync(sshd.knownHosts, 'utf8').replaceAll(/^\[127\.0\.0\.1\]:\d+/gm, '127.0.0.1,[127.0.0.1]:*'),
  )}']\nconnect_limit = '20s'\n`;
}

/** The primary runs, and archives to the standby's place. */
export async function copiedPair(sandbox: Sandbox, options: PairOptions): Promise<CopiedPair> {
  const { major, road, initdbArgs = [], names = ['primary', 'standby'], allow = [] } = options;
  const postgres = findPostgres(major);
  const primary = await createCluster(sandbox, {
    ...{ postgres, name: names[0], initdbArgs },
    settings: {
      ...{ wal_level: 'replica', archive_mode: 'on', archive_command: archiveCommand(), fsync: false },
      ...options.settings,
    },
  });
  const standby = await placeCluster(sandbox, names[1], postgres);
  sandbox.directory(`${names[1]}/twowarm/archive`);
  const sshd = road === 'ssh' ? await startSshd(sandbox) : undefined;
  const port = sshd === undefined ? 0 : ((await options.port?.(sshd)) ?? sshd.port);
  const url = sshd === undefined ? undefined : `ssh://${sshd.user}@127.0.0.1:${port}${archiveIn(standby)}`;
  const ssh = sshd === undefined ? '' : await sshFor(sandbox, sshd, standby, allow);
  writeToml(primary, `${destinationFor(standby, url)}${ssh}`);
  await primary.start();
  if (options.tables !== false) await primary.query(loadTables);
  return {
    ...{ primary, standby, sshd },
    target:
      sshd === undefined
        ? standby.dataDirectory
        : `ssh://${sshd.user}@127.0.0.1:${port}${standby.dataDirectory}`,
    [Symbol.asyncDispose]: async () => {
      await sshd?.stop();
    },
  };
}

/** An object that --json prints. */
export type CopyEvent = Readonly<Record<string, unknown>> & { event: string };

export interface CopyResult extends RunResult {
  events: CopyEvent[];
}

export interface RunningCopy {
  pid: number;
  kill(signal: NodeJS.Signals): void;
  result: Promise<CopyResult>;
}

/** Starts `copyToStandby --json <words>`; `onEvent` hears of each event as it is printed. */
export function startCopy(
  from: Cluster,
  words: readonly string[] = [],
  onEvent: (event: CopyEvent) => void = () => undefined,
): RunningCopy {
  const events: CopyEvent[] = [];
  let rest = '';
  const hear = (text: string): void => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      const event = JSON.parse(line) as CopyEvent;
      events.push(event);
      onEvent(event);
    }
  };
  const wait = words.includes('--wait') ? [] : ['--wait', '100s'];
  const all = ['-D', from.dataDirectory, '--json', ...wait, ...words];
  const running = startProgram(program('copyToStandby'), all, { timeoutMs: 150_000, onOutput: hear });
  const result = running.result.then((ended) => ({ ...ended, events }));
  result.catch(() => undefined);
  return { pid: running.pid, kill: (signal) => running.kill(signal), result };
}

/** Has the copy stand still until the work is done, however fast it is. */
export async function standingStill<T>({ pid }: RunningCopy, work: () => Promise<T>): Promise<T> {
  process.kill(pid, 'SIGSTOP');
  try {
    return await work();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

/** A copy that succeeds, with what it said. */
export async function copy(
  from: Cluster,
  words: readonly string[] = [],
  onEvent?: (event: CopyEvent) => void,
): Promise<CopyEvent[]> {
  const { code, stderr, events } = await startCopy(from, words, onEvent).result;
  expect({ code, stderr }, JSON.stringify(events.at(-1))).toEqual({ code: 0, stderr: '' });
  return events;
}

/** But those that come or not as fast as the machine is. */
export const eventNames = (events: readonly CopyEvent[]): string[] =>
  events.map(({ event }) => event).filter((event) => !['progress', 'waiting'].includes(event));

/** What each node has as its own, for configStandby to install: where its server listens. */
export function giveOwnSettings(cluster: Cluster): void {
  const { sandbox, name, address } = cluster;
  sandbox.file(`${name}/twowarm/node/postgresql.conf`, settingsText(address));
}

/** `configStandby`, as a person calls it. */
export async function configure(cluster: Cluster, ...words: string[]): Promise<void> {
  const all = ['-D', cluster.dataDirectory, ...words];
  const { code, stderr } = await run(program('configStandby'), all);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
}
