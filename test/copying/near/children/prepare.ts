// Prepares a data directory to be copied into, and leaves it at that: to be killed while it does.
import { openNearTarget } from '../../../../src/copying/near/near-target.ts';
import type { SourceCluster } from '../../../../src/copying/target.ts';

export interface PrepareFacts {
  directory: string;
  /** With the LSN in decimal digits. */
  source: Omit<SourceCluster, 'lsn'> & { lsn: string };
  walDirectory?: string;
}

const { directory, source, walDirectory } = JSON.parse(process.argv[2]!) as PrepareFacts;
const target = openNearTarget({ directory, allowed: 'any', nodeId: '0123456789abcdef' });
const { signal } = new AbortController();
await target.prepare({ ...source, lsn: BigInt(source.lsn) }, { tablespaces: [], walDirectory }, signal);
await target.close();
