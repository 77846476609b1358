// From an rsync: or rsync+ssh: URL to a road, by the system's rsync. Whose the archive is, is looked at first.
import type { Compression } from '../stored-form.ts';
import type { Identity, Transport } from '../transport.ts';
import { admitReader, admitWriter } from './admission.ts';
import { farSideOf } from './far-side.ts';
import { RsyncRoad } from './road.ts';
import { sweepRooms } from './rooms.ts';

/**
 * Opens a road over rsync, for reading only where no `compression` says how new files are stored: then nothing is changed
 * there. Throws the reason of the signal when that aborts.
 */
export async function openOverRsync(
  url: string,
  identity: Identity,
  signal: AbortSignal = new AbortController().signal,
  compression?: Compression,
): Promise<Transport> {
  const far = farSideOf(url, identity);
  await sweepRooms(identity);
  const admit = compression === undefined ? admitReader : admitWriter;
  const seen = await admit(identity, { far, what: 'open', signal });
  return new RsyncRoad(far, identity, seen, compression ?? 'none');
}
