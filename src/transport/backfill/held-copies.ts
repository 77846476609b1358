// Copies that this node keeps of files that a destination is owed, in <home>/spool/held/<destination>/: real copies,
// because a hard link to a segment of pg_wal changes when PostgreSQL recycles that.
import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, fromSystemError, ProgramError } from '../../program/program-error.ts';
import { ensureDirectory } from '../../program/small-file.ts';
import { closeFile } from '../../program/system-calls.ts';
import { parseWalFileName } from '../../wal/filename.ts';
import { openSourceFile } from '../copy.ts';
import { hashFile } from '../hash.ts';
import type { Ledger } from '../ledger.ts';
import { alreadyInspected, publish } from '../publish.ts';
import { heldDirectory, heldNames } from './held-directory.ts';
import type { OwingNode } from './owing-node.ts';

/**
 * Keeps a copy of the file, durable on return. One of other bytes under the same name, the last segment of another
 * promotion, is kept beside the first.
 */
export async function hold(
  name: string,
  source: string,
  destination: string,
  { settings, identity }: OwingNode,
  signal: AbortSignal,
): Promise<void> {
  const directory = heldDirectory(settings.home, destination);
  for (const path of ['spool', 'spool/held', `spool/held/${destination}`])
    ensureDirectory(join(settings.home, path));
  const { descriptor } = await openSourceFile(source);
  try {
    const bytes = { descriptor, inspect: alreadyInspected };
    const published = await publish(join(directory, name), bytes, identity, signal);
    if (typeof published === 'string') return;
    const version = join(directory, `${name}.${await hashFile(descriptor, signal)}`);
    if (typeof (await publish(version, bytes, identity, signal)) === 'string') return;
    throw new ProgramError('archive-duplicate', `${version} has other content than its name says`);
  } catch (error) {
    throw fromSystemError(
      error,
      `could not keep a copy of ${name} in ${directory}`,
      'What a fallback stands in for is kept on this node, too, until the required destination has it: make room there.',
    );
  } finally {
    await closeFile(descriptor);
  }
}

/** The paths of all copies that are held of a file for a destination. */
export function heldCopies(home: string, destination: string, name: string): string[] {
  const isOf = (entry: string): boolean =>
    entry === name || (entry.startsWith(`${name}.`) && entry.length === name.length + 65);
  return heldNames(home, destination)
    .filter(isOf)
    .map((entry) => join(heldDirectory(home, destination), entry));
}

/** The names of files of which copies are held although nobody is owed them; what is no WAL file is left alone. */
export function unowedCopies(home: string, destination: string, ledger: Ledger): string[] {
  const names = new Set(heldNames(home, destination).map((entry) => entry.replace(/\.[0-9a-f]{64}$/, '')));
  return [...names].filter((name) => parseWalFileName(name) !== undefined && !ledger.isOwed(name));
}

/**
 * Owes what is held and not owed. One who was killed may have brought it and not let go of it, or it came while the debt
 * of another copy was struck: only bringing it tells. For who has the paying lock: nobody else is letting go of it then.
 */
export function oweHeld(home: string, destination: string, ledger: Ledger): void {
  for (const name of unowedCopies(home, destination, ledger)) ledger.owe(name);
}

/** Removes these copies; one that is gone is no fault. */
export function releaseHeld(paths: readonly string[]): void {
  for (const path of paths) {
    try {
      unlinkSync(path);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw fromSystemError(error, `could not remove ${path}`);
    }
  }
}
