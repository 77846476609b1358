// A restored test copy on the same machine that is promoted, with the home and all: the same system identifier, the
// same configuration, archive_command still ours. What it may do to the archive of production, over ssh.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { baseBackup } from '../harness/base-backup.ts';
import type { Cluster } from '../harness/cluster.ts';
import { placeCluster } from '../harness/create-cluster.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { startSshd, type Sshd } from '../harness/sshd.ts';
import { configureStandby } from '../harness/standby.ts';
import { waitFor } from '../harness/wait-for.ts';
import { sshSection, urlOf } from '../transport/ssh/ssh-node.ts';
import {
  commitRows,
  giveHome,
  makeArchive,
  makeStandby,
  restoreCommand,
  shipRows,
  startPrimary,
  timelineOf,
  waitForRows,
} from './pair.ts';
import { failures, fencedFrom, trigger, type Owner } from './three-nodes.ts';

const limits = { timeout: 180_000 };

interface Production {
  sandbox: Sandbox;
  primary: Cluster;
  archive: string;
  url: string;
  toml: string;
}

/** A primary that archives over ssh, where its timelines are reserved, too. */
async function makeProduction(sandbox: Sandbox, sshd: Sshd): Promise<Production> {
  const archive = sandbox.directory('production');
  const url = urlOf(sshd, archive);
  const toml =
    `[destination.one]\nurl = '${url}'\n[cluster]\narbiter = '${url}'\n` +
    `[restore]\nsources = ['${url}']\n${sshSection(sshd)}`;
  const primary = await startPrimary(sandbox, { postgres: findPostgres(15), shipsTo: archive });
  giveHome(primary, `conninfo = '${primary.conninfo}'\n${toml}`);
  await shipRows(primary, 100);
  return { sandbox, primary, archive, url, toml };
}

