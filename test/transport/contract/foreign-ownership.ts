// Rule 7 for a road that cannot claim: it refuses to, and obeys what was claimed by another road to the same directory.
import { expect, it } from 'vitest';
import { openDestination } from '../../../src/transport/open.ts';
import type { Identity, Transport } from '../../../src/transport/transport.ts';
import type { InTurn } from '../../harness/share.ts';
import { faultOf } from '../../program/fault.ts';
import { makeNode, neverStopped, patterned, photograph } from '../archives.ts';
import type { ClaimRefusal } from '../contract.ts';
import { gap, history, partial, putBytes, segment, type Archive, type Opened } from './archive.ts';

/** A claim, as a node of the archive's own machine makes it. */
async function claimThere({ directory }: Archive, by: Identity, timeline = 2) {
  const road: Transport = await openDestination(`file:${directory}`, by);
  const { claim } = await road.claim({ timeline, nodeName: 'db2', takeOver: true }, neverStopped);
  await road.close();
  return claim;
}

export function describeForeignOwnership(opened: Opened, refusal: ClaimRefusal, its: InTurn): void {
  its('no claim and no reservation, which would have to be exclusive, and changes nothing', async () => {
    await using archive = await opened();
    await putBytes(archive, segment, patterned(10, 1));
    const { road } = archive;
    const before = photograph(archive.directory);
    const asked: Record<string, () => Promise<unknown>> = {
      claim: () => road.claim({ timeline: 2, nodeName: 'db2', takeOver: true }, neverStopped),
      'take back the claim of epoch 1 of': () => road.release(1, neverStopped),
      'reserve timeline 2 at': () => road.reserve({ timeline: 2, nodeName: 'db2' }, neverStopped),
    };
    for (const [what, ask] of Object.entries(asked)) {
      expect(await faultOf(ask)).toEqual({
        kind: 'not-allowed',
        message: `cannot ${what} ${road.url}: ${refusal.words}`,
        detail: refusal.detail,
        hint: refusal.hint,
      });
    }
    expect(photograph(archive.directory)).toEqual(before);
  });

  its('everything from every node until somebody claims the archive', async () => {
    await using archive = await opened();
    const other = await archive.again();
    expect(await archive.road.ownership(neverStopped)).toEqual({ standing: 'unclaimed' });
    expect(await putBytes(archive, segment, patterned(10, 1))).toBe('stored');
    expect(await putBytes(archive, history, patterned(10, 1), other)).toBe('stored');
    await other.close();
  });

  it('nothing of another node once it is claimed, also by a road that was open before', async () => {
    await using archive = await opened();
    const { road, directory } = archive;
    const other = await archive.again();
    const claim = await claimThere(archive, makeNode(archive.sandbox));
    const before = photograph(directory);
    for (const [index, each] of [road, other, await archive.again()].entries()) {
      for (const name of [segment, history, partial]) {
        const fenced = (what: string) => ({
          kind: 'fenced',
          message: `cannot ${what} at ${each.url}: the archive belongs to another node`,
          detail: `Node db2 (${claim.node}) holds it on timeline 2, epoch 1, since ${claim.at}. Nothing was stored.`,
          hint: `If db2 is the primary now, stop this server: it is a second one. If this one is a restored copy, set archive_mode = off in it. If this one is the primary: twowarm claim --take-over ${each.url}`,
        });
        const put = () => putBytes(archive, name, patterned(10, index), each);
        expect(await faultOf(put)).toEqual(fenced(`store ${name}`));
        const record = () => each.recordGap({ ...gap, name }, neverStopped);
        expect(await faultOf(record)).toEqual(fenced(`record the gap ${name}`));
      }
      if (each !== road && each !== other) await each.close();
    }
    expect(photograph(directory)).toEqual(before);
    expect(await road.list(neverStopped)).toEqual([]);
    expect((await road.ownership(neverStopped)).standing).toBe('theirs');
    await other.close();
  });

  its('the reservation that was made by another road', async () => {
    await using archive = await opened();
    expect(await archive.road.reservationOf(2, neverStopped)).toBeUndefined();
    const there = await openDestination(`file:${archive.directory}`, makeNode(archive.sandbox));
    await there.reserve({ timeline: 2, nodeName: 'db3' }, neverStopped);
    await there.close();
    expect(await archive.road.reservationOf(2, neverStopped)).toMatchObject({ timeline: 2, nodeName: 'db3' });
  });
}
