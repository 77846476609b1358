// Makes a directory ready to be copied into, in an order in which a kill at any moment leaves either what was there, able to
// start and with all its WAL, or a directory that no server can start in and whose leftover WAL is safe beside it.
import { join } from 'node:path';
import { makeDirectoryDurably } from '../../program/make-directory.ts';
import { expectFilesIn } from '../../program/quick-calls.ts';
import type { ProcessLock } from '../../program/process-lock.ts';
import type { Outside, Prepared, SourceCluster } from '../target.ts';
import { closeToServers } from './close-to-servers.ts';
import { quarantine } from './leftovers.ts';
import { survey, type Situation } from './look.ts';
import type { NearOptions } from './near-target.ts';
import { writeNote } from './note.ts';
import { takeLock } from './own-lock.ts';
import { renewLinks } from './renew-links.ts';
import { renewWal } from './renew-wal.ts';
import { saveConfiguration } from './saved-configuration.ts';
import { Tree } from './tree.ts';

export interface Preparation {
  prepared: Prepared;
  tree: Tree;
  lock: ProcessLock;
  home: string;
  source: SourceCluster;
}

/** As target.ts promises it. */
export async function prepare(
  options: NearOptions,
  source: SourceCluster,
  outside: Outside,
  signal: AbortSignal,
): Promise<Preparation> {
  signal.throwIfAborted();
  const { place } = survey(options, source, outside);
  if (!place.isThere) await makeDirectoryDurably(place.real);
  const lock = takeLock(place.real, options.nodeId);
  try {
    // What was seen before the lock was taken may have changed.
    const situation = survey(options, source, outside);
    const prepared = await carryOut(situation, source, options.nodeId, signal);
    const { tablespaces } = situation;
    await expectFilesIn([place.real, ...tablespaces.map(({ real }) => real)]);
    return { prepared, tree: treeOf(situation, source), lock, home: situation.home, source };
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function carryOut(
  situation: Situation,
  source: SourceCluster,
  nodeId: string,
  signal: AbortSignal,
): Promise<Prepared> {
  const { place, wal, leftovers, home } = situation;
  const root = place.real;
  const warnings = leftovers.missing.map(
    (name) => `${name} was marked to be archived in ${root}, but is not in its pg_wal`,
  );
  const { names } = leftovers;
  const walNow = wal.now?.real ?? join(root, 'pg_wal');
  const quarantined = await quarantine(walNow, names, home, situation.quarantine, signal);
  if (situation.savesConfiguration) saveConfiguration(root, home, nodeId);
  signal.throwIfAborted();
  writeNote(root, source, nodeId);
  await closeToServers(root, nodeId);
  await renewWal(root, wal, signal);
  warnings.push(...(await renewLinks(situation, signal)));
  return { quarantined, warnings };
}

function treeOf({ place, tablespaces }: Situation, { version, catalogVersion }: SourceCluster): Tree {
  return new Tree(place.real, {
    oids: new Set(tablespaces.map(({ oid }) => oid)),
    versionDirectory: `PG_${version}_${catalogVersion}`,
  });
}
