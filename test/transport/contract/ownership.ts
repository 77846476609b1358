// Rule 7: an archive belongs to whom it was claimed by last; nobody else stores anything there, everybody reads.
import { expect, it } from 'vitest';
import type { Transport } from '../../../src/transport/transport.ts';
import type { InTurn } from '../../harness/share.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { faultOf } from '../../program/fault.ts';
import { neverStopped, patterned, photograph } from '../archives.ts';
import { gap, history, megabyte, partial, putBytes, segment, type Archive, type Opened } from './archive.ts';

const claimBy = (road: Transport, timeline = 2, takeOver = false) =>
  road.claim({ timeline, nodeName: 'db2', takeOver }, neverStopped);

/** What the archive says to one who is not its owner. */
async function fenced(archive: Archive, name: string, timeline = 2, epoch = 1) {
  const { claim } = await archive.road.ownership(neverStopped);
  return {
    kind: 'fenced',
    message: `cannot ${name} at ${archive.road.url}: the archive belongs to another node`,
    detail: `Node db2 (${claim!.node}) holds it on timeline ${timeline}, epoch ${epoch}, since ${claim!.at}. Nothing was stored.`,
    hint: `If db2 is the primary now, stop this server: it is a second one. If this one is a restored copy, set archive_mode = off in it. If this one is the primary: twowarm claim --take-over ${archive.road.url}`,
  };
}

