// What the tests of an archive's identity share: its owner, what a node has noted of it, and WAL that says whose it is.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { admitWriter } from '../../src/transport/archive-identity.ts';
import type { Identity } from '../../src/transport/transport.ts';
import type { Sandbox } from '../harness/sandbox.ts';
import { longHeader } from '../wal/header-bytes.ts';
import { treeOf } from './archives.ts';

interface Owner {
  archive: string;
  system_identifier: string;
}

/** What the archive says of itself. */
export const ownerOf = (directory: string): Owner =>
  JSON.parse(readFileSync(join(directory, '.twowarm/owner'), 'utf8')) as Owner;

/** The first bytes of a segment of a cluster: as much as tells whose it is. */
export const segmentOf = (systemIdentifier: string): Uint8Array =>
  longHeader({
    magic: 0xd110,
    info: 0x0002,
    timeline: 1,
    pageAddress: 0x500_0000n,
    systemIdentifier: BigInt(systemIdentifier),
    segmentSize: 16 * 1024 * 1024,
    blockSize: 8192,
    littleEndian: true,
    legacyLayout: false,
  });

/** What the node has noted of archives it has seen. */
export const notesOf = ({ stateDirectory }: Identity): string[] =>
  treeOf(join(stateDirectory, 'archives')).map((note) =>
    readFileSync(join(stateDirectory, 'archives', note), 'utf8'),
  );

/** An archive that the node has written to. */
export async function adopted(sandbox: Sandbox, node: Identity): Promise<string> {
  const directory = sandbox.directory('archive');
  await admitWriter(directory, node);
  return directory;
}
