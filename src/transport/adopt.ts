// An archive directory that nobody has used yet becomes a cluster's: .twowarm/format and .twowarm/owner, created exclusively.
// And what a call that was killed there left unfinished. Loaded when a node meets an archive for the first time.
import { join } from 'node:path';
import { makeDirectoryDurably } from '../program/make-directory.ts';
import { identifierOfContent } from './archive-content.ts';
import { formatText, ownDirectory, readOwner, requireSameCluster } from './archive-identity.ts';
import type { Owner } from './ownership.ts';
import { createRecord, recordNames } from './record-file.ts';
import type { Identity } from './transport.ts';
import { writerOf } from './writer.ts';

/** Makes it the cluster's, durably; `wrong-cluster` where it holds WAL of another one. */
export async function adopt(directory: string, identity: Identity): Promise<Owner> {
  const content = await identifierOfContent(directory);
  if (content !== undefined) requireSameCluster(directory, content, identity);
  const { randomBytes } = await import('node:crypto');
  const owner = {
    archive: randomBytes(8).toString('hex'),
    system_identifier: identity.systemIdentifier,
  };
  const own = ownDirectory(directory);
  await makeDirectoryDurably(own);
  await createRecord(join(own, 'format'), formatText, writerOf(identity));
  await createRecord(join(own, 'owner'), `${JSON.stringify(owner)}\n`, writerOf(identity));
  // Two first calls at once: the owner on disk is the one that counts.
  const agreed = await readOwner(directory);
  if (agreed === undefined) throw new Error(`the owner of ${directory} vanished`);
  return agreed;
}

/** Removes what calls of this node that were killed left in the archive's own directory. What cannot be removed stays. */
export async function tidyOwn(directory: string, identity: Identity): Promise<void> {
  await recordNames(ownDirectory(directory), writerOf(identity)).catch(() => undefined);
}
