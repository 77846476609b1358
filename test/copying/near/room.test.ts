// How much of a cluster fits into a target, on a small disk of its own, and one that cannot be written to.
import { chownSync } from 'node:fs';
import { expect, it } from 'vitest';
import { mountTmpfs } from '../../harness/mounts.ts';
import { runsAsRoot } from '../../harness/server-user.ts';
import { faultOf } from '../../program/fault.ts';
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

it.runIf(runsAsRoot())('a file system that is mounted read-only is named as that', async () => {
  await using scene = makeScene('near');
  using disk = mountTmpfs(scene.directory('node'), 'size=1m');
  disk.remount('ro');
  const look = () => scene.target().look(sourceOf(), nothingOutside, neverStopped);
  expect(await faultOf(look)).toEqual({
    kind: 'read-only',
    message: `cannot create directory ${scene.data} in ${scene.node}: Read-only file system`,
    hint: 'Mount it for writing. After a fault of the disk the kernel log says why it is not.',
  });
});
