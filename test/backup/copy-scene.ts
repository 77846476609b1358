// All files of <scene>/source into the target of a scene, whose verbs a test may have do more than they would.
import { copyFiles, type Copied, type CopyJob } from '../../src/backup/copy-files.ts';
import { buffersOf } from '../../src/backup/source/buffers.ts';
import type { NearTarget } from '../../src/copying/near/near-target.ts';
import type { Target } from '../../src/copying/target.ts';
import {
  neverStopped,
  nothingOutside,
  sourceOf,
  versionDirectory,
  type Scene,
} from '../copying/near/scene.ts';

/** The target, prepared, with these verbs in the place of its own. */
export async function preparedTarget(
  scene: Scene,
  verbs: (near: NearTarget) => Partial<Target> = () => ({}),
): Promise<NearTarget> {
  const near = scene.target();
  await near.prepare(sourceOf(), nothingOutside, neverStopped);
  return Object.assign(Object.create(near) as NearTarget, verbs(near));
}

/** What has come of it, and how many bytes the progress has heard of. */
export async function copyAll(
  scene: Scene,
  target: Target,
  changes: Partial<CopyJob> = {},
): Promise<Copied & { progressed: number }> {
  let progressed = 0;
  const copied = await copyFiles({
    source: {
      ...{ dataDirectory: scene.path('source'), tablespaces: [], versionDirectory, major: 15 },
      ...{ temporaryStatistics: undefined, ours: new Set<string>() },
    },
    ...{
      target,
      manifest: undefined,
      layout: undefined,
      buffers: buffersOf(8),
      jobs: 2,
      checksums: 'CRC32C',
    },
    ...{ progress: (bytes: number) => (progressed += bytes), signal: neverStopped },
    ...changes,
  });
  return { ...copied, progressed };
}
