// The first request of a connection: who comes, to which archive, for what. Whoever is admitted gets the archive opened
// as the file: road opens it, by the same rules.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ProgramError } from '../../program/program-error.ts';
import { ensureDirectory } from '../../program/small-file.ts';
import { version } from '../../program/version.ts';
import { archiveNameOf, requireDirectory } from '../archive-identity.ts';
import { refuseDataDirectory } from '../data-directory.ts';
import { openArchiveForReading, type ArchiveDirectory } from '../filesystem.ts';
import { openArchive, type WritableArchive } from '../filesystem-writing.ts';
import type { Identity } from '../transport.ts';
import { agreeOn } from '../wire/agree-version.ts';
import { notReadableWords, versions, type Hello, type Welcome } from '../wire/messages.ts';
import type { Terms } from './terms.ts';

/** An archive that the far side was admitted to. */
export interface Admitted {
  archive: ArchiveDirectory;
  /** The same, for one who was admitted to write. */
  writable: WritableArchive | undefined;
  directory: string;
  mayRead: boolean;
  /** The client, with what this machine keeps for the archive in place of a home. */
  by: Identity;
  welcome: Welcome;
}

function requireTerms(hello: Hello, { directory, mayRead }: Terms): void {
  if (resolve('/', hello.directory) !== resolve('/', directory)) {
    throw new ProgramError('not-allowed', 'the receiver serves another directory than the URL names', {
      detail: `It serves ${directory}; the URL names ${hello.directory}.`,
      hint: hello.directory.startsWith('/~')
        ? '~ is not expanded: write the whole path into the URL.'
        : 'In authorized_keys over there, the command of this key has that --directory: change the one or the other.',
    });
  }
  if (hello.purpose === 'read' && hello.look !== true && !mayRead) throw notReadable();
}

export const notReadable = (): ProgramError =>
  new ProgramError('not-allowed', notReadableWords, {
    hint: 'In authorized_keys over there, the command of this key needs --allow-read.',
  });

/** A name for this machine: 16 hexadecimal digits, the same for every receiver on it. */
function machineName(): string {
  let machine = 'none';
  try {
    machine = readFileSync('/etc/machine-id', 'latin1').trim();
  } catch {
    // Then all machines without an id share a name.
  }
  return createHash('sha256').update(`twowarm receiver ${machine}`).digest('hex').slice(0, 16);
}

function identityOf(hello: Hello, stateDirectory: string): Identity {
  return {
    systemIdentifier: hello.system_identifier,
    nodeId: hello.node,
    nodeName: hello.node_name,
    stateDirectory,
    memory: { archive: hello.archive, note: hello.note },
    heldEpoch: hello.epoch,
    isRemote: true,
  };
}

/** Opens the archive for whoever says this hello; throws what refuses them. */
export async function admit(hello: Hello, terms: Terms): Promise<Admitted> {
  const agreed = agreeOn(versions, hello.versions, 'the protocol', hello.client);
  requireTerms(hello, terms);
  const { directory, mayRead } = terms;
  await requireDirectory(directory);
  if (hello.purpose === 'write') await refuseDataDirectory(directory);
  const receiverDirectory = join(directory, '.twowarm', 'receiver');
  // Of this machine alone: what a process left unfinished only tells by its number whether it is gone.
  const stateDirectory = join(receiverDirectory, machineName());
  const identity = identityOf(hello, stateDirectory);
  const writable = hello.purpose === 'write' ? await openArchive(hello.url, directory, identity) : undefined;
  const archive =
    writable ?? ((await openArchiveForReading(hello.url, directory, identity)) as ArchiveDirectory);
  // Part of every call.
  if (writable !== undefined && !existsSync(stateDirectory))
    for (const path of [receiverDirectory, stateDirectory]) ensureDirectory(path);
  const name = await archiveNameOf(directory);
  const welcome: Welcome = {
    reply: 'welcome',
    version: agreed,
    receiver: version,
    ...(name !== undefined && { archive: name }),
    vacant: archive.isVacant,
    may_read: mayRead,
  };
  return { archive, writable, directory, mayRead, by: identity, welcome };
}
