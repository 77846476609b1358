// Rule 6: every verb listens to its signal, ends with the signal's reason, and leaves nothing half done.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { InTurn } from '../../harness/share.ts';
import { acceptAll, openFilesIn, patterned, photograph, treeOf } from '../archives.ts';
import { gap, megabyte, putBytes, segment, type Archive, type Opened } from './archive.ts';

const reason = new Error('stopped by SIGTERM');

const verbs: Record<string, (archive: Archive, signal: AbortSignal) => Promise<unknown>> = {
  list: ({ road }, signal) => road.list(signal),
  stat: ({ road }, signal) => road.stat(segment, signal),
  get: ({ road, sandbox }, signal) =>
    road.get(segment, join(sandbox.directory('room'), 'fetched'), acceptAll, signal),
  gapOf: ({ road }, signal) => road.gapOf(segment, signal),
  put: ({ road, sandbox }, signal) =>
    road.put('00000002.history', sandbox.file('source', 'x'), acceptAll, signal),
  'put of the same': ({ road, sandbox }, signal) =>
    road.put(segment, sandbox.file('source', patterned(megabyte, 1)), acceptAll, signal),
  recordGap: ({ road }, signal) => road.recordGap(gap, signal),
  remove: ({ road }, signal) => road.remove(segment, signal),
  ownership: ({ road }, signal) => road.ownership(signal),
  claim: ({ road }, signal) => road.claim({ timeline: 2, nodeName: 'x', takeOver: true }, signal),
  release: ({ road }, signal) => road.release(1, signal),
  reserve: ({ road }, signal) => road.reserve({ timeline: 2, nodeName: 'x' }, signal),
  reservationOf: ({ road }, signal) => road.reservationOf(2, signal),
};

export function describeStopping(opened: Opened, its: InTurn): void {
  its('before any verb begins, when the signal has spoken already', async () => {
    await using archive = await opened();
    await putBytes(archive, segment, patterned(megabyte, 1));
    const before = photograph(archive.directory);
    const room = archive.sandbox.directory('room');
    for (const [verb, call] of Object.entries(verbs)) {
      await expect(call(archive, AbortSignal.abort(reason)), verb).rejects.toBe(reason);
      const after = photograph(archive.directory);
      // A temporary file may have come and gone, which shows in the times of the directory alone.
      expect({ ...after, '.': '' }, verb).toEqual({ ...before, '.': '' });
      expect(readdirSync(room), verb).toEqual([]);
      expect(openFilesIn(archive.sandbox.path), verb).toEqual([]);
    }
  });

  it('in the middle of a put, and the next one stores the file', async () => {
    await using archive = await opened();
    const source = archive.sandbox.file('source', patterned(4 * megabyte, 1));
    const before = treeOf(archive.directory);
    const controller = new AbortController();
    const stop = (): void => controller.abort(reason);
    const put = archive.road.put(segment, source, () => ({ add: stop, end: stop }), controller.signal);
    await expect(put).rejects.toBe(reason);
    expect(treeOf(archive.directory)).toEqual(before);
    expect(openFilesIn(archive.sandbox.path)).toEqual([]);
    expect(await archive.road.put(segment, source, acceptAll, new AbortController().signal)).toBe('stored');
  });

  its('in the middle of comparing with what is stored, which stays', async () => {
    await using archive = await opened();
    const source = archive.sandbox.file('source', patterned(4 * megabyte, 1));
    await putBytes(archive, segment, patterned(4 * megabyte, 1));
    const before = photograph(archive.directory);
    const controller = new AbortController();
    const stop = (): void => controller.abort(reason);
    const put = archive.road.put(segment, source, () => ({ add: stop, end: stop }), controller.signal);
    await expect(put).rejects.toBe(reason);
    expect(photograph(archive.directory)).toEqual(before);
  });

  its('in the middle of a get, and delivers nothing', async () => {
    await using archive = await opened();
    await putBytes(archive, segment, patterned(4 * megabyte, 1));
    const room = archive.sandbox.directory('room');
    const controller = new AbortController();
    const stop = (): void => controller.abort(reason);
    const inspectOf = () => ({ add: stop, end: stop });
    const get = archive.road.get(segment, join(room, 'fetched'), inspectOf, controller.signal);
    await expect(get).rejects.toBe(reason);
    expect(readdirSync(room)).toEqual([]);
    expect(openFilesIn(archive.sandbox.path)).toEqual([]);
  });
}
