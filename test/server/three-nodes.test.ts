// Three real clusters on three "machines", connected by nothing but ssh: a primary, its standby, and a DR node that stands in
// for the standby and is fed by the standby's relay. Each is lost in turn; no row that was archived is.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { waitFor } from '../harness/wait-for.ts';
import {
  archiveOf,
  commitRows,
  expectRows,
  segmentsIn,
  shipRows,
  timelineOf,
  waitForRows,
  waitUntilOpen,
} from './pair.ts';
import { failures, makeThree, nodes, ownerOf, relayOf, trigger, type Three } from './three-nodes.ts';

/** The standby's whole machine is gone, and the primary goes on with the DR node. */
async function fallBack(sandbox: Sandbox, { primary, standby, sshds }: Three): Promise<number> {
  await standby.stop('fast');
  await sshds.standby.stop();
  const before = segmentsIn(sandbox, 'standby');
  const rows = await shipRows(primary, 500);
  expect(segmentsIn(sandbox, 'standby')).toEqual(before);
  const inDr = segmentsIn(sandbox, 'dr');
  expect(inDr.some((name) => !before.includes(name))).toBe(true);
  expect(primary.log()).toContain('; dr stands in for standby');
  return rows;
}

/** It is back: the next calls of archive_command bring it what it lacks. */
async function comeBack(sandbox: Sandbox, { primary, standby, sshds }: Three): Promise<number> {
  await sshds.standby.restart();
  await standby.start();
  const rows = await shipRows(primary, 500);
  await waitFor(
    'the standby to be backfilled',
    async () => {
      if (segmentsIn(sandbox, 'dr').every((name) => segmentsIn(sandbox, 'standby').includes(name)))
        return true;
      await primary.finishSegment();
      return false;
    },
    { limitMs: 60_000, everyMs: 500 },
  );
  await waitForRows(standby, rows);
  return rows;
}

describe('a primary, a standby and a DR node over ssh', () => {
  it('lose each other in turn, and no row', { timeout: 400_000 }, async () => {
    await using sandbox = makeSandbox('three');
    const three = await makeThree(sandbox);
    const { primary, standby, dr, sshds, url } = three;
    try {
      await standby.start();
      // All that the DR node's archive has comes from here.
      const relay = relayOf(standby);
      await waitFor('the relay to have carried', () => segmentsIn(sandbox, 'dr').length > 0);
      await dr.start();
      await waitForRows(standby, await shipRows(primary, 1000));
      await waitForRows(dr, await shipRows(primary, 10));
      await waitForRows(dr, await fallBack(sandbox, three));
      let rows = await comeBack(sandbox, three);
      await waitForRows(dr, rows);

      // The primary is believed dead and is not: from here on it is fenced.
      const promoted = await trigger(standby);
      expect(promoted, promoted.stderr).toMatchObject({ code: 0 });
      expect(promoted.stdout).toMatch(/^promoted to timeline 2 at /);
      for (const name of ['standby', 'dr'] as const)
        expect(ownerOf(sandbox, name)).toMatchObject({ timeline: 2, node_name: 'standby' });
      const reservation = join(archiveOf(sandbox, 'dr'), '.twowarm/timeline/00000002');
      expect(existsSync(reservation)).toBe(true);
      const before = await failures(primary);
      await commitRows(primary, 7);
      const lost = await primary.finishSegment();
      await waitFor('the old primary to be fenced', async () => (await failures(primary)) > before);
      expect(primary.log()).toContain(` at ${url('standby')}: the archive belongs to another node\n`);
      for (const name of ['standby', 'dr'] as const) expect(segmentsIn(sandbox, name)).not.toContain(lost);
      await primary.stop('fast');

      // The new primary goes on; its archive_command reaches the DR node over ssh.
      expect(await timelineOf(standby)).toBe(2);
      await expectRows(standby, rows);
      rows = await shipRows(standby, 500);
      await waitForRows(dr, rows);
      relay.kill('SIGTERM');
      expect(await relay.result).toMatchObject({ code: 0, signal: null });

      // And is lost as well, with its whole machine: the DR node takes over.
      await standby.stop('immediate');
      await sshds.standby.stop();
      // Its claim takes the archive over from the node that is gone; the arbiter is its own archive.
      const second = await trigger(dr);
      expect(second, second.stderr).toMatchObject({ code: 0 });
      expect(second.stdout).toMatch(/^promoted to timeline 3 at /);
      await waitUntilOpen(dr);
      expect(await timelineOf(dr)).toBe(3);
      await expectRows(dr, rows);
      expect(ownerOf(sandbox, 'dr')).toMatchObject({ timeline: 3, node_name: 'dr' });
      expect(await commitRows(dr, 10)).toBe(rows + 10);
    } finally {
      for (const name of nodes) await sshds[name].stop();
    }
  });
});
