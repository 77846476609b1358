// triggerStandby on standbys: every row that was shipped is there, a write goes through, and archiving goes on.
import { describe, expect } from 'vitest';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { waitForRows } from '../server/pair.ts';
import { expectPrimary, expectPromoted, loseThePrimary, makeScene } from './scene.ts';
import { inTurn, majorsOf, placeOfMajor } from '../harness/share.ts';

describe.each(majorsOf([10, 11, 12, 15, 18]))(
  'a standby of PostgreSQL %i',
  { concurrent: true, timeout: 120_000 },
  (major) => {
    const its = inTurn(2, placeOfMajor(major));
    its.each(['smart', 'fast'])('that is up to date is promoted by %s within 5 s', async (wish) => {
      await using sandbox = makeSandbox(`trigger-${major}`);
      const scene = await makeScene(sandbox, findPostgres(major));
      await scene.standby.start();
      const rows = await loseThePrimary(scene);
      await waitForRows(scene.standby, rows);
      const result = await scene.trigger(wish);
      const seconds = expectPromoted(result, scene.archive);
      process.stdout.write(
        `PostgreSQL ${major} ${wish}: ${seconds} s to the first write, ${Math.round(result.ms)} ms in all\n`,
      );
      expect(seconds).toBeLessThan(5);
      await expectPrimary(scene, rows);
    });
  },
);
