// How the machine of each destination is off: its room, whether files can be made there, its clock; and the disk of pg_wal.
import { join } from 'node:path';
import { readSegmentSize } from '../../postgres/control-file.ts';
import { readRoadUrl } from '../../program/road-url.ts';
import { conditionOf, type Condition } from '../../transport/condition.ts';
import { freePercent, isRoomLow } from '../../transport/room.ts';
import { requireAdoptable } from '../../transport/would-be-writable.ts';
import { directoryOf, names, urlOf, weightOf } from './destination.ts';
import { count } from '../../program/count.ts';
import { critical, formatBytes, ok, roughly, skipped, warning } from './findings.ts';
import type { Scene } from './scene.ts';
import type { Finding, Step } from './step.ts';

/** How the far side, or this one, says it; undefined where the far side is too old. */
async function askCondition(
  scene: Scene,
  name: string,
  write: boolean,
  signal: AbortSignal,
): Promise<Condition | undefined> {
  const directory = directoryOf(scene.destination(name));
  if (directory === undefined) return scene.road(name).condition?.(write, signal);
  if (write) await requireAdoptable(directory);
  return conditionOf(directory, scene.node.identity.nodeId, write);
}

const notTold = (scene: Scene, name: string): Finding =>
  skipped(`${urlOf(scene, name)} does not tell that`, {
    detail: 'The road there has no way to ask, or the twowarm over there is older than this one.',
  });

interface Archived extends Record<string, unknown> {
  per_hour: string | null;
}

/** Segments that this primary has archived in an hour, on average since its statistics began; undefined: not known. */
async function segmentsPerHour({ maybeServer, isRecovering }: Scene): Promise<number | undefined> {
  if (isRecovering || maybeServer?.letsUsIn !== true) return undefined;
  const sql =
    'select archived_count * 3600 / nullif(extract(epoch from now() - stats_reset), 0) as per_hour from pg_stat_archiver';
  const [row] = await maybeServer.rows<Archived>(sql).catch(() => []);
  const rate = Number(row?.per_hour ?? 0);
  return rate > 0 ? rate : undefined;
}

/** Fewer are hardly a warning any more. */
const fewestSegments = 4;

/** What a disk that is filled by segments has room for. */
async function ofRoom(what: string, room: Condition, scene: Scene, isVital: boolean): Promise<Finding> {
  const { settings } = scene.node;
  const segments = Math.floor(room.freeBytes / readSegmentSize(settings.dataDirectory));
  const rate = await segmentsPerHour(scene);
  const lastsHours = rate === undefined ? null : Math.floor(segments / rate);
  const lasts = rate === undefined ? '' : `, ${roughly((segments / rate) * 3_600_000)} at the rate until now`;
  const words = `${formatBytes(room.freeBytes)} (${freePercent(room)} %) of the disk of ${what} are free: room for ${count(segments, 'segment')}${lasts}`;
  const figures = { freeBytes: room.freeBytes, totalBytes: room.totalBytes, segments, lastsHours };
  const hint =
    'Make room, or give it a larger disk. On an archive: twowarm consumers list says what is kept, and for whom.';
  if (segments < fewestSegments) return (isVital ? critical : warning)(words, { hint, figures });
  if (isRoomLow(room, settings.consumers))
    return warning(words, { detail: 'That is less than archive.space_warn_below.', hint, figures });
  return ok(words, { figures });
}

const room: Step = {
  id: 'destination-room',
  looksAt:
    'The free space of each destination, in bytes, segments and hours: below archive.space_warn_below is a warning.',
  needs: ['destination-road'],
  after: ['connection'],
  subjects: names,
  doing: (scene, name) => `look at the disk of ${urlOf(scene, name)}`,
  run: async (scene, signal, name) => {
    const found = await askCondition(scene, name, false, signal);
    if (found === undefined) return [notTold(scene, name)];
    return [await ofRoom(urlOf(scene, name), found, scene, weightOf(scene, name) === 'critical')];
  },
};

const write: Step = {
  id: 'destination-write',
  looksAt:
    'Whether a file can be made at each destination as every segment is: a small one is written, fsynced, given a second name by a hard link, and removed.',
  needs: ['destination-road'],
  subjects: names,
  doing: (scene, name) => `make a file at ${urlOf(scene, name)}`,
  faultIs: weightOf,
  run: async (scene, signal, name) => {
    const found = await askCondition(scene, name, true, signal);
    if (found?.writeMs === undefined) return [notTold(scene, name)];
    return [
      ok(`a file is durable there within ${found.writeMs} ms, and hard links work`, {
        figures: { writeMs: found.writeMs },
      }),
    ];
  },
};

/** More, in ms, makes what logs and claims say of times misleading. */
const clockLimitMs = 60_000;

const clock: Step = {
  id: 'destination-clock',
  looksAt:
    'The clock of the machine of each destination: nothing is decided by it, but logs and claims are read by their times.',
  needs: ['destination-road'],
  subjects: (scene) => names(scene).filter((name) => readRoadUrl(scene.destination(name).url).kind === 'ssh'),
  doing: (scene, name) => `ask for the time at ${urlOf(scene, name)}`,
  run: async (scene, signal, name) => {
    const begun = Date.now();
    const found = await scene.road(name).condition?.(false, signal);
    if (found === undefined) return [notTold(scene, name)];
    const ended = Date.now();
    const apartMs = Math.round(found.nowMs - (begun + ended) / 2);
    // When within the exchange it looked nobody knows.
    const mostMs = Math.abs(apartMs) + Math.ceil((ended - begun) / 2);
    const figures = { apartMs, exchangeMs: ended - begun };
    if (Math.abs(apartMs) <= clockLimitMs)
      return [ok(`its clock is at most ${mostMs} ms apart from ours`, { figures })];
    return [
      warning(`its clock is ${roughly(Math.abs(apartMs))} ${apartMs > 0 ? 'ahead of' : 'behind'} ours`, {
        hint: 'Set both by NTP.',
        figures,
      }),
    ];
  },
};

const walRoom: Step = {
  id: 'wal-room',
  looksAt: 'The free space of pg_wal: for how long PostgreSQL can keep what cannot be archived.',
  needs: ['configuration'],
  after: ['connection'],
  doing: () => 'look at the disk of pg_wal',
  run: async (scene) => {
    const directory = join(scene.node.settings.dataDirectory, 'pg_wal');
    return [await ofRoom(directory, await conditionOf(directory, '', false), scene, true)];
  },
};

export const conditionSteps = [room, write, clock, walRoom];
