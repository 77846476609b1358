// Where the files of a target lie, is said before the first of them is opened: a call that is made at once on a file system that
// hangs would hang all.
import { chownSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { lstat } from '../../../src/program/quick-calls.ts';
import { mountRamfs } from '../../harness/mounts.ts';
import { runsAsRoot } from '../../harness/server-user.ts';
import { goesElsewhere } from '../../program/goes-elsewhere.ts';
import { makeScene, neverStopped, sourceOf } from './scene.ts';

it.runIf(runsAsRoot())(
  'a tablespace on an unknown file system has all calls go to other threads',
  async () => {
    const found: boolean[] = [];
    for (const isKnown of [true, false]) {
      await using scene = makeScene('places-of-files');
      const space = scene.directory('space');
      using disk = isKnown ? undefined : mountRamfs(space);
      if (disk !== undefined) chownSync(space, process.geteuid!(), process.getegid!());
      const tablespaces = [{ oid: '16385', location: join(space, 'there') }];
      await scene.target().prepare(sourceOf(), { tablespaces, walDirectory: undefined }, neverStopped);
      found.push(await goesElsewhere(() => lstat(scene.data)));
    }
    expect(found).toEqual([false, true]);
  },
);
