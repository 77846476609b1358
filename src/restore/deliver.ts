// The last step to %p: a whole, inspected file gets the requested path, never over another one. Not fsynced: the archive
// keeps its copy, and PostgreSQL fsyncs what it renames into pg_wal (KeepFileRestoredFromArchive in xlogarchive.c).
import { errnoOf, ProgramError } from '../program/program-error.ts';
import { temporaryPath } from '../program/temporary-name.ts';
import { closeFile, link, lstat, rename, unlessMissing } from '../program/system-calls.ts';
import { compareBytes, openRegular } from '../transport/copy.ts';
import { alreadyInspected } from '../transport/publish.ts';
import type { Identity } from '../transport/transport.ts';
import { noteUnfinished, removeUnfinished } from '../transport/unfinished.ts';

/**
 * Runs `fetch` into a temporary file beside `target` and, if it fetched, gives the file its path. `fetch` calls `begin`
 * before it makes the file: most requests of a standby are for files that are not there yet.
 */
export async function deliver(
  target: string,
  by: Identity,
  signal: AbortSignal,
  fetch: (path: string, begin: () => void) => Promise<'fetched' | 'missing'>,
): Promise<'fetched' | 'missing'> {
  const temporary = temporaryPath(target, by.nodeId);
  let begun = false;
  const begin = (): void => {
    noteUnfinished(by.stateDirectory, temporary);
    begun = true;
  };
  try {
    const fetched = await fetch(temporary, begin);
    if (fetched === 'fetched') await giveName(temporary, target, signal);
    return fetched;
  } finally {
    if (begun) await removeUnfinished(by.stateDirectory, temporary);
  }
}

async function giveName(temporary: string, target: string, signal: AbortSignal): Promise<void> {
  try {
    await link(temporary, target);
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'EEXIST') return requireSame(temporary, target, signal);
    if (code === undefined || !['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(code)) throw error;
    // No hard links here. The one who asks is alone with this name, so looking first is as good.
    if ((await unlessMissing(lstat(target))) !== undefined) return requireSame(temporary, target, signal);
    await rename(temporary, target);
  }
}

async function requireSame(temporary: string, target: string, signal: AbortSignal): Promise<void> {
  const [fetched, existing] = await Promise.all([openRegular(temporary), openRegular(target)]);
  const opened = [fetched, existing].filter((file) => file !== 'not a file');
  try {
    if (fetched !== 'not a file' && existing !== 'not a file') {
      const verdict = await compareBytes(fetched.descriptor, existing.descriptor, alreadyInspected, signal);
      if (verdict === 'identical') return;
    }
    throw new ProgramError('file-exists', `will not replace ${target}: it exists with other content`);
  } finally {
    for (const { descriptor } of opened) await closeFile(descriptor);
  }
}
