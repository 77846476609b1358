// How much of a cluster fits into a target, on a small disk of its own.
import { chownSync } from 'node:fs';
import { expect, it } from 'vitest';
import { mountTmpfs } from '../../harness/mounts.ts';
import { runsAsRoot } from '../../harness/server-user.ts';
import { makeScene, neverStopped, nothingOutside, sourceOf } from './scene.ts';

const megabyte = 1_048_576;

it.runIf(runsAsRoot())(
  'a look says how much room a new data directory has; one with data may need none',
  async () => {
    await using scene = makeScene('near');
    using disk = mountTmpfs(scene.directory('node/data'), 'size=9m');
    disk.remount('size=4m');
    chownSync(scene.data, 0, 0);
    const room = async (): Promise<number | undefined> =>
      (await scene.target().look(sourceOf(), nothingOutside, neverStopped)).roomBytes;
    const whole = (await room())! / megabyte;
    expect([whole > 3.9, whole <= 4]).toEqual([true, true]);
    scene.dataDirectory();
    expect(await room()).toBeUndefined();
  },
);
