// A place for a data directory that a base backup is copied into, and data directories made by hand, as much of one as a
// copy looks at. They belong to this process, which is who copies here.
import { chownSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openNearTarget, type NearOptions, type NearTarget } from '../../../src/copying/near/near-target.ts';
import type { Outside, SourceCluster } from '../../../src/copying/target.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { ourCluster } from '../../harness/wal-files.ts';

export const neverStopped = new AbortController().signal;
export const nodeId = '0123456789abcdef';
export const nothingOutside: Outside = { tablespaces: [], walDirectory: undefined };

export interface ControlFields {
  systemIdentifier?: bigint;
  /** enum DBState; 1 is "shut down". */
  state?: number;
  timeline?: number;
  checkpoint?: bigint;
}

/** pg_control of PostgreSQL 15, as far as its first fields go (src/include/catalog/pg_control.h). */
export function controlBytes({
  systemIdentifier = ourCluster,
  state = 1,
  timeline = 1,
  checkpoint = 0x5000028n,
}: ControlFields = {}): Buffer {
  const bytes = Buffer.alloc(8192);
  bytes.writeBigUInt64LE(systemIdentifier, 0);
  bytes.writeUInt32LE(1300, 8);
  bytes.writeUInt32LE(state, 16);
  bytes.writeBigUInt64LE(checkpoint, 32);
  bytes.writeBigUInt64LE(checkpoint, 40);
  bytes.writeUInt32LE(timeline, 48);
  return bytes;
}

/** The cluster that is copied: 15, on timeline 1, somewhere past the checkpoint of controlBytes. */
export const sourceOf = (changes: Partial<SourceCluster> = {}): SourceCluster => ({
  boot: '',
  directories: [],
  systemIdentifier: ourCluster.toString(),
  version: '15',
  catalogVersion: 202209061,
  segmentSize: 16 * 1024 * 1024,
  timeline: 1,
  lsn: 0x6000000n,
  ...changes,
});

/** The directory of this cluster in a tablespace's location. */
export const versionDirectory = 'PG_15_202209061';

export interface Scene extends AsyncDisposable {
  readonly sandbox: Sandbox;
  /** <sandbox>/node, in which the data directory and the home lie. */
  readonly node: string;
  /** <sandbox>/node/data; not there at first. */
  readonly data: string;
  /** <sandbox>/node/twowarm; not there at first. */
  readonly home: string;
  path(name: string): string;
  /** Writes a file below the sandbox, with its directories; its path. */
  file(name: string, content?: string | Buffer, mode?: number): string;
  directory(name: string): string;
  link(aim: string, name: string): void;
  /** Makes a data directory that was shut down; `marked` segments wait to be archived. */
  dataDirectory(control?: ControlFields, marked?: readonly string[]): void;
  target(options?: Partial<NearOptions>): NearTarget;
}

export function makeScene(label: string): Scene {
  const sandbox = makeSandbox(label);
  chownSync(sandbox.path, process.geteuid!(), process.getegid!());
  const path = (name: string): string => join(sandbox.path, name);
  const directory = (name: string): string => {
    mkdirSync(path(name), { recursive: true, mode: 0o700 });
    return path(name);
  };
  directory('node');
  const file = (name: string, content: string | Buffer = '', mode = 0o600): string => {
    directory(dirname(name));
    writeFileSync(path(name), content, { mode });
    return path(name);
  };
  const opened: NearTarget[] = [];
  return {
    sandbox,
    node: path('node'),
    data: path('node/data'),
    home: path('node/twowarm'),
    path,
    file,
    directory,
    link: (aim, name) => symlinkSync(aim, path(name)),
    dataDirectory: (control, marked = []) => {
      file('node/data/PG_VERSION', '15\n');
      file('node/data/global/pg_control', controlBytes(control));
      directory('node/data/pg_tblspc');
      directory('node/data/pg_wal/archive_status');
      for (const name of marked) {
        file(`node/data/pg_wal/${name}`, `the content of ${name}`);
        file(`node/data/pg_wal/archive_status/${name}.ready`);
      }
    },
    target: (options = {}) => {
      const target = openNearTarget({ directory: path('node/data'), allowed: 'any', nodeId, ...options });
      opened.push(target);
      return target;
    },
    [Symbol.asyncDispose]: async () => {
      for (const target of opened) await target.close();
      await sandbox.dispose();
    },
  };
}

/** '<device>:<inode>', as SourcePlaces has it. */
export function identityOf(path: string): string {
  const { dev, ino } = statSync(path, { bigint: true });
  return `${dev}:${ino}`;
}

/** Makes somebody else, who is not the server's user either, its owner. */
export const giveAway = (path: string): void => chownSync(path, 12345, 12345);

/** Sends all of a file, in chunks, without waiting for one before the next. */
export async function send(
  target: NearTarget,
  path: string,
  bytes: Buffer,
  { mode = 0o600, chunk = 512 * 1024, spared = [] as number[] } = {},
): Promise<'written' | 'other'> {
  const file = await target.file(path, mode, neverStopped);
  const taken: Promise<void>[] = [];
  for (let at = 0; at < bytes.length; at += chunk)
    taken.push(file.take(bytes.subarray(at, at + chunk), spared));
  await Promise.all(taken);
  return file.end(bytes.length);
}