export function describeOwnership(opened: Opened, its: InTurn): void {
  its('everything from every node until somebody claims the archive', async () => {
    await using archive = await opened();
    const other = await archive.again();
    expect(await archive.road.ownership(neverStopped)).toEqual({ standing: 'unclaimed' });
    for (const [index, road] of [archive.road, other].entries())
      expect(await putBytes(archive, `00000001000000000000000${index}`, patterned(10, 1), road)).toBe(
        'stored',
      );
    await other.close();
  });

  its.each([segment, history, partial])('no %s of another node once it is claimed', async (name) => {
    await using archive = await opened();
    const { claim, outcome, previous } = await claimBy(archive.road);
    expect({ outcome, previous }).toEqual({ outcome: 'claimed', previous: undefined });
    expect(claim).toMatchObject({ timeline: 2, epoch: 1, nodeName: 'db2' });
    const other = await archive.again();
    const before = photograph(archive.directory);
    const put = () => putBytes(archive, name, patterned(10, 1), other);
    expect(await faultOf(put)).toEqual(await fenced(archive, `store ${name}`));
    const record = () => other.recordGap({ ...gap, name }, neverStopped);
    expect(await faultOf(record)).toEqual(await fenced(archive, `record the gap ${name}`));
    expect(photograph(archive.directory)).toEqual(before);
    await other.close();
  });

  its('no file by a road that was open before the claim, a second later', { timeout: 20_000 }, async () => {
    await using archive = await opened();
    const other = await archive.again();
    await putBytes(archive, segment, patterned(10, 1), other);
    await claimBy(archive.road);
    let number = 0x10;
    const isFenced = async (): Promise<boolean> => {
      number += 1;
      const name = `0000000100000000000000${number.toString(16).toUpperCase()}`;
      return putBytes(archive, name, patterned(10, 1), other).then(
        () => false,
        (error: unknown) => (error as { kind: string }).kind === 'fenced',
      );
    };
    await waitFor('the road to hear of the claim', isFenced);
    await other.close();
  });

  its('nothing also where the same bytes are stored already', async () => {
    await using archive = await opened();
    await putBytes(archive, segment, patterned(megabyte, 1));
    await claimBy(archive.road);
    const other = await archive.again();
    const put = () => putBytes(archive, segment, patterned(megabyte, 1), other);
    expect((await faultOf(put)).kind).toBe('fenced');
    await other.close();
  });

  its('the files of its owner, of older timelines, too', async () => {
    await using archive = await opened();
    const owner = await archive.again();
    await claimBy(owner, 7);
    await owner.close();
    const { road } = archive;
    expect((await road.ownership(neverStopped)).standing).toBe('theirs');
    await claimBy(road, 9, true);
    expect(await road.ownership(neverStopped)).toMatchObject({ standing: 'ours', heldEpoch: 2 });
    // At once, although the road had seen no claim when it was opened.
    for (const name of [segment, history, partial])
      expect(await putBytes(archive, name, patterned(10, 1))).toBe('stored');
  });

  its('reading by everybody', async () => {
    await using archive = await opened();
    await putBytes(archive, segment, patterned(10, 1));
    await claimBy(archive.road);
    const other = await archive.again();
    expect(await other.list(neverStopped)).toEqual([segment]);
    expect(await other.stat(segment, neverStopped)).toEqual({ sizeBytes: 10 });
    expect(await other.gapOf(segment, neverStopped)).toBeUndefined();
    await other.close();
  });

  its('a claim again by the same node for the same timeline, and nothing changes', async () => {
    await using archive = await opened();
    const { claim } = await claimBy(archive.road);
    const before = photograph(archive.directory);
    expect(await claimBy(archive.road)).toEqual({
      outcome: 'already-claimed',
      claim,
      previous: claim,
      quarantined: [],
    });
    expect(photograph(archive.directory)).toEqual(before);
    expect(await claimBy(archive.road, 3)).toMatchObject({ outcome: 'claimed', claim: { epoch: 2 } });
  });

  it('no claim of another node, unless it takes over, which begins another epoch', async () => {
    await using archive = await opened();
    const { claim } = await claimBy(archive.road);
    const other = await archive.again();
    const before = photograph(archive.directory);
    expect(await faultOf(() => claimBy(other))).toEqual({
      kind: 'fenced',
      message: `cannot claim ${archive.road.url}: it belongs to another node`,
      detail: `Node db2 (${claim.node}) holds it on timeline 2, epoch 1, since ${claim.at}. Nothing was changed.`,
      hint: `If that node is no primary and will be none: twowarm claim --take-over ${archive.road.url}`,
    });
    expect(photograph(archive.directory)).toEqual(before);
    const taken = await claimBy(other, 3, true);
    expect(taken).toMatchObject({ outcome: 'claimed', previous: claim, claim: { epoch: 2, timeline: 3 } });
    expect((await archive.road.ownership(neverStopped)).standing).toBe('theirs');
    await other.close();
  });

  its('its last owner, or everybody, once a claim is taken back', async () => {
    await using archive = await opened();
    const other = await archive.again();
    const first = await claimBy(other, 1);
    const { claim } = await claimBy(archive.road, 2, true);
    expect(await other.release(claim.epoch, neverStopped)).toBe('not-ours');
    expect(await archive.road.release(claim.epoch, neverStopped)).toBe('released');
    expect(await archive.road.release(claim.epoch, neverStopped)).toBe('not-ours');
    expect(await other.ownership(neverStopped)).toMatchObject({ standing: 'ours', claim: first.claim });
    expect(await other.release(first.claim.epoch, neverStopped)).toBe('not-ours');
    const next = await claimBy(archive.road, 2, true);
    expect(next).toMatchObject({ outcome: 'claimed', previous: first.claim, claim: { epoch: 4 } });
    await other.close();
  });

  its('a claim at the epoch that is asked for, and once more where its owner has a lower one', async () => {
    await using archive = await opened();
    const { road } = archive;
    const other = await archive.again();
    const claimAt = (by: Transport, atLeast: number, takeOver = false) =>
      by.claim({ timeline: 2, nodeName: 'db2', takeOver, atLeast }, neverStopped);
    const first = await claimAt(road, 7);
    expect(first).toMatchObject({ outcome: 'claimed', claim: { epoch: 7 } });
    for (const atLeast of [1, 7])
      expect(await claimAt(road, atLeast)).toMatchObject({ outcome: 'already-claimed', claim: first.claim });
    expect(await claimAt(road, 9)).toMatchObject({
      outcome: 'claimed',
      claim: { epoch: 9 },
      previous: first.claim,
    });
    expect(await road.ownership(neverStopped)).toMatchObject({ standing: 'ours', heldEpoch: 9 });
    expect(await putBytes(archive, segment, patterned(10, 1))).toBe('stored');
    // However high: only who takes over gets it.
    expect((await faultOf(() => claimAt(other, 100))).kind).toBe('fenced');
    // What was claimed in two steps goes back in one, and no epoch comes twice.
    expect(await road.release(9, neverStopped)).toBe('released');
    expect((await road.ownership(neverStopped)).standing).toBe('unclaimed');
    expect(await claimAt(other, 3)).toMatchObject({ outcome: 'claimed', claim: { epoch: 10 } });
    expect((await faultOf(() => claimAt(other, 2 ** 50))).kind).toBe('usage');
    await other.close();
  });

  its('everybody once the first claim of all is taken back', async () => {
    await using archive = await opened();
    const { claim } = await claimBy(archive.road);
    await archive.road.release(claim.epoch, neverStopped);
    const other = await archive.again();
    expect((await other.ownership(neverStopped)).standing).toBe('unclaimed');
    expect(await putBytes(archive, segment, patterned(10, 1), other)).toBe('stored');
    expect(await claimBy(other)).toMatchObject({ outcome: 'claimed', claim: { epoch: 3 } });
    await other.close();
  });

  its('one reservation of a timeline, and shows whose it is', async () => {
    await using archive = await opened();
    const { road } = archive;
    const other = await archive.again();
    expect(await road.reservationOf(2, neverStopped)).toBeUndefined();
    expect(await road.reserve({ timeline: 2, nodeName: 'db2' }, neverStopped)).toBe('reserved');
    expect(await road.reserve({ timeline: 2, nodeName: 'db2' }, neverStopped)).toBe('already-reserved');
    const found = await other.reservationOf(2, neverStopped);
    expect(found).toMatchObject({ timeline: 2, nodeName: 'db2', epoch: 0 });
    const before = photograph(archive.directory);
    expect(await faultOf(() => other.reserve({ timeline: 2, nodeName: 'db3' }, neverStopped))).toEqual({
      kind: 'timeline-reserved',
      message: `timeline 2 is reserved by another node, db2, at ${road.url}`,
      detail: `Node db2 (${found!.node}) reserved it at ${found!.at}: it is being promoted, or was. Nothing was changed.`,
      hint: `Two primaries would share the timeline. Only if db2 was never promoted and never will be, remove .twowarm/timeline/00000002 at ${road.url}.`,
    });
    expect(photograph(archive.directory)).toEqual(before);
    expect(await other.reserve({ timeline: 3, nodeName: 'db3' }, neverStopped)).toBe('reserved');
    expect(await road.list(neverStopped)).toEqual([]);
    await other.close();
  });
}
