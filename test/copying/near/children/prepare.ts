// Prepares a data directory to be copied into, and leaves it at that, or copies twelve files, and a small one that is kept when it is
// offered once more (base/kept says so), and ends the copy: to be killed or to have a call fail while it does.
import { openNearTarget } from '../../../../src/copying/near/near-target.ts';
import { isDeepStrictEqual } from 'node:util';
import { proofOf } from '../../../../src/copying/proof.ts';
import { PageDigests } from '../../../../src/copying/sums/page-digests.ts';
import { chunkBuffer } from '../../../../src/copying/sums/memory.ts';
import { chunkBytes, type SourceCluster } from '../../../../src/copying/target.ts';

export interface PrepareFacts {
  directory: string;
  /** With the LSN in decimal digits. */
  source: Omit<SourceCluster, 'lsn'> & { lsn: string };
  walDirectory?: string;
  /** pg_control in base64: the copy goes on to its end. */
  control?: string;
}

const { directory, source, walDirectory, control } = JSON.parse(process.argv[2]!) as PrepareFacts;
const target = openNearTarget({ directory, allowed: 'any', nodeId: '0123456789abcdef' });
const { signal } = new AbortController();
await target.prepare({ ...source, lsn: BigInt(source.lsn) }, { tablespaces: [], walDirectory }, signal);
if (control !== undefined) {
  for (const path of ['base', 'global']) await target.directory(path, 0o700, signal);
  for (let number = 1; number <= 10; number += 1) {
    const file = await target.file(`base/${number}`, 0o600, signal);
    await file.take(Buffer.from('x'));
    await file.end(1);
  }
  // More than goes into the page cache before the disk begins.
  const large = await target.file('base/12', 0o600, signal);
  const chunk = Buffer.alloc(chunkBytes, 1);
  for (let at = 0; at < 66; at += 1) await large.take(chunk);
  await large.end(66 * chunkBytes);
  const direct = await target.file('base/13', 0o600, signal);
  await direct.take(chunkBuffer());
  await direct.end(chunkBytes);
  const bytes = Buffer.from('small');
  const [name, mode] = ['11', 0o600];
  // Twice, for what is the same is not written again.
  for (let time = 0; time < 2; time++) await target.several('base', [{ name, mode, bytes }], signal);
  const digests = new PageDigests();
  const offered = [{ name, mode, sizeBytes: 5, proof: proofOf(bytes, digests) }];
  if (isDeepStrictEqual(await target.keeps('base', offered, digests, signal), [true]))
    await target.directory('base/kept', 0o700, signal);
  await target.finish(Buffer.from(control, 'base64'), signal);
}
await target.close();
