// The copy by the low-level API of PostgreSQL, in one session: its files read and checked here, several at once.
import { formatLsn } from '../wal/lsn.ts';
import { copyFiles, type Copied } from './copy-files.ts';
import type { CompleteCopy, Work } from './copy-to.ts';
import { complete, paced, prepare, tellingOfUnfinished } from './fill-target.ts';
import type { LookedAt } from './look-at-source.ts';
import { mapFor, requireSameTablespaces } from './mapping.ts';
import { buffersOf, type Buffers } from './source/buffers.ts';
import { readWholeControlFile } from './source/control-file.ts';
import type { ChecksumName } from './source/checksum-names.ts';
import { firstWithManifest, Manifest } from './source/manifest.ts';
import type { PageLayout } from './source/pages.ts';
import { watchOver } from './watch-over.ts';
import { refuseDamaged } from './words.ts';
import { writeEnd } from './write-end.ts';

/** What a backup that is under way has. */
interface Under {
  startLsn: bigint;
  manifest: Manifest | undefined;
  buffers: Buffers;
  /** Of files, in the manifest. */
  checksums: ChecksumName;
  /** Aborts also when the session is lost. */
  signal: AbortSignal;
}

/** From the beginning of backup mode to its end. The server ends that mode with the session, whatever happens here. */
export async function copyOurselves(work: Work, looked: LookedAt): Promise<CompleteCopy> {
  const { wanted, session, asked, telling, stop } = work;
  telling.step('checkpoint', 'waiting for the checkpoint that a backup begins with');
  const startLsn = await session.begin(`twowarm ${wanted.program}`, wanted.fast, stop);
  telling.step('begun', `the backup has begun at ${formatLsn(startLsn)}`, { startLsn: formatLsn(startLsn) });
  // Those from here on come with the WAL. Those before do not, and waiting for the archive may have taken long.
  requireSameTablespaces(asked.tablespaces, await session.tablespaces());
  const watch = watchOver(session, stop);
  const manifest = makeManifest(work, looked);
  // Before 13 nothing would hold them.
  const checksums = manifest === undefined ? 'NONE' : wanted.checksums;
  const buffers = buffersOf(4 * wanted.jobs);
  const under: Under = { startLsn, manifest, buffers, checksums, signal: watch.signal };
  try {
    await prepare(work, looked, under.signal);
    return await tellingOfUnfinished(work, async () => {
      const copied = await copyAll(work, looked, under);
      refuseDamaged(copied);
      return { copied, ...(await finish(work, looked, under)) };
    });
  } finally {
    watch.end();
    manifest?.remove();
  }
}

function makeManifest({ node, wanted, asked: { facts } }: Work, { cluster }: LookedAt): Manifest | undefined {
  if (facts.major < firstWithManifest) return undefined;
  return new Manifest(node.identity.stateDirectory, facts.major, cluster.systemIdentifier, wanted.checksums);
}

async function copyAll(work: Work, looked: LookedAt, under: Under): Promise<Copied> {
  const { target, wanted, asked } = work;
  const { blockSize, blocksInSegment, hasChecksums } = asked.facts;
  const { startLsn, signal } = under;
  const layout: PageLayout | undefined =
    hasChecksums && wanted.verifyPages ? { blockSize, blocksInSegment, startLsn } : undefined;
  const job = { ...under, source: looked.source, target, layout, jobs: wanted.jobs };
  const { copied } = await paced(work, looked, signal, async (progress) => ({
    copied: await copyFiles({ ...job, progress }),
  }));
  return copied;
}

/** The files that there are only at the end, pg_control last of all. */
async function finish(work: Work, looked: LookedAt, under: Under): Promise<Omit<CompleteCopy, 'copied'>> {
  const { session, target, asked } = work;
  const { outside, fileMode, source } = looked;
  const { timeline } = await session.position();
  const control = await readWholeControlFile(source.dataDirectory);
  const { lsn: endLsn, label, tablespaceMap } = await session.end();
  const endFiles = {
    ...{ control, label, mode: fileMode, manifest: under.manifest },
    tablespaceMap: mapFor(tablespaceMap, asked.tablespaces, outside.tablespaces),
    wal: { timeline, start: under.startLsn, end: endLsn },
  };
  await writeEnd(endFiles, { ...under, target, progress: () => undefined });
  await complete(work, control, endLsn, under.signal);
  return { timeline, startLsn: under.startLsn, endLsn };
}
