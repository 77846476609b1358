// Which cluster this is about: the one that is named, else the only one, else whichever is chosen at the terminal.
import { resolve } from 'node:path';
import { isDataDirectory } from '../../program/home.ts';
import type { ProgramCall } from '../../program/command.ts';
import { ProgramError } from '../../program/program-error.ts';
import type { Asker } from './asker.ts';
import type { Candidate, Roots } from './layouts.ts';
import { describeCluster, findClusters, realPlace, type LocalCluster } from './local-cluster.ts';

/** The data directory that the call names, or stands in, or that is taken over from another tool. */
function namedBy(call: ProgramCall, takenOver: string | undefined): Candidate | undefined {
  const option = call.options['pgdata'];
  if (typeof option === 'string') return { dataDirectory: resolve(call.workingDirectory, option), by: '-D' };
  if (takenOver !== undefined) return { dataDirectory: takenOver, by: 'what is taken over' };
  if (isDataDirectory(call.workingDirectory))
    return { dataDirectory: call.workingDirectory, by: 'the working directory' };
  const variable = call.environment['PGDATA'];
  return variable ? { dataDirectory: variable, by: 'PGDATA' } : undefined;
}

/** Refuses what is neither a data directory nor a place for one. */
function expectUsable(cluster: LocalCluster): LocalCluster {
  const { state, dataDirectory } = cluster;
  if (state === 'closed')
    throw new ProgramError('permission-denied', `could not look into ${dataDirectory}: Permission denied`, {
      hint: 'Run this as the owner of the data directory, or as root.',
    });
  if (state === 'other')
    throw new ProgramError('data-directory', `"${dataDirectory}" is not a data directory of PostgreSQL`, {
      detail: 'It has no file PG_VERSION, and is not empty.',
    });
  return cluster;
}

/** The one cluster; a `usage` error that lists them where none is chosen. */
export async function chooseCluster(
  call: ProgramCall,
  roots: Roots,
  asker: Asker,
  takenOver: string | undefined,
): Promise<LocalCluster> {
  const named = namedBy(call, takenOver);
  if (named !== undefined) {
    const place = realPlace(named.dataDirectory);
    const found = findClusters(roots, [named]).find(({ dataDirectory }) => dataDirectory === place);
    return expectUsable(found!);
  }
  const clusters = findClusters(roots).filter(({ state }) => state !== 'other');
  const chosen = await asker.choose({
    flag: '--pgdata',
    message: 'Which cluster?',
    choices: clusters.map((each) => ({ value: each.dataDirectory, words: describeCluster(each) })),
    proposal: clusters.length === 1 ? clusters[0]!.dataDirectory : undefined,
    none: 'there is no cluster of PostgreSQL to be seen on this machine',
  });
  return expectUsable(clusters.find(({ dataDirectory }) => dataDirectory === chosen)!);
}
