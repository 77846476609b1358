// A primary whose standby's archive was away, as real servers: a fallback stood in, then nothing was written any more.
// The relay on the primary brings the standby all that it lacks, and every row is there.
import { readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { program } from '../harness/installation.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { startProgram } from '../harness/run.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import {
  archiveOf,
  destination,
  expectRows,
  giveHome,
  makeArchive,
  makeStandby,
  shipRows,
  startPrimary,
  waitForRows,
} from './pair.ts';

describe('a standby of a primary that writes nothing any more', () => {
  it(
    'has every row once its archive is back, by the relay on the primary',
    { timeout: 240_000 },
    async () => {
      await using sandbox = makeSandbox('backfill-server');
      const primary = await startPrimary(sandbox, { postgres: findPostgres(15) });
      const dr = makeArchive(sandbox, 'dr');
      const fallback = `[destination.dr]\nurl = 'file:${dr}'\npolicy = 'fallback'\nfor = ['one']\n`;
      giveHome(primary, `${destination(archiveOf(sandbox))}${fallback}`);
      const standby = await makeStandby(primary, { extra: { recovery_prefetch: 'off' } });
      await standby.start();
      await waitForRows(standby, await shipRows(primary, 100));
      const relay = startProgram(program('twowarm'), ['relay', '-D', primary.dataDirectory], {
        timeoutMs: 300_000,
      });
      const archive = archiveOf(sandbox);
      renameSync(archive, `${archive}-away`);
      let rows = 0;
      for (let round = 0; round < 4; round++) rows = await shipRows(primary, 100);
      const missed = readdirSync(dr).filter((name) => /^[0-9A-F]{24}$/.test(name));
      expect(missed.length).toBeGreaterThanOrEqual(4);
      renameSync(`${archive}-away`, archive);
      await waitForRows(standby, rows);
      await expectRows(standby, rows);
      for (const name of missed)
        expect(readFileSync(join(archive, name)).equals(readFileSync(join(dr, name))), name).toBe(true);
      relay.kill('SIGTERM');
      const { code, stderr } = await relay.result;
      expect(code).toBe(0);
      expect(stderr).toContain('one has everything that it was owed');
      expect(readdirSync(join(sandbox.path, 'primary/twowarm/spool/held/one'))).toEqual([]);
    },
  );
});
