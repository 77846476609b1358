// What this node has noted of archiving: its state, gaps, and how each destination did: nobody is asked.
import { readSegmentSize } from '../../postgres/control-file.ts';
import { readArchivingState } from '../../program/archiving-state.ts';
import { listDirectory } from '../../program/list-directory.ts';
import { readOwnArchive } from '../../program/own-archive.ts';
import { findingsOf, type MonitoringStatus } from '../../transport/destination-findings.ts';
import { readDestinationStatus } from '../../transport/destination-status.ts';
import { readLags } from '../../transport/lag.ts';
import { count } from '../../program/count.ts';
import { critical, ok, orOk, warning } from './findings.ts';
import type { Scene } from './scene.ts';
import type { Finding, Level, Step } from './step.ts';
import { join } from 'node:path';

function ofState({ node: { settings } }: Scene): Finding[] {
  const hint = 'To archive again: twowarm archiving on';
  const state = readArchivingState(settings.home);
  if (state === 'hold')
    return [
      warning('archiving is on hold: PostgreSQL keeps the WAL in pg_wal until the disk is full', { hint }),
    ];
  if (state === 'on') return [];
  return [
    critical('archiving is set to discard: files are given up, with a gap record for each', {
      detail: 'Recovery cannot pass a gap.',
      hint: `${hint}; then take a new base backup.`,
    }),
  ];
}

function ofGaps({ node: { identity } }: Scene): Finding[] {
  const gaps = listDirectory(join(identity.stateDirectory, 'gaps'));
  if (gaps.length === 0) return [];
  return [
    ok(`${count(gaps.length, 'file was', 'files were')} discarded on purpose, the last one ${gaps.at(-1)!}`, {
      hint: 'A base backup that is older ends at the gap: take a new one if there is none since then.',
      figures: { gaps: gaps.length },
    }),
  ];
}

const archivingState: Step = {
  id: 'archiving-state',
  looksAt:
    'The archiving state (on, hold, discard), gaps that it has made, and whether a node that was triggered knows that it archives at home, too.',
  needs: ['configuration'],
  doing: () => 'read the archiving state',
  faultIs: () => 'critical',
  run: (scene) => {
    const found = [...ofState(scene), ...ofGaps(scene)];
    const own = readOwnArchive(scene.node.settings.home);
    const also =
      own === undefined
        ? ''
        : `; since it was triggered (timeline ${own.timeline}) also into its own archive`;
    return orOk(found, `archiving is on${also}`);
  },
};

const levels: Record<Exclude<MonitoringStatus, 'OK'>, Level> = {
  WARNING: 'warning',
  CRITICAL: 'critical',
  UNKNOWN: 'unknown',
};

const onPrimary =
  'twowarm destination list says more. One that is gone for long: twowarm destination suspend NAME; back again: resume NAME.';
/** Also what it noted while it was the primary. */
const onStandby =
  'rsyncDR, or the relay, brings there what is lacking, and notes it. twowarm destination list says more.';

const debts: Step = {
  id: 'debts',
  looksAt:
    'What is noted of the destinations: who fails or is suspended, who stands in, what is owed or has waited for long to be carried. twowarm destination list says the same.',
  needs: ['destinations'],
  doing: () => 'read the notes about the destinations',
  faultIs: () => 'critical',
  run: async ({ node, isRecovering }, signal) => {
    const { settings, identity } = node;
    const ledger = { ...identity, segmentSize: readSegmentSize(settings.dataDirectory) };
    const lags = isRecovering ? await readLags(settings, identity, ledger, signal) : undefined;
    const all = readDestinationStatus(settings, ledger).map((each) => ({
      ...each,
      lag: lags?.get(each.name) ?? null,
    }));
    const hasOwnArchive = readOwnArchive(settings.home) !== undefined;
    const found = findingsOf(all, { isRecovering, hasOwnArchive, nowMs: Date.now() });
    const hint = isRecovering ? onStandby : onPrimary;
    return orOk(
      found.map(({ level, words }) => ({ level: levels[level], message: words, hint })),
      'no destination fails or is suspended, and nothing is owed',
      { figures: { owed: all.reduce((sum, { debt }) => sum + debt.count, 0) } },
    );
  },
};

export const noteSteps = [archivingState, debts];
