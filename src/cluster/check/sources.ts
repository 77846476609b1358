// Where a standby has its WAL from, how far its replay is, and the archive that timelines are reserved at.
import { readDatabaseState } from '../../postgres/database-state.ts';
import { withoutSecret } from '../../program/road-url.ts';
import { openSource, openToLook } from '../../transport/open.ts';
import { historyName } from '../../wal/filename.ts';
import { critical, ok, roughly, skipped, warning } from './findings.ts';
import type { Scene } from './scene.ts';
import type { Level, Step } from './step.ts';

/** One of several can be missed for a while. */
const weightOf = ({ node }: Scene): Level =>
  node.settings.restore.sources.length === 1 ? 'critical' : 'warning';

const road: Step = {
  id: 'source-road',
  looksAt:
    'The way to each source of restore_command (restore.sources): reachable, readable by this node, of this cluster, and not an empty directory, which a disk that is not mounted leaves.',
  where: 'standby',
  needs: ['configuration'],
  subjects: ({ node }) => node.settings.restore.sources.map(withoutSecret),
  doing: (_scene, url) => `look into ${url}`,
  faultIs: weightOf,
  run: async (scene, signal, url) => {
    const begun = performance.now();
    const found = scene.node.settings.restore.sources.find((each) => withoutSecret(each) === url)!;
    const source = await openSource(found, scene.node.identity, signal);
    scene.roads.set(found, source);
    await source.stat(historyName(2), signal);
    const openMs = Math.round(performance.now() - begun);
    if (source.isVacant)
      return [
        warning(`the source ${url} is empty and was never an archive`, {
          detail: 'That may be a disk that is not mounted, or nothing has arrived yet.',
          hint: 'Mount it, or correct restore.sources.',
        }),
      ];
    return [ok(`${url} can be read within ${openMs} ms`, { figures: { openMs } })];
  },
};

interface Replay extends Record<string, unknown> {
  replayed: string | null;
  age: number | null;
  up: number;
  is_paused: boolean;
}

/** Old enough, in ms, that archive_timeout of the primary should have brought something newer. */
const behindMs = 15 * 60_000;

const replay: Step = {
  id: 'replay',
  looksAt:
    'How far the replay of a standby is, and the commit that it replayed last: whether it is paused, and how old that commit is. A quiet primary has old commits, too, unless archive_timeout and something that writes (a heartbeat) see to it.',
  where: 'standby',
  needs: ['connection'],
  doing: () => 'ask for the replay',
  run: async (scene) => {
    const sql = `select pg_last_wal_replay_lsn()::text as replayed, pg_is_wal_replay_paused() as is_paused,
      extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 as age,
      extract(epoch from clock_timestamp() - pg_postmaster_start_time())::float8 as up`;
    const [row] = await scene.server.rows<Replay>(sql);
    const { replayed, age, up, is_paused: isPaused } = row!;
    const { timeline } = readDatabaseState(scene.node.settings.dataDirectory);
    const figures = { replayedLsn: replayed, lastCommitS: age === null ? null : Math.round(age), timeline };
    if (isPaused)
      return [
        critical(`replay is paused at ${replayed ?? 'its beginning'}`, {
          hint: 'select pg_wal_replay_resume()',
          figures,
        }),
      ];
    const upTo = `replayed up to ${replayed ?? 'nothing'}`;
    const words =
      age === null
        ? `${upTo}, without a commit since the server was started ${roughly(up * 1000)} ago`
        : `${upTo}; the last commit there is ${roughly(age * 1000)} old`;
    if ((age ?? up) * 1000 < behindMs) return [ok(words, { figures })];
    return [
      warning(words, {
        detail: 'Either the primary commits nothing, or its WAL does not come through.',
        hint: 'On the primary: twowarm check --full. It follows a segment to this node.',
        figures,
      }),
    ];
  },
};

const arbiter: Step = {
  id: 'arbiter',
  looksAt:
    "The arbiter (cluster.arbiter): reachable, this cluster's, and whether the next timeline is reserved there already. Without it triggerStandby refuses.",
  needs: ['configuration'],
  doing: ({ node }) => `look into the arbiter ${withoutSecret(node.settings.cluster.arbiter ?? '')}`,
  faultIs: ({ isRecovering }) => (isRecovering ? 'critical' : 'warning'),
  run: async ({ node, isRecovering }, signal) => {
    const url = node.settings.cluster.arbiter;
    if (url === undefined)
      return [
        skipped('no arbiter is configured: two standbys that are triggered at once both become primaries', {
          hint: 'Where there are several standbys, set cluster.arbiter to the same archive on every node.',
        }),
      ];
    const road = await openToLook(url, node.identity, signal);
    try {
      const next = readDatabaseState(node.settings.dataDirectory).timeline + 1;
      const reserved = await road.reservationOf(next, signal);
      const shown = withoutSecret(url);
      if (reserved === undefined || !isRecovering) return [ok(`the arbiter ${shown} answers`)];
      if (reserved.node === node.identity.nodeId)
        return [ok(`timeline ${next} is reserved for this node at ${shown}`)];
      return [
        warning(
          `timeline ${next} is reserved at the arbiter ${shown}, by ${reserved.nodeName} since ${reserved.at}`,
          {
            hint: `If ${reserved.nodeName} is the primary now, this node follows it. triggerStandby refuses here.`,
          },
        ),
      ];
    } finally {
      await road.close();
    }
  },
};

export const sourceSteps = [road, replay, arbiter];
