// Nodes that were overtaken, over ssh: an old primary that comes back after its standby was promoted, and a standby whose DR
// node was promoted instead of it. Nothing of theirs gets where it does not belong, and they are told by whom and since when.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Cluster } from '../harness/cluster.ts';
import { program } from '../harness/installation.ts';
import { run, startProgram, type RunningProgram } from '../harness/run.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { waitFor } from '../harness/wait-for.ts';
import {
  archiveOf,
  commitRows,
  expectRows,
  segmentsIn,
  shipRows,
  timelineOf,
  unarchived,
  waitForRows,
} from './pair.ts';
import {
  failures,
  fencedFrom,
  makeThree,
  nodes,
  ownerOf,
  trigger,
  type Name,
  type Owner,
  type Three,
} from './three-nodes.ts';

const limits = { timeout: 240_000 };

const ofTimeline = (timeline: number, names: readonly string[]): string[] =>
  names.filter((name) => Number.parseInt(name.slice(0, 8), 16) === timeline);

async function withThree(
  options: Parameters<typeof makeThree>[1],
  story: (three: Three, sandbox: Sandbox) => Promise<void>,
): Promise<void> {
  await using sandbox = makeSandbox('fenced-ssh');
  const three = await makeThree(sandbox, options);
  try {
    await story(three, sandbox);
  } finally {
    for (const name of nodes) await three.sshds[name].stop();
  }
}

