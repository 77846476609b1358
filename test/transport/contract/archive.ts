// One archive for one test of the contract, and what the tests do with it again and again.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GapRecord } from '../../../src/program/gap-record.ts';
import type { PutOutcome, Transport } from '../../../src/transport/transport.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { acceptAll, neverStopped } from '../archives.ts';
import type { EmptyArchive, RoadUnderTest, Storage } from '../contract.ts';

export interface Archive extends EmptyArchive, AsyncDisposable {
  sandbox: Sandbox;
  storage: Storage;
}

const plain: Storage = {
  nameOf: (entry) => entry,
  pathOf: join,
  contentOf: readFileSync,
};

export type Opened = () => Promise<Archive>;

export const segment = '000000010000000000000005';
export const partial = `${segment}.partial`;
export const history = '00000002.history';
export const backup = `${segment}.00000028.backup`;
export const megabyte = 1024 * 1024;
export const gap: GapRecord = {
  name: segment,
  reason: 'discarded',
  at: '2024-05-06T07:08:09.000Z',
  node: 'db1',
};

/** A fresh archive in a fresh sandbox, closed and removed at the end of an `await using` block. */
export async function fresh({ open, storage = plain }: RoadUnderTest): Promise<Archive> {
  const sandbox = makeSandbox('road');
  const archive = await open(sandbox);
  const dispose = async (): Promise<void> => {
    await archive.road.close();
    await sandbox.dispose();
  };
  return { ...archive, sandbox, storage, [Symbol.asyncDispose]: dispose };
}

/** What lies in the archive itself, temporary files included; not what is in .twowarm. */
export const namesIn = ({ directory, storage }: Archive): string[] =>
  readdirSync(directory)
    .filter((name) => name !== '.twowarm')
    .map(storage.nameOf)
    .sort();

let sources = 0;

/** Puts the bytes under the name by this road, or by the archive's own. */
export function putBytes(
  { sandbox, road }: Archive,
  name: string,
  bytes: Uint8Array,
  by: Transport = road,
): Promise<PutOutcome> {
  sources += 1;
  return by.put(name, sandbox.file(`sources/${sources}`, bytes), acceptAll, neverStopped);
}

/** Where the file of that name lies. */
export const pathOf = ({ directory, storage }: Archive, name = segment): string =>
  storage.pathOf(directory, name);

/** What lies under the name, seen behind the road's back. */
export const read = (archive: Archive, name = segment): Buffer =>
  archive.storage.contentOf(pathOf(archive, name));
