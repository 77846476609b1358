// Where this node relays to: every configured destination that is not its own archive, and how the road there is opened.
import type { ThisNode } from '../postgres/this-node.ts';
import { ProgramError } from '../program/program-error.ts';
import type { Destination } from '../program/settings/settings.ts';
import { openDestination, openToLook } from '../transport/open.ts';
import { othersThanOwn } from '../transport/own-directory.ts';
import { withRetry } from '../transport/retry.ts';
import type { Identity, Transport } from '../transport/transport.ts';

/**
 * The destinations to carry to. Nodes may share one configuration that names each of them: the own archive is left out.
 * A `settings` error where none is left.
 */
export async function destinationsOf(node: ThisNode, stop: AbortSignal): Promise<Destination[]> {
  const { archiveDirectory, configurationFile } = node.settings;
  const others = await othersThanOwn(node.settings, stop);
  if (others.length > 0) return others;
  throw new ProgramError('settings', 'cannot relay: no destination is configured', {
    detail: `What arrives in ${archiveDirectory} has nowhere to go.`,
    hint: `Add a [destination.<name>] with its url to ${configurationFile}.`,
  });
}

/** Opens the road, coming as `identity`; in a dry run one that changes nothing. */
export async function openRoad(
  { url, compression }: Destination,
  identity: Identity,
  signal: AbortSignal,
): Promise<Transport> {
  if (identity.dryRun !== true) return withRetry(await openDestination(url, identity, compression, signal));
  const { dryRun } = await import('../transport/dry-run.ts');
  return dryRun(await openToLook(url, identity, signal));
}
