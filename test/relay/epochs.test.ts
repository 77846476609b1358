// A primary, its standby over OpenSSH and a DR archive that has changed hands more often than the standby's: the relay is
// refused there, told what cures it, and carries once that was done.
import { readFileSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openDestination } from '../../src/transport/open.ts';
import { program } from '../harness/installation.ts';
import { commandLine, makeNode as makeWriter, type NodeFixture } from '../harness/node-fixture.ts';
import { startSshd, type Sshd } from '../harness/sshd.ts';
import { ourCluster, segmentNamed } from '../harness/wal-files.ts';
import { makeNode, neverStopped } from '../transport/archives.ts';
import { makeRelayNode, namesIn, passed, silence } from './fixture.ts';

const [first, second] = [segmentNamed(1), segmentNamed(2)];
const own = 'twowarm/archive';

/** The primary, which ships to the standby by ssh, and to the DR archive itself. */
function makePrimary(standby: NodeFixture, sshd: Sshd): Promise<NodeFixture> {
  const url = `ssh://${sshd.user}@127.0.0.1:${sshd.port}${standby.path(own)}`;
  const configuration = (): string =>
    [
      "name = 'db1'",
      `[destination.db2]\nurl = '${url}'\ntime_limit = '20s'`,
      `[destination.dr]\nurl = 'file:${standby.path('dr')}'`,
      `[ssh]\nconfig_file = 'none'\nidentity_files = ['${sshd.clientKey}']\nknown_hosts = ['${sshd.knownHosts}']`,
      `receiver = '${program('twowarm')}'\n`,
    ].join('\n');
  return makeWriter('epochs-primary', { configuration, directories: [own] });
}

const claimBy = async (primary: NodeFixture, ...words: string[]): Promise<[number | null, string]> => {
  const line = commandLine('twowarm', 'claim', '-D', primary.dataDirectory, ...words);
  const { code, stdout } = await primary.sh(line);
  return [code, stdout.replaceAll(/since [^ ,\n]+/g, 'since then')];
};

const epochOf = (node: NodeFixture, directory: string): number =>
  (JSON.parse(readFileSync(node.path(`${directory}/.twowarm/owner`), 'utf8')) as { epoch: number }).epoch;

const idOf = (node: NodeFixture): string =>
  (JSON.parse(readFileSync(node.path('twowarm/state/node.json'), 'utf8')) as { id: string }).id;

describe(
  'a DR archive that has changed hands more often than the standby\u2019s',
  { timeout: 120_000 },
  () => {
    it('refuses the relay until the primary claims both at once', async () => {
      await using standby = await makeRelayNode('epochs-standby');
      await using sshd = await startSshd(standby.sandbox);
      await using primary = await makePrimary(standby, sshd);
      expect((await claimBy(primary))[0]).toBe(0);
      expect([epochOf(primary, own), epochOf(standby, own), epochOf(standby, 'dr')]).toEqual([1, 1, 1]);
      expect(await passed(standby)).toEqual(silence);

      // While the standby cannot be reached another node takes the DR archive, and the primary takes it back. Twice.
      await sshd.stop();
      const stranger = makeNode(standby.sandbox, ourCluster.toString());
      for (const timeline of [2, 3]) {
        const road = await openDestination(`file:${standby.path('dr')}`, stranger);
        await road.claim({ timeline, nodeName: 'db3', takeOver: true }, neverStopped);
        expect((await claimBy(primary, '--take-over', 'dr'))[0]).toBe(0);
      }
      expect([epochOf(primary, own), epochOf(standby, own), epochOf(standby, 'dr')]).toEqual([5, 1, 5]);
      await sshd.restart();

      primary.segment(second);
      expect(await primary.archive(`pg_wal/${second}`, second)).toMatchObject({ code: 0, stderr: '' });
      const { claimed_at: since } = JSON.parse(readFileSync(standby.path('dr/.twowarm/owner'), 'utf8')) as {
        claimed_at: string;
      };
      // As if the primary had not reached it itself.
      rmSync(standby.path(`dr/${second}`));
      const refused = await passed(standby);
      expect(refused).toMatchObject({
        code: 40,
        stderr:
          `rsyncDR: ERROR:  cannot store ${first} at file:${standby.path('dr')}: this node's claim is not the last one\n` +
          `DETAIL:  Node db1 (${idOf(primary)}) holds it on timeline 1, epoch 5, since ${since}; this call, under the same id, knows of epoch 1. Nothing was stored.\n` +
          `HINT:  This relay carries for db1 (${idOf(primary)}), which holds ${standby.path(own)} since epoch 1. If the node that holds the destination is the primary, let it claim both archives at once: twowarm claim. Those that are no destinations of it are named by their URLs.\n`,
      });

      const url = `ssh://${sshd.user}@127.0.0.1:${sshd.port}${standby.path(own)}`;
      const held = 'timeline 1, epoch 5, since then';
      expect(await claimBy(primary, '--dry-run')).toEqual([
        0,
        `file:${primary.path(own)} is this node's already: ${held}\n` +
          `would claim ${url} for timeline 1, raised from epoch 1\n` +
          `file:${standby.path('dr')} is this node's already: ${held}\n`,
      ]);
      expect(await claimBy(primary)).toEqual([
        0,
        `file:${primary.path(own)} is this node's already: ${held}\n` +
          `claimed ${url} for node db1: ${held}, raised from epoch 1\n` +
          `file:${standby.path('dr')} is this node's already: ${held}\n`,
      ]);
      expect([epochOf(primary, own), epochOf(standby, own), epochOf(standby, 'dr')]).toEqual([5, 5, 5]);
      expect(await passed(standby)).toEqual(silence);
      expect(namesIn(standby, 'dr')).toEqual([first, second]);
      // And the primary archives on, over both roads.
      const third = primary.segment(segmentNamed(3));
      expect(await primary.archive(`pg_wal/${third}`, third)).toMatchObject({ code: 0, stderr: '' });
    });
  },
);
