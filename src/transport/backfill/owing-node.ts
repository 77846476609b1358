// The node that owes files to its destinations, as far as paying has to know it.
import type { Settings } from '../../program/settings/settings.ts';
import type { Cluster } from '../../wal/content-check.ts';
import type { ClusterFacts, Identity } from '../transport.ts';

/** postgres/this-node.ts makes one. */
export interface OwingNode {
  settings: Pick<Settings, 'home' | 'dataDirectory' | 'archiveDirectory' | 'destinations'>;
  cluster: Cluster;
  /** The node itself, on whosever behalf it knocks elsewhere. */
  identity: Identity & { readonly facts: () => ClusterFacts };
}
