// Where this node relays to: every configured destination that is not its own archive, and how the road there is opened.
import type { ThisNode } from '../postgres/this-node.ts';
import { ProgramError } from '../program/program-error.ts';
import type { Destination } from '../program/settings/settings.ts';
import { openDestination, openToLook } from '../transport/open.ts';
import { othersThanOwn } from '../transport/own-directory.ts';
import { withRetry } from '../transport/retry.ts';
import type { Identity, Transport } from '../transport/transport.ts';

/**
 * The destinations to carry to, none where there are none. Nodes may share one configuration that names each of them: the
 * own archive is left out.
 */
export const destinationsIfAny = ({ settings }: ThisNode, stop: AbortSignal): Promise<Destination[]> =>
  othersThanOwn(settings, stop);

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

/** Opens the road, coming as `identity`; in a dry run one that changes nothing. */
export async function openRoad(
  destination: Destination,
  identity: Identity,
  signal: AbortSignal,
): Promise<Transport> {
  if (identity.dryRun !== true)
    return withRetry(await openDestination(destination.url, identity, destination, signal));
  const { dryRun } = await import('../transport/dry-run.ts');
  return dryRun(await openToLook(destination.url, identity, signal, destination.mayLack));
}
