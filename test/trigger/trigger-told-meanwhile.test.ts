// A smart trigger that comes while restore_command is already looking for a segment that it cannot read: what it answers
// then ends recovery, so nothing but what is known may be answered.
import { chmodSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { turnOf } from '../harness/share.ts';
import { noPrefetch } from '../harness/standby.ts';
import { waitFor } from '../harness/wait-for.ts';
import { shipRows, waitForRows } from '../server/pair.ts';
import { expectPrimary, expectPromoted, makeScene, type Scene } from './scene.ts';

const closed = 0o000;
const open = 0o600;

/** The primary's last rows, in a segment that came into the archive by another road and cannot be read. */
async function shipClosed(scene: Scene): Promise<[rows: number, segment: string]> {
  const { primary, sandbox, archive, path } = scene;
  const staging = sandbox.directory('primary/twowarm/staging');
  const toml = `[node]\ndata_directory = '${primary.dataDirectory}'\n[destination.one]\nurl = 'file:${staging}'\n`;
  sandbox.file('primary/twowarm/twowarm.toml', toml);
  const rows = await shipRows(primary, 1000);
  const name = await primary.value('select last_archived_wal from pg_stat_archiver');
  await primary.stop('fast');
  const staged = path(`primary/twowarm/staging/${name}`);
  chmodSync(staged, closed);
  renameSync(staged, join(archive, name));
  return [rows, join(archive, name)];
}

const limits = { concurrent: true, timeout: 120_000 };

const promotions = [
  [10, 'off'],
  [15, 'off'],
  [14, 'warm'],
  [18, 'warm'],
] as const;

describe.each(turnOf(promotions, 2))(
  'a smart promotion of PostgreSQL %i, wait = %s',
  limits,
  (major, wait) => {
    it('loses no row of a segment that could not be read when it was asked for', async () => {
      await using sandbox = makeSandbox(`meanwhile-${major}`);
      const scene = await makeScene(sandbox, findPostgres(major), {
        toml: `[restore]\nwait = '${wait}'\nretry_limit = '3s'\n`,
        extra: noPrefetch(major),
      });
      await scene.standby.start();
      await waitForRows(scene.standby, await shipRows(scene.primary, 10));
      const [rows, segment] = await shipClosed(scene);
      const call = scene.startTrigger();
      await waitFor('the wait', () => scene.standby.log().includes('WARNING:  still waiting for'));
      expect(await scene.standby.value<boolean>('select pg_is_in_recovery()')).toBe(true);
      chmodSync(segment, open);
      const result = await call.result;
      // Every five seconds it says what takes so long.
      const stderr = result.stderr.replace(/^triggerStandby: LOG: .*\n/gm, '');
      expectPromoted({ ...result, stderr }, scene.archive);
      await expectPrimary(scene, rows);
    });
  },
);
