// Each destination by itself: the road there, whose it is, whether it is somewhere else.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { holderOf, requireOwner } from '../../transport/fenced.ts';
import { acceptLine, meaningOf } from '../../program/settings/lack-words.ts';
import { lacksOf, requirePromises } from '../../transport/lacks.ts';
import { openToLook } from '../../transport/open.ts';
import { sharedArchives } from '../../transport/shared-archive.ts';
import { directoryOf, names, urlOf, weightOf } from './destination.ts';
import { ofFault, ok, orOk, warning } from './findings.ts';
import type { Scene } from './scene.ts';
import type { Finding, Step } from './step.ts';

const road: Step = {
  id: 'destination-road',
  looksAt:
    "The way to each destination: the directory is there and this cluster's; over ssh also the host key, the login, and a receiver that speaks our protocol and serves this directory.",
  needs: ['destinations'],
  subjects: names,
  doing: (scene, name) => `open ${urlOf(scene, name)}`,
  faultIs: weightOf,
  run: async (scene, signal, name) => {
    const begun = performance.now();
    const opened = await openToLook(scene.destination(name).url, scene.node.identity, signal);
    scene.roads.set(name, opened);
    const openMs = Math.round(performance.now() - begun);
    const { receiver: there, isVacant } = opened;
    const receiver = there === undefined ? '' : `, twowarm ${there.version} over there`;
    const vacant = isVacant ? '; it is empty, and becomes an archive with the first file' : '';
    return [
      ok(`${urlOf(scene, name)} opens within ${openMs} ms${receiver}${vacant}`, {
        figures: { openMs, receiver: there?.version ?? null, mayRead: there?.mayRead ?? true },
      }),
    ];
  },
};

const owner: Step = {
  id: 'destination-owner',
  looksAt:
    'Whom each destination is claimed for: where that is another node, or a later claim of this one, archive_command is refused (fenced).',
  needs: ['destination-road'],
  subjects: names,
  doing: (scene, name) => `ask for the owner of ${urlOf(scene, name)}`,
  run: async (scene, signal, name) => {
    const ownership = await scene.road(name).ownership(signal);
    const { claim } = ownership;
    if (claim === undefined)
      return [ok('nobody has claimed it: it takes files of every node of this cluster')];
    const figures = { holder: claim.nodeName, timeline: claim.timeline, epoch: claim.epoch };
    // What a standby carries there, it carries for whoever holds it.
    if (scene.isRecovering) return [ok(holderOf(claim), { figures })];
    try {
      requireOwner(ownership, 'store files', urlOf(scene, name), 'archive_command is refused there.');
    } catch (error) {
      return [ofFault(error, weightOf(scene, name), { figures })];
    }
    return [ok(`this node holds it on timeline ${claim.timeline}, epoch ${claim.epoch}`, { figures })];
  },
};

function deviceOf(path: string): number | undefined {
  try {
    return statSync(path).dev;
  } catch {
    return undefined;
  }
}

/** Somewhere else than what it is to save. */
function ofDisk(scene: Scene, name: string): Finding[] {
  const directory = directoryOf(scene.destination(name));
  if (directory === undefined) return [];
  const device = deviceOf(directory);
  const { dataDirectory } = scene.node.settings;
  const same = [join(dataDirectory, 'pg_wal'), dataDirectory].find((path) => deviceOf(path) === device);
  if (device === undefined || same === undefined) return [];
  return [
    warning(`${directory} is on the same file system as ${same}`, {
      detail: 'Both are lost together, and a full disk stops both.',
      hint: 'Use another disk, best of another machine (ssh://).',
    }),
  ];
}

function ofPromises(scene: Scene, name: string): Finding[] {
  const { mayLack, url } = scene.destination(name);
  const { promises } = scene.road(name);
  const lacks = lacksOf(promises);
  if (lacks.length === 0) return [];
  try {
    requirePromises(url, promises, mayLack);
  } catch (error) {
    return [ofFault(error, weightOf(scene, name))];
  }
  return [
    ok(`the road there is ${lacks.join(' and ')}, and ${acceptLine(lacks)}`, { detail: meaningOf(lacks) }),
  ];
}

function ofTwins({ node }: Scene, name: string): Finding[] {
  return sharedArchives(node.settings.destinations, node.identity)
    .filter((shared) => shared.names.includes(name))
    .map((shared) =>
      warning(`${shared.names.join(' and ')} are one archive under several names`, {
        detail: `Each of them is the archive ${shared.archive}: a file that all of them have is there once.`,
        hint: 'Give each destination a directory of its own.',
      }),
    );
}

const place: Step = {
  id: 'destination-place',
  looksAt:
    'Whether a copy there is a second one: on another file system than pg_wal and the data directory, in no archive that has another name here, too, and by a road that keeps its promises (accept).',
  needs: ['destination-road'],
  subjects: names,
  doing: (scene, name) => `look at the place of ${urlOf(scene, name)}`,
  run: (scene, _signal, name) => {
    const found = [...ofDisk(scene, name), ...ofPromises(scene, name), ...ofTwins(scene, name)];
    return orOk(found, 'it is a place of its own, by a road that is exclusive and durable');
  },
};

export const destinationSteps = [road, owner, place];
