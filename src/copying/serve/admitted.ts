// What a client is let to that has said hello.
import type { NearTarget } from '../near/near-target.ts';
import type { PageDigests } from '../sums/page-digests.ts';

export interface Admitted {
  target: NearTarget;
  /** With the client's key. */
  digests: PageDigests;
}
