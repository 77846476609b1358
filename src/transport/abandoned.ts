// Timelines that a take-over abandons: newer than the one that the archive is claimed for, so no ancestors of it. Restore
// would offer their histories to every standby that looks for the newest timeline, and each would follow, or wait there for
// good. They move into quarantine like what lies past a fork; a reservation of theirs at the arbiter stays.
import type { WalFileName } from '../wal/filename.ts';
import { parseWalFileName } from '../wal/filename.ts';
import type { Line } from '../wal/line.ts';
import type { Claim } from './ownership.ts';
import { filesOf, moveAside } from './quarantine.ts';
import { walNameOf } from './stored-form.ts';
import type { Identity } from './transport.ts';

/** The label of a base backup leads nobody anywhere, and says what that backup needs. */
const moving: readonly WalFileName['kind'][] = ['history', 'segment', 'partial'];

/** Whether a file of the archive, in either form, is of a timeline that the owner of this one has abandoned. */
export function isAbandoned(file: string, timeline: number): boolean {
  const name = parseWalFileName(walNameOf(file) ?? '');
  return name !== undefined && moving.includes(name.kind) && name.timeline > timeline;
}

const abandonedIn = async (directory: string, timeline: number): Promise<string[]> =>
  (await filesOf(directory)).filter((file) => isAbandoned(file, timeline));

/** The histories among them, by which a standby would find its way there. */
export const abandonedHistories = async (directory: string, timeline: number): Promise<string[]> =>
  (await abandonedIn(directory, timeline)).filter((file) => file.endsWith('.history'));

/** Moves them all aside, of each timeline its history first; or only those of these names. */
export async function quarantineAbandoned(
  directory: string,
  line: Line,
  claim: Claim,
  by: Identity,
  signal: AbortSignal,
  only?: string,
): Promise<void> {
  const files = await abandonedIn(directory, line.timeline);
  const meant = files.filter((file) => only === undefined || walNameOf(file) === only);
  await moveAside(directory, meant, line, 'abandoned-timeline', claim, by, signal);
}
