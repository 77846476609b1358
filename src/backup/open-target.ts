// The data directory that is copied into: of this machine, or behind a receiver over ssh.
import type { Outside, Target } from '../copying/target.ts';
import { openNearTarget } from '../copying/near/near-target.ts';
import type { ThisNode } from '../postgres/this-node.ts';
import type { SshSettings } from '../program/settings/settings.ts';
import type { Chosen } from './choose.ts';

/** With a key of its own: that of the archive has no right to a data directory. */
function loginFor(login: SshSettings, identity: string | undefined): SshSettings {
  return identity === undefined ? login : { ...login, copyIdentityFiles: [identity] };
}

/**
 * Whoever opens it closes it. `identity`: a private key instead of the configured ones; `outside`: what a new target would have
 * beside it, which may come later than the login. Throws where the far side cannot be reached, or has no right to such a copy.
 */
export async function openTarget(
  { place }: Chosen,
  { settings, identity: { nodeId } }: ThisNode,
  identity: string | undefined,
  outside: Promise<Outside>,
  stop: AbortSignal,
): Promise<Target> {
  const { directory } = place;
  if (place.kind === 'here') return openNearTarget({ directory, allowed: 'any', nodeId });
  const { openFarTarget } = await import('../copying/far/open-far-target.ts');
  return openFarTarget(place.road, directory, outside, loginFor(settings.ssh, identity), stop);
}
