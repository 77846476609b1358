// What the tests of the road over rsync share: how nodes log in, and what the road says to claims.
import type { RoadUnderTest } from '../contract.ts';
import { openDestination } from '../../../src/transport/open.ts';
import type { Identity, Transport } from '../../../src/transport/transport.ts';
import type { Sandbox } from '../../harness/sandbox.ts';
import type { Sshd } from '../../harness/sshd.ts';
import { makeNode } from '../archives.ts';

/** What every road over rsync declares. */
export const declared: Omit<RoadUnderTest, 'open'> = {
  isFar: true,
  fetchesToCompare: true,
  promises: { exclusive: false, durable: false },
  removesNothing: 'nothing is removed over rsync',
  refusesClaims: {
    words: 'of two nodes that do so at once over rsync, both would succeed',
    detail: 'rsync cannot create a file only where there is none. Nothing was changed.',
    hint: 'Name the same directory by another road: on its machine as file:, from here as ssh:, which needs twowarm there.',
  },
};

export const bothLacks = { mayLack: ['not-exclusive' as const, 'not-durable' as const] };

type Login = NonNullable<Identity['login']>;

/** A node of the cluster that may log in at the server, where there is one. */
export function rsyncNode(sandbox: Sandbox, sshd?: Sshd, changes: Partial<Login> = {}): Identity {
  return {
    ...makeNode(sandbox),
    nodeName: 'db1',
    login: {
      identityFiles: sshd && [sshd.clientKey],
      knownHosts: sshd && [sshd.knownHosts],
      agent: undefined,
      receiver: 'twowarm',
      connectLimitMs: 20_000,
      idleLimitMs: 20_000,
      ...changes,
    },
  };
}

/** A writer's road to an archive that a node of its own machine has used before. */
export async function openUsed(url: string, directory: string, node: Identity): Promise<Transport> {
  await (await openDestination(`file:${directory}`, node)).close();
  return openDestination(url, node, bothLacks);
}
