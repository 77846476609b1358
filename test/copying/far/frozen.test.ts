// A disk of the far side that stands still for longer than the line may be silent, as one of which a snapshot is taken.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { atExit } from '../../harness/cleanup.ts';
import { giveToServerUser, runsAsRoot } from '../../harness/server-user.ts';
import { neverStopped } from '../near/scene.ts';
import { chunkBytes } from '../../../src/copying/target.ts';
import { dense } from './bytes.ts';
import { contentOf, farScene, prepared, send } from './scene.ts';

const idleLimitMs = 1500;

it.runIf(runsAsRoot())(
  'does not end a copy: the far side answers meanwhile, and goes on afterwards',
  async () => {
    await using scene = await farScene('frozen');
    const image = join(scene.sandbox.path, 'image');
    execFileSync('truncate', ['-s', '64M', image]);
    execFileSync('mkfs.ext4', ['-q', '-F', image]);
    const disk = join(scene.sandbox.path, 'disk');
    mkdirSync(disk, { mode: 0o755 });
    execFileSync('mount', ['-o', 'loop', image, disk]);
    const thaw = (): Buffer => execFileSync('fsfreeze', ['-u', disk]);
    let letGo = atExit(() => execFileSync('umount', ['-l', disk]));
    try {
      const data = join(disk, 'data');
      mkdirSync(data, { mode: 0o700 });
      for (const path of [data, disk]) giveToServerUser(path);
      const target = await prepared(scene, data, { login: { idleLimitMs } });
      const bytes = dense(6 * chunkBytes, 1);
      const small = {
        name: '2',
        mode: 0o600,
        bytes: bytes.subarray(0, 5000),
      };
      execFileSync('fsfreeze', ['-f', disk]);
      letGo();
      letGo = atExit(() => {
        thaw();
        execFileSync('umount', ['-l', disk]);
      });
      const sending = Promise.allSettled([
        send(target, 'base/1', bytes),
        target.several('base', [small], neverStopped),
      ]);
      await pause(3 * idleLimitMs);
      thaw();
      expect(await sending).toEqual(Array(2).fill({ status: 'fulfilled', value: 'written' }));
      expect(contentOf(data, 'base/1').equals(bytes)).toBe(true);
      expect(contentOf(data, 'base/2').equals(small.bytes)).toBe(true);
      await target.close();
    } finally {
      letGo();
      execFileSync('umount', ['-l', disk]);
    }
  },
);
