// A node with several destinations under policies, and how they look in its own words.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import type { DestinationStatus } from '../../../src/transport/destination-status.ts';
import { commandLine, makeNode, type NodeFixture, type Outcome } from '../../harness/node-fixture.ts';
import { run } from '../../harness/run.ts';
import { giveToServerUser } from '../../harness/server-user.ts';
import { segmentBytes } from '../../harness/wal-files.ts';

/** Lines of [destination.<name>] beyond its url, by name, in order. */
export type Destinations = Readonly<Record<string, readonly string[]>>;

export const configurationOf =
  (destinations: Destinations) =>
  (path: (name: string) => string): string =>
    Object.entries(destinations)
      .map(([name, lines]) =>
        [`[destination.${name}]`, `url = 'file:${path(name)}'`, ...lines, ''].join('\n'),
      )
      .join('');

export const fallbackFor = (required: string, ...lines: string[]): string[] => [
  "policy = 'fallback'",
  `for = ['${required}']`,
  ...lines,
];
export const bestEffort = ["policy = 'best-effort'"];

/** A node that has used every destination that it asks when all is well. */
export function policyNode(label: string, destinations: Destinations): Promise<NodeFixture> {
  return makeNode(label, {
    configuration: configurationOf(destinations),
    directories: [...Object.keys(destinations), 'twowarm/archive'],
  });
}

/** Archives a segment that is put into pg_wal first. */
export async function archive(node: NodeFixture, name: string): Promise<Outcome> {
  node.segment(name);
  return node.archive(`pg_wal/${name}`, name);
}

/** PostgreSQL has removed the segment after archive_command succeeded. */
export const recycle = (node: NodeFixture, name: string): void =>
  rmSync(join(node.dataDirectory, 'pg_wal', name));

/** Takes the directory of a destination away, as an unmounted disk; the answer brings it back. */
export function takeAway(node: NodeFixture, destination: string): () => void {
  renameSync(node.path(destination), node.path(`${destination}-away`));
  return () => renameSync(node.path(`${destination}-away`), node.path(destination));
}

export const missing = (node: NodeFixture, destination: string, file: string): string =>
  `could not store ${file}: the archive directory ${node.path(destination)} does not exist`;
export const missingHint =
  'HINT:  If it is a mount, mount it. No program creates it: make a new one with mode 0700 as the owner of the data directory.';

export async function statusOf(node: NodeFixture, name: string): Promise<DestinationStatus> {
  const { code, stdout, stderr } = await node.sh(commandLine('twowarm', 'destination', 'list', '--json'));
  if (code === null || code > 2) throw new Error(stderr);
  const { destinations } = JSON.parse(stdout) as { destinations: DestinationStatus[] };
  return destinations.find((each) => each.name === name)!;
}

export const isWhole = (node: NodeFixture, path: string): boolean =>
  existsSync(node.path(path)) &&
  readFileSync(node.path(path)).equals(segmentBytes(path.slice(path.lastIndexOf('/') + 1)));

/** A destination that hangs where it is first looked at: nobody ever opens the other end of a FIFO. */
export async function makeDead(node: NodeFixture, destination: string): Promise<() => void> {
  renameSync(node.path(destination), node.path(`${destination}-away`));
  for (const directory of [destination, `${destination}/.twowarm`]) {
    mkdirSync(node.path(directory), { mode: 0o700 });
    giveToServerUser(node.path(directory));
  }
  const pipes = ['format', 'owner'].map((file) => node.path(`${destination}/.twowarm/${file}`));
  const made = await run('mkfifo', pipes);
  if (made.code !== 0) throw new Error(made.stderr);
  return () => {
    rmSync(node.path(destination), { recursive: true });
    renameSync(node.path(`${destination}-away`), node.path(destination));
  };
}

/** Debts as calls would have left them, without making a thousand calls. */
export function owe(node: NodeFixture, destination: string, names: readonly string[]): void {
  for (const name of names) {
    const bucket = /^[0-9A-F]{16}/.exec(name)?.[0] ?? name.slice(0, 8);
    giveToServerUser(
      node.sandbox.file(`twowarm/state/ledger/${destination}/owed/${bucket}/${name}.owed`, ''),
    );
  }
}

/** What is owed and not set aside, by the files of the ledger. */
export function owedTo(node: NodeFixture, destination: string): string[] {
  const directory = node.path(`twowarm/state/ledger/${destination}/owed`);
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.owed'))
    .map((path) => path.slice(path.lastIndexOf('/') + 1, -'.owed'.length))
    .sort();
}
