// Where this node relays to: every configured destination that is not its own archive, and how the road there is opened.
import type { Stats } from 'node:fs';
import type { ThisNode } from '../postgres/this-node.ts';
import { bounded } from '../program/bounded.ts';
import { ProgramError } from '../program/program-error.ts';
import { readRoadUrl } from '../program/road-url.ts';
import type { Destination } from '../program/settings/settings.ts';
import { stat } from '../program/system-calls.ts';
import { openDestination, openSource } from '../transport/open.ts';
import { withRetry } from '../transport/retry.ts';
import type { Identity, Transport } from '../transport/transport.ts';

/** How long a directory may take to say which one it is, in ms. */
const lookLimitMs = 2000;

/**
 * The destinations to carry to, none where there are none. Nodes may share one configuration that names each of them: the
 * own archive is left out.
 */
export async function destinationsIfAny(node: ThisNode, stop: AbortSignal): Promise<Destination[]> {
  const { archiveDirectory, destinations } = node.settings;
  const own = await lookAt(archiveDirectory, stop);
  const others: Destination[] = [];
  for (const destination of destinations)
    if (!(await isDirectory(destination, archiveDirectory, own, stop))) others.push(destination);
  return others;
}

/** As destinationsIfAny; a `settings` error where none is left: a relay that stays would stay for nothing. */
export async function destinationsOf(node: ThisNode, stop: AbortSignal): Promise<Destination[]> {
  const others = await destinationsIfAny(node, stop);
  if (others.length > 0) return others;
  throw noDestination(node);
}

export const noDestination = ({ settings }: ThisNode): ProgramError =>
  new ProgramError('settings', 'cannot relay: no destination is configured', {
    detail: `What arrives in ${settings.archiveDirectory} has nowhere to go.`,
    hint: `Add a [destination.<name>] with its url to ${settings.configurationFile}.`,
  });

async function isDirectory(
  { url }: Destination,
  directory: string,
  own: Stats | undefined,
  stop: AbortSignal,
): Promise<boolean> {
  const road = readRoadUrl(url);
  if (road.kind !== 'directory') return false;
  if (road.directory === directory) return true;
  const there = own === undefined ? undefined : await lookAt(road.directory, stop);
  return there !== undefined && there.dev === own?.dev && there.ino === own.ino;
}

/** One that cannot be looked at is taken for another: the road itself says what is wrong with it. */
const lookAt = (path: string, stop: AbortSignal): Promise<Stats | undefined> =>
  bounded(`look at ${path}`, lookLimitMs, stop, () => stat(path)).catch(() => {
    stop.throwIfAborted();
    return undefined;
  });

/** Opens the road, coming as `identity`; in a dry run one that changes nothing. */
export async function openRoad(
  { url, compression }: Destination,
  identity: Identity,
  signal: AbortSignal,
): Promise<Transport> {
  if (identity.dryRun !== true) return withRetry(await openDestination(url, identity, compression, signal));
  const { dryRun } = await import('../transport/dry-run.ts');
  return dryRun(await openSource(url, identity, signal));
}
