// The files that only exist once a backup has ended: backup_label and tablespace_map as the server gave them, and the manifest.
// pg_control comes after them.
import { chunkBytes, type Target } from '../copying/target.ts';
import { ProgramError } from '../program/program-error.ts';
import { checksumOfBytes } from './source/file-checksum.ts';
import type { Manifest, WalRange } from './source/manifest.ts';
import { sendFile, type Sending } from './source/send-file.ts';

export interface EndFiles {
  label: Buffer;
  /** Empty: there is none. */
  tablespaceMap: Buffer;
  control: Buffer;
  /** Undefined: this version has none. */
  manifest: Manifest | undefined;
  wal: WalRange;
  /** Permission bits. */
  mode: number;
}

async function sendBytes(
  target: Target,
  path: string,
  bytes: Buffer,
  mode: number,
  signal: AbortSignal,
): Promise<void> {
  const arriving = await target.file(path, mode, signal);
  for (let at = 0; at < bytes.length; at += chunkBytes)
    await arriving.take(bytes.subarray(at, at + chunkBytes));
  if ((await arriving.end(bytes.length)) === 'written') return;
  throw new ProgramError('copy-damaged', `"${path}" at ${target.url} is not what was sent`);
}

/** Writes all of them but pg_control, which only goes into the manifest. */
export async function writeEnd(files: EndFiles, sending: Sending): Promise<void> {
  const { label, tablespaceMap, control, manifest, wal, mode } = files;
  const { target, checksums, signal } = sending;
  const now = Date.now();
  const note = (path: string, bytes: Buffer): void =>
    manifest?.file(path, bytes.length, now, checksumOfBytes(bytes, checksums));
  await sendBytes(target, 'backup_label', label, mode, signal);
  note('backup_label', label);
  if (tablespaceMap.length > 0) {
    await sendBytes(target, 'tablespace_map', tablespaceMap, mode, signal);
    note('tablespace_map', tablespaceMap);
  }
  note('global/pg_control', control);
  if (manifest === undefined) return;
  manifest.end(wal);
  await sendFile(
    { from: manifest.path, to: 'backup_manifest', mode },
    { ...sending, progress: () => undefined },
  );
}
