// Copies that this node keeps of files that a destination is owed, in <home>/spool/held/<destination>/: real copies,
// because a hard link to a segment of pg_wal changes when PostgreSQL recycles that.
import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, fromSystemError, ProgramError } from '../../program/program-error.ts';
import { ensureDirectory } from '../../program/small-file.ts';
import { closeFile } from '../../program/system-calls.ts';
import { openSourceFile } from '../copy.ts';
import { hashFile } from '../hash.ts';
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

/**
 * Removes every copy that nobody is owed any more; `isOwed` is asked by the name of the file, once its copy is known to be
 * there: a debt is on record before its copy is.
 */
export function releaseHeld(home: string, destination: string, isOwed: (name: string) => boolean): void {
  for (const entry of heldNames(home, destination)) {
    if (isOwed(entry.replace(/\.[0-9a-f]{64}$/, ''))) continue;
    try {
      unlinkSync(join(heldDirectory(home, destination), entry));
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT')
        throw fromSystemError(error, `could not remove ${heldDirectory(home, destination)}/${entry}`);
    }
  }
}
