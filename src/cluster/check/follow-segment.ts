// The next legs of --full: the segment at each destination, with the same content.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { alreadyInspected } from '../../transport/publish.ts';
import type { ReadTransport } from '../../transport/transport.ts';
import { contentOf } from './content.ts';
import { names, urlOf, weightOf } from './destination.ts';
import { pathInPgWal } from './end-segment.ts';
import { critical, ok, skipped, warning } from './findings.ts';
import type { Followed, Hop, Scene } from './scene.ts';
import type { Finding, Step } from './step.ts';

/** What archive_command does not wait for may take moments more, in ms: a relay, or the backfill of a debt. */
const laterLimitMs = 5000;
const everyMs = 10;

/** When it was there, in ms after its end; undefined where it did not come in time. */
async function waitUntilThere(
  road: ReadTransport,
  { name, endedAt }: Followed,
  limitMs: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const until = performance.now() + limitMs;
  do {
    if ((await road.stat(name, signal)) !== 'missing') return Math.round(performance.now() - endedAt);
    await pause(everyMs, undefined, { signal });
  } while (performance.now() < until);
  return undefined;
}

/** The SHA-256 of the file there, fetched into a directory that goes again. */
export async function hashAt(road: ReadTransport, name: string, signal: AbortSignal): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'twowarm-check-'));
  try {
    const copy = join(directory, name);
    if ((await road.get(name, copy, () => alreadyInspected, signal)) === 'missing') return 'missing';
    return (await contentOf(copy, signal)).sha256;
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Whether it has the bytes of pg_wal; a far side compares itself where it can. 'unknown': nobody can tell. */
async function compare(
  scene: Scene,
  road: ReadTransport,
  signal: AbortSignal,
): Promise<'same' | 'other' | 'unknown'> {
  const { name, sha256 } = scene.followed!;
  const source = pathInPgWal(scene, name);
  if (road.wouldPut !== undefined && existsSync(source)) {
    const told = await road.wouldPut(name, source, () => alreadyInspected, signal);
    if (told !== undefined) return told === 'already-stored' ? 'same' : 'other';
  }
  if (sha256 === undefined || road.receiver?.mayRead === false) return 'unknown';
  return (await hashAt(road, name, signal)) === sha256 ? 'same' : 'other';
}

function ofAbsence(scene: Scene, name: string): Finding {
  const { policy } = scene.destination(name);
  const segment = scene.followed!.name;
  // Only what archive_command brings the segment to must have it by now.
  if (weightOf(scene, name) === 'critical')
    return critical(`${segment} is not at ${urlOf(scene, name)}, although archive_command succeeded`, {
      detail: 'Either a fallback stands in for it, or its archive_command is not this one.',
      hint: `twowarm destination list says how ${name} does.`,
    });
  if (policy !== 'fallback')
    return warning(`${segment} is not at ${urlOf(scene, name)} yet`, {
      hint: 'It is owed, and comes with the next calls or with twowarm relay: twowarm destination list.',
    });
  return skipped(`${segment} has not come to ${urlOf(scene, name)}, which is not asked while all is well`, {
    detail: 'Where another node relays to it, that one says how far it is: twowarm destination list, there.',
  });
}

const arrived: Step = {
  id: 'segment-arrived',
  looksAt:
    'Each destination: how long after its end the segment was there, and that its content is the same, by SHA-256 or by the comparison of the far side. What another node relays is waited for a few seconds.',
  where: 'primary',
  isFull: true,
  needs: ['segment-archived', 'destination-road'],
  subjects: names,
  doing: (scene, name) => `look for the segment at ${urlOf(scene, name)}`,
  faultIs: weightOf,
  run: async (scene, signal, name) => {
    const road = scene.road(name);
    const followed = scene.followed!;
    const ms = await waitUntilThere(road, followed, Math.min(laterLimitMs, scene.limitMs / 2), signal);
    const hop: Hop = { segment: followed.name, from: 'pg_wal', to: name, ms: ms ?? null };
    scene.hops.push(hop);
    if (ms === undefined) return [ofAbsence(scene, name)];
    const comparison = await compare(scene, road, signal);
    const figures = { ms };
    if (comparison === 'other')
      return [
        critical(`${followed.name} at ${urlOf(scene, name)} has another content than in pg_wal`, {
          hint: 'Two servers archive to one place, or the copy is damaged. Find out which copy is right before it is needed.',
          figures,
        }),
      ];
    const content =
      comparison === 'same' ? 'with the same content' : 'its content cannot be compared from here';
    return [ok(`${followed.name} was there within ${ms} ms, ${content}`, { figures })];
  },
};

export const followSteps = [arrived];
