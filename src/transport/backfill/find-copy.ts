// Where a file that a destination is owed can be had: what is held for it, pg_wal if the very file is still there, the
// own archive, another destination. "Nowhere" is only said when each of them has said so.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ProgramError } from '../../program/program-error.ts';
import type { Destination } from '../../program/settings/settings.ts';
import type { WalFileName } from '../../wal/filename.ts';
import { inspectAs } from '../inspection.ts';
import type { InspectOf } from '../transport.ts';
import { fetchCopy } from './fetch-copy.ts';
import { heldCopies } from './held-copies.ts';
import type { OwingNode } from './owing-node.ts';
import { requireOwnArchive } from './used-archive.ts';

/** Puts a local file; true when the destination has it, false when the file is not what it should be. */
export type Put = (source: string, inspect: InspectOf) => Promise<boolean>;

/** A fault says why it cannot be known whether there is a copy. */
export type Search = 'put' | 'nowhere' | ProgramError;

/** Finds a copy and puts it; `debtor` is the destination that lacks it. Destinations that are `away` are not asked. */
export async function putFromAnywhere(
  name: WalFileName,
  debtor: string,
  node: OwingNode,
  put: Put,
  away: (destination: string) => boolean,
  stop: AbortSignal,
): Promise<Search> {
  const { home, dataDirectory } = node.settings;
  const inspect = (): InspectOf => inspectAs(name, node.cluster, `cannot archive ${name.name}`).of;
  if (
    await putHeld(
      () => heldCopies(home, debtor, name.name),
      (path) => put(path, inspect()),
    )
  )
    return 'put';
  const original = join(dataDirectory, 'pg_wal', name.name);
  if (existsSync(original) && (await put(original, unchanged(original, inspect())))) return 'put';
  // Elsewhere a partial segment of this name may be another promotion's.
  if (name.kind === 'partial') return 'nowhere';
  const others = node.settings.destinations.filter((each) => each.name !== debtor);
  const ask = (url: string): Promise<Search> => fetchCopy(url, name, node, inspect, put, stop);
  return putFromArchives(others, node, ask, away);
}

/** Every copy, also one that comes meanwhile; true when there was one, and all of them are there. */
async function putHeld(copies: () => string[], put: (path: string) => Promise<boolean>): Promise<boolean> {
  const stored = new Map<string, boolean>();
  for (;;) {
    const next = copies().find((path) => !stored.has(path));
    if (next === undefined) return stored.size > 0 && [...stored.values()].every(Boolean);
    stored.set(next, await put(next));
  }
}

async function putFromArchives(
  others: readonly Destination[],
  node: OwingNode,
  ask: (url: string) => Promise<Search>,
  away: (destination: string) => boolean,
): Promise<Search> {
  let answer = await askOwn(node, ask);
  for (const { name, url } of others) {
    if (answer === 'put') return answer;
    const found = away(name) ? unasked(name) : await ask(url);
    if (found !== 'nowhere') answer = found;
  }
  return answer;
}

/** One that is away is no answer, unless this node never had one; nor are notes about it that cannot be read. */
async function askOwn(node: OwingNode, ask: (url: string) => Promise<Search>): Promise<Search> {
  const found = await ask(`file:${node.settings.archiveDirectory}`);
  const isMissing = found instanceof ProgramError && found.kind === 'directory-missing';
  if (found !== 'nowhere' && !isMissing) return found;
  try {
    await requireOwnArchive(node);
    return isMissing && existsSync(node.settings.archiveDirectory) ? found : 'nowhere';
  } catch (error) {
    if (error instanceof ProgramError) return error;
    throw error;
  }
}

const unasked = (name: string): ProgramError =>
  new ProgramError('source-unreachable', `${name} is suspended, or failed when it was tried last`);

/**
 * The inspection of a file that PostgreSQL may recycle while it is read: it has to be the same at the end, also by its
 * name. Renaming a file changes its ctime.
 */
function unchanged(path: string, inspect: InspectOf): InspectOf {
  const before = identityOf(path);
  return (sizeBytes) => {
    const inner = inspect(sizeBytes);
    const end = (): void => {
      inner.end();
      if (identityOf(path) !== before)
        throw new ProgramError('source-missing', `"${path}" changed while it was read`);
    };
    return { add: (chunk) => inner.add(chunk), end };
  };
}

function identityOf(path: string): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined) return 'gone';
  return [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ');
}
