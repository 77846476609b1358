// What the two servers say of themselves at one moment, and how far they are apart. What cannot be known is undefined,
// never a number.
import { parseLsn } from '../../src/wal/lsn.ts';
import type { Scene } from './scene.ts';
import type { Writer } from './writer.ts';

export interface Observation {
  committed: number;
  lastArchived: string | undefined;
  failedCount: number;
  /** Rows that a query on the standby sees. */
  visible: number | undefined;
  replayed: string | undefined;
  lagBytes: number | undefined;
  /** The age of the oldest committed row that the standby does not show; 0 if it shows them all. */
  lagSeconds: number | undefined;
}

interface Archiver {
  last_archived_wal: string | null;
  failed_count: string;
  lsn: string;
}

interface Replay {
  replayed: string | null;
  visible: number | null;
}

/** Asks both servers, the standby first: the lag can come out a little too long, never too short. */
export async function observe({ primary, standby }: Scene, writer: Writer): Promise<Observation> {
  const [replay] = await standby
    .query<Replay>('select pg_last_wal_replay_lsn() as replayed, (select max(id) from ledger) as visible')
    .catch(() => []);
  const { committed } = writer;
  const nowMs = performance.now();
  const [archiver] = await primary.query<Archiver>(
    'select last_archived_wal, failed_count, pg_current_wal_lsn() as lsn from pg_stat_archiver',
  );
  const [written, replayed] = [archiver?.lsn, replay?.replayed].map((text) => parseLsn(text ?? ''));
  const visible = replay === undefined ? undefined : (replay.visible ?? 0);
  return {
    committed,
    lastArchived: archiver?.last_archived_wal ?? undefined,
    failedCount: Number(archiver?.failed_count ?? 0),
    visible,
    replayed: replay?.replayed ?? undefined,
    lagBytes: written === undefined || replayed === undefined ? undefined : Number(written - replayed),
    lagSeconds: visible === undefined ? undefined : ageOfFirstAfter(visible, writer, nowMs),
  };
}

function ageOfFirstAfter(id: number, { transactions }: Writer, nowMs: number): number {
  const first = transactions.find(({ lastId }) => lastId > id);
  return first === undefined ? 0 : Math.max(0, nowMs - first.committedMs) / 1000;
}
