// A primary, its standby and, behind that, a DR node, as real servers: what reaches the DR node has passed the standby's
// relay, which is killed and started again meanwhile. No row is missing, also past a promotion.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import type { Cluster } from '../harness/cluster.ts';
import { program } from '../harness/installation.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { startProgram, type RunningProgram } from '../harness/run.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { waitFor } from '../harness/wait-for.ts';
import {
  archiveOf,
  commitRows,
  destination,
  expectRows,
  makeArchive,
  makeStandby,
  shipRows,
  startPrimary,
  timelineOf,
  waitForRows,
  waitUntilOpen,
} from './pair.ts';

const relayOf = (node: Cluster): RunningProgram =>
  startProgram(program('twowarm'), ['relay', '-D', node.dataDirectory], { timeoutMs: 300_000 });

const rsyncDR = (node: Cluster) => startProgram(program('rsyncDR'), ['-D', node.dataDirectory]).result;

/** Makes a standby and a DR node, both of the primary's base backup; the standby relays to the DR node's archive. */
async function makeThree(sandbox: Sandbox): Promise<Record<'primary' | 'standby' | 'dr', Cluster>> {
  const primary = await startPrimary(sandbox, { postgres: findPostgres(15) });
  makeArchive(sandbox, 'dr');
  const extra = { recovery_prefetch: 'off' };
  const standby = await makeStandby(primary, { toml: destination(archiveOf(sandbox, 'dr')), extra });
  const dr = await makeStandby(primary, { name: 'dr', extra });
  return { primary, standby, dr };
}

describe('a relay between real servers', () => {
  it('brings every row to the DR node, whatever happens to the relay', { timeout: 240_000 }, async () => {
    await using sandbox = makeSandbox('relay-server');
    const { primary, standby, dr } = await makeThree(sandbox);
    // On a primary there is nothing to do, and nothing to say.
    expect(await rsyncDR(primary)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    let relay = relayOf(standby);
    await standby.start();
    await dr.start();
    await waitForRows(dr, await shipRows(primary, 1000));
    for (let round = 0; round < 3; round++) {
      const rows = await shipRows(primary, 500);
      relay.kill('SIGKILL');
      expect((await relay.result).signal).toBe('SIGKILL');
      // What arrives while nobody relays is carried by the next one.
      await shipRows(primary, 500);
      relay = relayOf(standby);
      await waitForRows(dr, rows + 500);
    }
    // The hot standby answers queries, and is no primary for that.
    await waitForRows(standby, await shipRows(primary, 10));
    relay.kill('SIGTERM');
    expect(await relay.result).toMatchObject({ code: 0, signal: null });
    const rows = await shipRows(primary, 10);
    expect(await rsyncDR(standby)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    await waitForRows(dr, rows);
    await expectRows(dr, rows);
    const archives = ['standby', 'dr'].map((name) => readdirSync(archiveOf(sandbox, name)).sort());
    expect(archives[1]).toEqual(archives[0]);
  });

  it('brings the DR node past a promotion of the standby', { timeout: 240_000 }, async () => {
    await using sandbox = makeSandbox('relay-promotion');
    const { primary, standby, dr } = await makeThree(sandbox);
    await standby.start();
    // Nobody relays until the standby is the primary: the DR node lacks what arrived before.
    await waitForRows(standby, await shipRows(primary, 1000));
    await primary.stop();
    await standby.promote();
    await waitUntilOpen(standby);
    expect(await timelineOf(standby)).toBe(2);
    await standby.query('checkpoint');
    expect(await rsyncDR(standby)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    await waitFor('the new history at the DR node', () =>
      existsSync(join(archiveOf(sandbox, 'dr'), '00000002.history')),
    );
    const rows = await commitRows(standby, 500);
    await standby.waitUntilArchived(await standby.finishSegment());
    await dr.start();
    await waitForRows(dr, rows);
    await expectRows(dr, rows);
    const said = await rsyncDR(standby);
    expect(said).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });
});
