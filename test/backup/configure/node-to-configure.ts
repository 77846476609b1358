// A base backup in a sandbox that configStandby is called for, as a person calls it, and what it said and changed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { autoConfHead } from '../../../src/backup/configure/edit-settings.ts';
import { baseBackup } from '../../harness/base-backup.ts';
import type { Cluster } from '../../harness/cluster.ts';
import { program } from '../../harness/installation.ts';
import {
  commandLine,
  controlFile,
  makeNode,
  type NodeFixture,
  type Outcome,
} from '../../harness/node-fixture.ts';
import { run, type RunResult } from '../../harness/run.ts';
import { ourCluster } from '../../harness/wal-files.ts';

/** A path as TOML text, whatever is in it. */
const tomlText = (text: string): string => JSON.stringify(text);

/** Writes twowarm.toml for a cluster whose path may hold anything; its source is `archive`. */
export function giveHomeTo({ sandbox, name, dataDirectory }: Cluster, archive: string, more = ''): string {
  sandbox.directory(`${name}/twowarm`);
  const restore = `[restore]\nsources = [${tomlText(`file:${archive}`)}]\n`;
  return sandbox.file(
    `${name}/twowarm/twowarm.toml`,
    `# of this node\n[node]\ndata_directory = ${tomlText(dataDirectory)}\n\n${restore}${more}`,
  );
}

/** `configStandby -D <data directory> <words>` as the server's user. */
export const configure = (cluster: Cluster, ...words: string[]): Promise<RunResult> =>
  run(program('configStandby'), ['-D', cluster.dataDirectory, ...words]);

export const homeOf = ({ parent }: Cluster): string => join(parent, 'twowarm');

/** A base backup of the primary, with a home, and as yet without a word of recovery. */
export async function copyOf(
  primary: Cluster,
  name: string,
  archive: string,
  more?: string,
): Promise<Cluster> {
  const copy = await baseBackup(primary, { to: name });
  giveHomeTo(copy, archive, more);
  return copy;
}

/** The WAL location of a base backup that began in segment 2 of a timeline. */
export const backupLabel = (timeline = 1): string =>
  [
    `START WAL LOCATION: 0/2000028 (file 0000000${timeline}0000000000000002)`,
    'CHECKPOINT LOCATION: 0/2000060',
    'BACKUP METHOD: streamed\n',
  ].join('\n');

const controlVersions: Record<number, number> = { 10: 1002, 11: 1100, 12: 1201, 15: 1300, 18: 1800 };

/**
 * A data directory as a base backup leaves it, as far as configStandby looks at it, with the archive of its home as source.
 * `files` are in the sandbox: 'data/…', 'twowarm/…'.
 */
export async function makeCopy(
  major = 15,
  files: Record<string, string> = {},
  toml = '',
): Promise<NodeFixture> {
  const node = await makeNode('configure', { used: false, configuration: () => toml });
  const all = {
    'data/PG_VERSION': `${major}\n`,
    'data/backup_label': backupLabel(),
    'data/postgresql.conf': "# the primary's\nport = 5432\n",
    'data/postgresql.auto.conf': autoConfHead,
    'data/pg_hba.conf': "local all all trust # the primary's\n",
    'data/pg_ident.conf': '',
    ...files,
  };
  for (const [name, text] of Object.entries(all)) node.sandbox.file(name, text);
  node.sandbox.file('data/global/pg_control', controlFile(ourCluster, controlVersions[major]));
  return node;
}

/** `configStandby <words>` in the data directory, and what it changed in the sandbox, the node's record left out. */
export async function configureCopy(node: NodeFixture, ...words: string[]): Promise<Outcome> {
  const outcome = await node.sh(commandLine('configStandby', ...words));
  return { ...outcome, changed: outcome.changed.filter((change) => !/twowarm\/state(\/|$)/.test(change)) };
}

export const textOf = (node: NodeFixture, name: string): string => readFileSync(node.path(name), 'utf8');

/** As they stand in a setting of the fixtures. */
export const restoreCommand = (): string => `${program('restoreWALFile')} %f %p %r`;
export const cleanupCommand = (): string => `${program('twowarm')} prune %r`;
