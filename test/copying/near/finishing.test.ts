import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { anotherCluster, ourCluster } from '../../harness/wal-files.ts';
import { faultOf } from '../../program/fault.ts';
import { treeOf } from '../../transport/archives.ts';
import {
  controlBytes,
  makeScene,
  neverStopped,
  nothingOutside,
  send,
  sourceOf,
  type Scene,
} from './scene.ts';

async function copied(scene: Scene) {
  const target = scene.target();
  await target.prepare(sourceOf(), nothingOutside, neverStopped);
  await target.directory('global', 0o700, neverStopped);
  await send(target, 'PG_VERSION', Buffer.from('15\n'));
  return target;
}

describe('the end of a copy', () => {
  it('brings pg_control, and takes note and lock away', async () => {
    await using scene = makeScene('near');
    const target = await copied(scene);
    const control = controlBytes({ state: 6 });
    await target.finish(control, neverStopped);
    expect(readFileSync(`${scene.data}/global/pg_control`)).toEqual(control);
    expect(treeOf(scene.data)).toEqual([
      'PG_VERSION',
      'global/',
      'global/pg_control',
      'pg_wal/',
      'pg_wal/archive_status/',
    ]);
    await target.close();
    expect(await scene.target().look(sourceOf(), nothingOutside, neverStopped)).toMatchObject({
      state: 'data-directory',
      databaseState: 'in production',
    });
  });

  it('does not look for directories that were swept away meanwhile', async () => {
    await using scene = makeScene('near');
    const target = await copied(scene);
    for (const path of ['base', 'base/5', 'base/5/more']) await target.directory(path, 0o700, neverStopped);
    expect(await target.sweep('base', new Set(), neverStopped)).toBe(2);
    await target.finish(controlBytes(), neverStopped);
    expect(existsSync(`${scene.data}/global/pg_control`)).toBe(true);
  });

  it.each([
    ['of another cluster', controlBytes({ systemIdentifier: anotherCluster }), 8192, anotherCluster],
    ['that is too short', controlBytes().subarray(0, 512), 512, ourCluster],
    ['that is empty', Buffer.alloc(0), 0, 0n],
  ])('does not take a control file %s', async (_, control, length, systemIdentifier) => {
    await using scene = makeScene('near');
    const target = await copied(scene);
    expect(await faultOf(() => target.finish(control, neverStopped))).toEqual({
      kind: 'invalid-file',
      message: `cannot write the control file of ${scene.data}: it is not the source's`,
      detail: `It has ${length} bytes and system identifier ${systemIdentifier}; expected were 8192 and ${ourCluster}.`,
    });
    expect(readdirSync(`${scene.data}/global`)).toEqual([]);
  });

  it('does not replace a control file that something else has made', async () => {
    await using scene = makeScene('near');
    const target = await copied(scene);
    const path = scene.file('node/data/global/pg_control', 'another');
    expect(await faultOf(() => target.finish(controlBytes(), neverStopped))).toEqual({
      kind: 'target-in-use',
      message: `cannot finish the copy: "${path}" is there already`,
      detail: 'It was removed when the copy began; something else has made it since.',
      hint: 'Find out what else writes into that directory, and start the copy again.',
    });
    expect(readFileSync(path, 'utf8')).toBe('another');
  });

  it('does not come once a signal has aborted', async () => {
    await using scene = makeScene('near');
    const target = await copied(scene);
    const reason = new Error('enough');
    await expect(target.finish(controlBytes(), AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(existsSync(`${scene.data}/global/pg_control`)).toBe(false);
  });
});

describe('a target that is let go of before its end', () => {
  it('stays unusable, and is gone on with', async () => {
    await using scene = makeScene('near');
    const target = await copied(scene);
    await target.close();
    await target.close();
    expect(treeOf(scene.data)).toEqual([
      '.twowarm-copying',
      'PG_VERSION',
      'global/',
      'pg_wal/',
      'pg_wal/archive_status/',
    ]);
    const again = scene.target();
    await again.prepare(sourceOf(), nothingOutside, neverStopped);
    const file = await again.file('PG_VERSION', 0o600, neverStopped);
    expect(file.oldBytes).toBe(3);
    await file.close();
    await again.finish(controlBytes(), neverStopped);
    expect(existsSync(`${scene.data}/.twowarm-copying`)).toBe(false);
  });
});