/** cp -a of the primary's home; with `edit` the path of the data directory in it is the copy's. */
function copyHome({ primary, toml }: Production, copy: Cluster, edit: boolean): void {
  const { status, stderr } = spawnSync('cp', ['-a', join(primary.parent, 'twowarm'), copy.parent], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  if (edit) giveHome(copy, `conninfo = '${copy.conninfo}'\n${toml}`);
}

/** A base backup with the home beside it; started, it recovers until somebody promotes it. */
async function restoredCopy(production: Production, edit = true): Promise<Cluster> {
  const copy = await baseBackup(production.primary, { to: 'copy' });
  copyHome(production, copy, edit);
  const extra = { recovery_prefetch: 'off' };
  configureStandby(copy, { restoreCommand: restoreCommand(), mode: 'standby', extra });
  return copy;
}

/** The stopped primary copied as it is, as a clone of its machine. */
async function clonedCopy(production: Production): Promise<Cluster> {
  const { primary, sandbox } = production;
  const copy = await placeCluster(sandbox, 'copy', primary.postgres);
  const { status, stderr } = spawnSync('cp', ['-a', primary.dataDirectory, copy.dataDirectory], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  copy.setSettings(copy.address);
  copyHome(production, copy, true);
  return copy;
}

/** The bytes of every WAL file in it, by name. */
function contentsOf(archive: string): Record<string, string> {
  const names = readdirSync(archive).filter((name) => /^[0-9A-F]{8}/.test(name));
  const hash = (name: string): string =>
    createHash('sha256')
      .update(readFileSync(join(archive, name)))
      .digest('hex');
  return Object.fromEntries(names.sort().map((name) => [name, hash(name)]));
}

const recordOf = ({ parent }: Cluster): { id: string; machine: string; stateInode: string } =>
  JSON.parse(readFileSync(join(parent, 'twowarm/state/node.json'), 'utf8')) as ReturnType<typeof recordOf>;

/** The copy is another node, though it came with the home of the first one and runs on the same machine. */
function expectAnotherNode(copy: Cluster, primary: Cluster): void {
  const [one, other] = [recordOf(copy), recordOf(primary)];
  expect(one.id).not.toBe(other.id);
  expect(one.machine).toBe(other.machine);
}

describe('a restored test copy that promotes', limits, () => {
  it('cannot take the timeline of production, nor store anything in an archive that was claimed', async () => {
    await using sandbox = makeSandbox('copy-claimed');
    await using sshd = await startSshd(sandbox);
    const production = await makeProduction(sandbox, sshd);
    const { primary, archive, url, toml } = production;
    makeArchive(sandbox);
    const standby = await makeStandby(primary, { extra: { recovery_prefetch: 'off' } });
    giveHome(standby, `name = 'standby'\nconninfo = '${standby.conninfo}'\n${toml}`);
    const copy = await restoredCopy(production);
    makeArchive(sandbox, 'copy');
    // It knows no more than what it was restored from.
    const backup = join(sandbox.path, 'backup');
    expect(spawnSync('cp', ['-a', archive, backup]).status).toBe(0);
    giveHome(
      copy,
      `name = 'copy'\nconninfo = '${copy.conninfo}'\n${toml.replace(/sources = .*/, `sources = ['file:${backup}']`)}`,
    );
    await copy.start();
    await standby.start();
    const rows = await shipRows(primary, 100);
    await waitForRows(standby, rows);
    await primary.stop('fast');
    const promoted = await trigger(standby);
    expect(promoted, promoted.stderr).toMatchObject({ code: 0 });
    const owner = JSON.parse(readFileSync(join(archive, '.twowarm/owner'), 'utf8')) as Owner;
    const reserved = JSON.parse(readFileSync(join(archive, '.twowarm/timeline/00000002'), 'utf8')) as {
      at: string;
    };

    // Production has more than the copy's sources: one who says that this may be lost still meets the reservation.
    expect((await trigger(copy)).code).toBe(55);
    const refused = await trigger(copy, 'fast');
    expect(refused).toMatchObject({ code: 41, stdout: '' });
    expect(refused.stderr.slice(refused.stderr.indexOf('triggerStandby: ERROR:'))).toBe(
      `triggerStandby: ERROR:  timeline 2 is reserved by another node, standby, at ${url}\n` +
        `DETAIL:  Node standby (${owner.node}) reserved it at ${reserved.at}: it is being promoted, or was. Nothing was changed.\n` +
        `HINT:  Two primaries would share the timeline. Only if standby was never promoted and never will be, remove .twowarm/timeline/00000002 at ${url}.\n`,
    );
    const before = contentsOf(archive);
    await copy.promote();
    expect(await timelineOf(copy)).toBe(2);
    await commitRows(copy, 10);
    await copy.finishSegment();
    await waitFor('the copy to be refused', async () => (await failures(copy)) > 0);
    expect(copy.log()).toContain(fencedFrom('00000002.history', url, owner));
    expect(contentsOf(archive)).toEqual(before);
    expectAnotherNode(copy, primary);

    // Production goes on, and has its own history there.
    const more = await shipRows(standby, 10);
    expect(contentsOf(archive)).toMatchObject(before);
    expect(more).toBe(rows + 10);
    const history = readFileSync(join(archive, '00000002.history'), 'utf8');
    expect(history).toBe(readFileSync(join(standby.dataDirectory, 'pg_wal/00000002.history'), 'utf8'));
  });

  it('does nothing at all with the configuration as it was copied', async () => {
    await using sandbox = makeSandbox('copy-plain');
    await using sshd = await startSshd(sandbox);
    const production = await makeProduction(sandbox, sshd);
    const { primary, archive } = production;
    const copy = await restoredCopy(production, false);
    const before = contentsOf(archive);
    await copy.start({ wait: false });
    await waitFor('it to be refused', () => copy.log().includes('HINT'));
    expect(copy.log()).toContain(
      `restoreWALFile: ERROR:  the configuration ${copy.parent}/twowarm/twowarm.toml is for another data directory\n` +
        `DETAIL:  It names ${primary.dataDirectory}, but this call is for ${copy.dataDirectory}.\n` +
        `HINT:  Correct node.data_directory, or, if this is a second cluster beside the first, make a home for it: ${copy.parent}/twowarm-data\n`,
    );
    expect(contentsOf(archive)).toEqual(before);
  });

  // An archive without a claim accepts every node of its cluster. What protects then is that nothing is ever replaced: a
  // timeline of its own is let in, under names that production does not have.
  it('gets its own timeline into an archive that nobody has claimed, and changes nothing there', async () => {
    await using sandbox = makeSandbox('copy-unclaimed');
    await using sshd = await startSshd(sandbox);
    const production = await makeProduction(sandbox, sshd);
    const { primary, archive } = production;
    const copy = await restoredCopy(production);
    await copy.start();
    const before = contentsOf(archive);
    await copy.promote();
    await commitRows(copy, 10);
    await copy.waitUntilArchived(await copy.finishSegment());
    const own = Object.keys(contentsOf(archive)).filter((name) => !(name in before));
    expect(own.filter((name) => !name.startsWith('00000002'))).toEqual([]);
    expect(own).toContain('00000002.history');
    expect(contentsOf(archive)).toMatchObject(before);
    expectAnotherNode(copy, primary);
    const rows = await shipRows(primary, 10);
    expect(rows).toBe(110);
    expect(contentsOf(archive)).toMatchObject(before);
  });

  it('as a clone of the primary stores no other bytes under a name that production has', async () => {
    await using sandbox = makeSandbox('copy-cloned');
    await using sshd = await startSshd(sandbox);
    const production = await makeProduction(sandbox, sshd);
    const { primary, archive, url } = production;
    await primary.stop('fast');
    const copy = await clonedCopy(production);
    await primary.start();
    const rows = await shipRows(primary, 100);
    const before = contentsOf(archive);
    await copy.start();
    await commitRows(copy, 7);
    const lost = await copy.finishSegment();
    expect(lost in before).toBe(true);
    await waitFor('the clone to be refused', async () => (await failures(copy)) > 0);
    expect(copy.log()).toContain(
      `archiveWALFile: ERROR:  ${lost} exists at ${url} with different content\n` +
        "DETAIL:  The archive's copy has 16777216 bytes, this one 16777216; their contents differ. Neither was touched.\n" +
        "HINT:  Two servers archive to one place, or a restored copy of the cluster does, or the archive's copy is damaged, or was archived by hand while PostgreSQL still wrote it. Find out which copy is right.\n",
    );
    expect(contentsOf(archive)).toEqual(before);
    expectAnotherNode(copy, primary);
    expect(await shipRows(primary, 10)).toBe(rows + 10);
    expect(contentsOf(archive)).toMatchObject(before);
  });
});
