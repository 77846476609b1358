// Whether this node's own archive has held anything: <home>/state/own-archive-used, the path of its directory. Any program
// may have filled it, so that it need not say itself whose it is; without this an unmounted one looks like none.
import { existsSync, opendir, readFileSync, type Dir } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readOwnArchive } from '../../program/own-archive.ts';
import { errnoOf, fromSystemError, ProgramError } from '../../program/program-error.ts';
import { ensureDirectory, replaceSmallFile } from '../../program/small-file.ts';
import { recall } from '../known-archives.ts';
import type { OwingNode } from './owing-node.ts';

const openDirectory = promisify(opendir) as (path: string) => Promise<Dir>;

type Node = Pick<OwingNode, 'identity'> & {
  settings: Pick<OwingNode['settings'], 'home' | 'archiveDirectory'>;
};

const notePath = ({ identity }: Node): string => join(identity.stateDirectory, 'own-archive-used');

/**
 * Keeps that the own archive, which has just answered, holds something; nothing where it is empty, and in a dry run. A home
 * that is full or read-only only loses the safeguard.
 */
export async function noteOwnArchiveUsed(node: Node): Promise<void> {
  const { identity, settings } = node;
  try {
    if (identity.dryRun === true || isNoted(node) || (await isEmpty(settings.archiveDirectory))) return;
    ensureDirectory(identity.stateDirectory);
    replaceSmallFile(notePath(node), `${settings.archiveDirectory}\n`, identity.nodeId);
  } catch (error) {
    if (!(error instanceof ProgramError) && errnoOf(error) === undefined) throw error;
  }
}

/**
 * What it means that the own archive does not have a file. A `source-unreachable` error where this node has used it, or is
 * configured to have one, and it is away: an unmounted disk does not say what it holds.
 */
export async function requireOwnArchive(node: Node): Promise<void> {
  const { archiveDirectory } = node.settings;
  if (!existsSync(archiveDirectory)) {
    if (!isExpected(node)) return;
    throw new ProgramError('source-unreachable', `the archive directory ${archiveDirectory} does not exist`, {
      hint: 'If it is a mount, mount it. No program creates it: make a new one with mode 0700 as the owner of the data directory.',
    });
  }
  if (!isNoted(node)) return noteOwnArchiveUsed(node);
  if (!(await isEmpty(archiveDirectory))) return;
  throw new ProgramError('source-unreachable', `the archive directory ${archiveDirectory} is empty`, {
    detail:
      'This node has seen files there before: an unmounted disk leaves an empty directory like this one.',
    hint: `Mount it. If it was emptied on purpose, remove ${notePath(node)}.`,
  });
}

/** Configured, other than by default; used by this node; or its archive_command's. */
function isExpected(node: Node): boolean {
  const { home, archiveDirectory } = node.settings;
  if (archiveDirectory !== join(home, 'archive') || readOwnArchive(home) !== undefined) return true;
  return isNoted(node) || recall(archiveDirectory, node.identity) !== undefined;
}

function isNoted(node: Node): boolean {
  try {
    return readFileSync(notePath(node), 'utf8').trimEnd() === node.settings.archiveDirectory;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw fromSystemError(error, `could not read ${notePath(node)}`);
  }
}

/** One look, however many names it has. */
async function isEmpty(directory: string): Promise<boolean> {
  try {
    const opened = await openDirectory(directory);
    const first = await opened.read();
    await opened.close();
    return first === null;
  } catch (error) {
    throw fromSystemError(error, `could not read ${directory}`);
  }
}