describe('over ssh', limits, () => {
  it('an old primary that comes back is refused everywhere, and the new one goes on', () =>
    withThree({ drForPrimary: '' }, async ({ primary, standby, dr, url }, sandbox) => {
      await standby.start();
      await dr.start();
      const rows = await shipRows(primary, 1000);
      await waitForRows(standby, rows);
      await primary.stop('immediate');
      const promoted = await trigger(standby);
      expect(promoted, promoted.stderr).toMatchObject({ code: 0 });
      const before = { standby: segmentsIn(sandbox, 'standby'), dr: segmentsIn(sandbox, 'dr') };

      await primary.start();
      const logged = primary.log().length;
      const lost: string[] = [];
      for (let round = 0; round < 3; round++) {
        await commitRows(primary, 10);
        lost.push(await primary.finishSegment());
      }
      await waitFor('the old primary to be refused', async () => (await failures(primary)) > 1);
      const said = primary.log().slice(logged);
      const kept = unarchived(primary).map((name) => name.replace('.ready', ''));
      expect(kept).toEqual(expect.arrayContaining(lost));
      const first = kept.sort()[0]!;
      for (const name of ['standby', 'dr'] as const)
        expect(said).toContain(fencedFrom(first, url(name), ownerOf(sandbox, name) as Owner));
      expect(await timelineOf(primary)).toBe(1);
      await primary.stop('fast');

      const more = await shipRows(standby, 500);
      await waitForRows(dr, more);
      await expectRows(standby, rows + 500);
      await expectRows(dr, rows + 500);
      for (const name of ['standby', 'dr'] as const) {
        expect(ofTimeline(1, segmentsIn(sandbox, name))).toEqual(ofTimeline(1, before[name]));
        expect(ofTimeline(2, segmentsIn(sandbox, name)).length).toBeGreaterThan(0);
      }
    }));

  it('a standby whose DR node was promoted is refused the timeline, follows it, and carries on for it', () =>
    withThree({ standbyForDr: '' }, async (three, sandbox) => {
      const { primary, standby, dr, sshds, url } = three;
      await standby.start();
      const relay = sayingRelay(sandbox, standby);
      await waitFor('the relay to have carried', () => segmentsIn(sandbox, 'dr').length > 0);
      await dr.start();
      const rows = await shipRows(primary, 1000);
      await waitForRows(standby, rows);
      await waitForRows(dr, rows);
      // The primary is lost, and nobody reaches the standby any more; it still reaches the DR node.
      await primary.stop('immediate');
      await sshds.standby.stop();
      const promoted = await trigger(dr);
      expect(promoted, promoted.stderr).toMatchObject({ code: 0 });
      expect(ownerOf(sandbox, 'standby')).not.toHaveProperty('node');

      const refused = await trigger(standby);
      const { node, at } = reservation(sandbox);
      expect(refused).toMatchObject({
        code: 41,
        stdout: '',
        stderr:
          `triggerStandby: ERROR:  timeline 2 is reserved by another node, dr, at ${url('dr')}\n` +
          `DETAIL:  Node dr (${node}) reserved it at ${at}: it is being promoted, or was. Nothing was changed.\n` +
          `HINT:  Two primaries would share the timeline. Only if dr was never promoted and never will be, remove .twowarm/timeline/00000002 at ${url('dr')}.\n`,
      });
      expect(await standby.value<boolean>('select pg_is_in_recovery()')).toBe(true);
      expect(existsSync(join(standby.parent, 'twowarm/trigger'))).toBe(false);

      // It is reached again: the new history comes, and what nobody has claimed is not carried to an archive that somebody has.
      await sshds.standby.restart();
      await dr.finishSegment();
      await waitFor(
        'the relay to be refused',
        () => relay.said().includes('the archive belongs to another node'),
        {
          limitMs: 60_000,
        },
      );
      // From the claim on it is the new primary's, which the standby follows.
      const claimed = await run(program('twowarm'), ['claim', '-D', dr.dataDirectory]);
      expect(claimed, claimed.stderr).toMatchObject({ code: 0 });
      expect(ownerOf(sandbox, 'standby')).toMatchObject({ timeline: 2, node_name: 'dr' });
      const more = await shipRows(dr, 500);
      await waitFor(
        'the standby to have what it lacks',
        async () => {
          const lacks = segmentsIn(sandbox, 'dr').filter(
            (name) => !segmentsIn(sandbox, 'standby').includes(name),
          );
          if (lacks.length === 0) return true;
          await dr.finishSegment();
          return false;
        },
        { everyMs: 500, limitMs: 60_000 },
      );
      await waitForRows(standby, more);
      await expectRows(standby, more);
      const words = ['carrying on behalf of', 'takes files again'];
      await waitFor('the relay to carry for it', () => words.every((each) => relay.said().includes(each)), {
        limitMs: 60_000,
      });
      relay.program.kill('SIGTERM');
      expect(await relay.program.result).toMatchObject({ code: 0, signal: null });
      const { node: owner, claimed_at: since } = ownerOf(sandbox, 'standby') as Owner;
      const holds = (ownerOf(sandbox, 'dr') as Owner).claimed_at;
      const own = archiveOf(sandbox, 'standby');
      const said = relay
        .said()
        .replace(/It lacks .*?; it is/, 'It lacks …; it is')
        .replace(/: \d+ more wait for it\n/, '\n');
      const atFirst =
        `twowarm relay: LOG:  relaying what arrives in ${own} to dr\n` +
        `twowarm relay: WARNING:  cannot store 00000002.history at ${url('dr')}: the archive belongs to another node\n` +
        `DETAIL:  Node dr (${owner}) holds it on timeline 2, epoch 1, since ${holds}. Nothing was stored. It lacks …; it is tried again with growing pauses.\n` +
        `HINT:  This relay acts as itself, for no other node has claimed ${own}. If the node that holds the destination is the primary, let it claim both archives at once: twowarm claim. Those that are no destinations of it are named by their URLs.\n`;
      expect(said.slice(0, atFirst.length)).toBe(atFirst);
      // A road that is opened anew knows of the claim before the relay looks for it.
      expect(said.slice(atFirst.length).split('\n').sort()).toEqual([
        '',
        `twowarm relay: LOG:  carrying on behalf of dr (${owner}), which holds ${own} since epoch 1`,
        'twowarm relay: LOG:  dr takes files again',
      ]);
      expect(since > holds).toBe(true);
      for (const name of segmentsIn(sandbox, 'standby')) expect(same(sandbox, name), name).toBe(true);
    }));
});

const reservation = (sandbox: Sandbox): { node: string; at: string } =>
  JSON.parse(readFileSync(join(archiveOf(sandbox, 'dr'), '.twowarm/timeline/00000002'), 'utf8')) as {
    node: string;
    at: string;
  };

const same = (sandbox: Sandbox, name: string): boolean => {
  const [one, other] = (['standby', 'dr'] as Name[]).map((node) =>
    readFileSync(join(archiveOf(sandbox, node), name)),
  );
  return one!.equals(other!);
};

/** A relay whose words can be read while it stays. */
function sayingRelay(sandbox: Sandbox, node: Cluster): { program: RunningProgram; said: () => string } {
  const words = sandbox.file('relay.err', '');
  const line = `exec '${program('twowarm')}' relay -D '${node.dataDirectory}' 2>'${words}'`;
  return {
    program: startProgram('/bin/sh', ['-c', line], { timeoutMs: 400_000 }),
    said: () => readFileSync(words, 'utf8'),
  };
}
