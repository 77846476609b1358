// A base backup in a sandbox that configStandby is called for, as a person calls it, and what it said and changed.
import { join } from 'node:path';

import { baseBackup } from '../../harness/base-backup.ts';
import type { Cluster } from '../../harness/cluster.ts';
import { program } from '../../harness/installation.ts';
import { run, type RunResult } from '../../harness/run.ts';

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
