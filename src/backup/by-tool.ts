// The copy by PostgreSQL's own pg_basebackup, which has a session and a manifest of its own; the target is the same.
import { ProgramError } from '../program/program-error.ts';
import { parseBackupHistory } from '../wal/backup-history.ts';
import type { CompleteCopy, Work } from './copy-to.ts';
import { complete, paced, prepare, tellingOfUnfinished } from './fill-target.ts';
import type { LookedAt } from './look-at-source.ts';
import { findPgBasebackup } from './pg-basebackup/find-program.ts';
import { runPgBasebackup } from './pg-basebackup/run.ts';
import { buffersOf } from './source/buffers.ts';

export async function copyByTool(work: Work, looked: LookedAt): Promise<CompleteCopy> {
  const { node, wanted, session, asked, target, environment, stop } = work;
  const { settings } = node;
  const { major } = asked.facts;
  // Before anything changes over there.
  const program = await findPgBasebackup({ settings, major, environment, signal: stop });
  await prepare(work, looked, stop);
  return tellingOfUnfinished(work, async () => {
    const { copied, control, label } = await paced(work, looked, stop, (progress) =>
      runPgBasebackup({
        ...{ program, settings, major, target, progress, environment, signal: stop },
        ...{ fast: wanted.fast, verifyPages: wanted.verifyPages, checksums: wanted.checksums },
        label: `twowarm ${wanted.program}`,
        buffers: buffersOf(3),
      }),
    );
    const startLsn = startOf(label);
    const { timeline, lsn } = await session.position();
    // Its backup has ended a segment: all that it needs is before this one.
    const endLsn = lsn - (lsn % BigInt(looked.cluster.segmentSize));
    await complete(work, control, endLsn, stop);
    return { copied, timeline, startLsn, endLsn };
  });
}

/** Where its backup began. */
function startOf(label: Buffer): bigint {
  const found = parseBackupHistory(label.toString('latin1'));
  if ('startLsn' in found) return found.startLsn;
  throw new ProgramError(
    'protocol',
    `pg_basebackup has written a backup_label that is none: ${found.problem}`,
  );
}
