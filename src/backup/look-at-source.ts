// What is to be copied and where to, found out before anything changes: the server's own facts, its directories, the target.
import { stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { realpathSync } from 'node:fs';
import { describeCluster } from '../copying/describe-cluster.ts';
import type { Found, Outside, SourceCluster } from '../copying/target.ts';
import { besideOf, type Tablespace } from '../postgres/tablespaces.ts';
import type { ThisNode } from '../postgres/this-node.ts';
import { ProgramError } from '../program/program-error.ts';
import { expectFilesIn } from '../program/quick-calls.ts';
import type { Wanted, Work } from './copy-to.ts';
import { mapTablespaces } from './mapping.ts';
import type { BackupSession, ServerFacts } from './session.ts';
import { refuseLinks } from './source/links.ts';
import { archivesWithin } from './source/own-directories.ts';
import { walLinkOf, type Source } from './source/walk.ts';

export interface LookedAt {
  cluster: SourceCluster;
  source: Source;
  outside: Outside;
  found: Found;
  /** Permission bits of a file of the cluster. */
  fileMode: number;
}

async function clusterOf(
  { session, node }: Work,
  { facts, dataDirectory, tablespaces }: SourceFacts,
): Promise<SourceCluster> {
  const { systemIdentifier } = node.identity;
  const known = { ...facts, dataDirectory, tablespaces, systemIdentifier };
  return describeCluster(known, await session.position());
}

/** stats_temp_directory, where it is one in the data directory. */
function temporaryWithin(
  dataDirectory: string,
  { temporaryStatistics: path }: ServerFacts,
): string | undefined {
  if (path === undefined) return undefined;
  const found = path.startsWith('/') ? relative(dataDirectory, path) : path;
  return found === '' || found.startsWith('..') ? undefined : found.split(sep).join('/');
}

function requirePrimary(facts: ServerFacts, program: string): void {
  if (!facts.isRecovering) return;
  throw new ProgramError('not-a-primary', `cannot copy from this node: its server recovers`, {
    hint: `Call ${program} on the primary.`,
  });
}

/** What pg_basebackup cannot do into one stream. */
function refuseForTool(method: string, tablespaces: readonly Tablespace[]): void {
  if (method !== 'pg_basebackup' || tablespaces.length === 0) return;
  throw new ProgramError('usage', 'pg_basebackup cannot write a cluster with tablespaces into one stream', {
    detail: `Its tablespaces are in ${tablespaces.map(({ location }) => location).join(', ')}.`,
    hint: 'Leave --method out: twowarm copies them.',
  });
}

/** The cluster itself, and where its tablespaces and its pg_wal are. */
export interface SourceFacts {
  facts: ServerFacts;
  dataDirectory: string;
  tablespaces: readonly Tablespace[];
  /** Where pg_wal is a symbolic link to. */
  walLink: string | undefined;
}

/** Asks the server; throws where it is none that can be copied so. */
export async function askSource(
  session: BackupSession,
  { settings }: ThisNode,
  { program, method }: Wanted,
): Promise<SourceFacts> {
  const facts = await session.facts();
  requirePrimary(facts, program);
  const dataDirectory = realpathSync(settings.dataDirectory);
  const tablespaces = await session.tablespaces();
  refuseForTool(method, tablespaces);
  refuseLinks(dataDirectory);
  return { facts, dataDirectory, tablespaces, walLink: await walLinkOf(dataDirectory) };
}

/** What lies beside a new target, by the words of the call. */
export const outsideOfNew = ({ tablespaces, walLink }: SourceFacts, wanted: Wanted): Outside => ({
  tablespaces: mapTablespaces(tablespaces, wanted.mapping),
  walDirectory: wanted.walDirectory ?? walLink,
});

/** What the target has already is asked first: without a word its tablespaces, and its pg_wal, stay where they are. */
async function outsideOf(
  { target, wanted, stop }: Work,
  source: SourceFacts,
  cluster: SourceCluster,
): Promise<{ outside: Outside; found: Found }> {
  const there = await target.look(cluster, { tablespaces: [], walDirectory: undefined }, stop);
  const isNew = there.state === 'missing' || there.state === 'empty';
  const outside: Outside = isNew
    ? outsideOfNew(source, wanted)
    : {
        tablespaces: mapTablespaces(source.tablespaces, wanted.mapping, there.tablespaces),
        walDirectory: wanted.walDirectory,
      };
  return { outside, found: await target.look(cluster, outside, stop) };
}

/** Throws what keeps this cluster from being copied to this target. */
export async function lookAtSource(work: Work): Promise<LookedAt> {
  const { node, asked } = work;
  const { facts, dataDirectory, tablespaces } = asked;
  const cluster = await clusterOf(work, asked);
  const { outside, found } = await outsideOf(work, asked, cluster);
  const source: Source = {
    dataDirectory,
    tablespaces,
    versionDirectory: `PG_${facts.major}_${facts.catalogVersion}`,
    temporaryStatistics: temporaryWithin(dataDirectory, facts),
    ours: archivesWithin(dataDirectory, node.settings),
    major: facts.major,
  };
  await expectFilesIn([dataDirectory, ...besideOf(tablespaces).map(({ location }) => location)]);
  const { mode } = await stat(join(dataDirectory, 'PG_VERSION'));
  return { cluster, source, outside, found, fileMode: mode & 0o7777 };
}
