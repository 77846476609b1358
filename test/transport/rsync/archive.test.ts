// An archive at the end of the road over rsync: whose it is, and what it holds compressed. Against a real daemon.
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDestination, openSource } from '../../../src/transport/open.ts';
import type { Identity } from '../../../src/transport/transport.ts';
import { startRsyncd, type Rsyncd } from '../../harness/rsyncd.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { faultOf } from '../../program/fault.ts';
import { segmentOf } from '../adoption.ts';
import { acceptAll, neverStopped, otherCluster, patterned } from '../archives.ts';
import { bothLacks, openUsed, rsyncNode } from './scene.ts';

const segment = '000000010000000000000005';
const megabyte = 1024 * 1024;

let sandbox: Sandbox;
let daemon: Rsyncd;
let made = 0;

beforeAll(async () => {
  sandbox = makeSandbox('rsync-archive');
  daemon = await startRsyncd(sandbox, { modules: { far: [`path = ${sandbox.directory('far')}`] } });
});

afterAll(async () => {
  await daemon.stop();
  await sandbox.dispose();
});

/** A fresh directory below the module, and its name there. */
function archive(): { name: string; directory: string } {
  made += 1;
  const name = `archive-${made}`;
  return { name, directory: sandbox.directory(`far/${name}`) };
}

const node = (): Identity => rsyncNode(sandbox);
const source = (seed = 1): string => sandbox.file(`sources/${(made += 1)}`, patterned(megabyte, seed));

describe('whose an archive is', () => {
  it("a new one becomes the cluster's, and no other cluster is let in", async () => {
    const { name, directory } = archive();
    const url = `${daemon.url}/far/${name}`;
    await openDestination(url, node(), bothLacks);
    expect(readFileSync(join(directory, '.twowarm/format'), 'utf8')).toBe('twowarm archive 1\n');
    expect(readdirSync(join(directory, '.twowarm')).sort()).toEqual(['format', 'owner']);
    const stranger = { ...node(), systemIdentifier: otherCluster };
    expect(await faultOf(() => openDestination(url, stranger, bothLacks))).toMatchObject({
      kind: 'wrong-cluster',
      message: `the archive ${url} belongs to another cluster`,
    });
  });

  it('one that has lost its owner, or has another name, is unknown and not empty', async () => {
    const { name, directory } = archive();
    const [url, by] = [`${daemon.url}/far/${name}`, node()];
    await openDestination(url, by, bothLacks);
    const owner = join(directory, '.twowarm/owner');
    const text = readFileSync(owner, 'utf8');
    writeFileSync(owner, text.replace(/"archive":"..../, '"archive":"ffff'));
    expect((await faultOf(() => openSource(url, by))).message).toBe(
      `the archive ${url} is another one than this node has used there`,
    );
    rmSync(owner);
    for (const open of [openSource, openDestination] as const)
      expect((await faultOf(() => open(url, by))).message).toBe(`the archive ${url} has lost its .twowarm`);
  });

  it('the pg_wal of a server, and WAL of another cluster, are refused', async () => {
    const { name } = archive();
    sandbox.directory(`far/${name}/archive_status`);
    const url = `${daemon.url}/far/${name}`;
    expect(await faultOf(() => openDestination(url, node(), bothLacks))).toMatchObject({
      kind: 'settings',
      message: `cannot use ${url} as an archive: it is the pg_wal of a server`,
    });
    const other = archive();
    sandbox.file(`far/${other.name}/${segment}`, segmentOf(otherCluster));
    const { kind } = await faultOf(() =>
      openDestination(`${daemon.url}/far/${other.name}`, node(), bothLacks),
    );
    expect(kind).toBe('wrong-cluster');
    expect(readdirSync(other.directory)).toEqual([segment]);
  });

  it('takes files from a node that has claimed it by another road', async () => {
    const { name, directory } = archive();
    const [url, by] = [`${daemon.url}/far/${name}`, node()];
    const there = await openDestination(`file:${directory}`, by);
    await there.claim({ timeline: 2, nodeName: 'db1', takeOver: false }, neverStopped);
    const road = await openDestination(url, by, bothLacks);
    expect((await road.ownership(neverStopped)).standing).toBe('ours');
    expect(await road.put(segment, source(), acceptAll, neverStopped)).toBe('stored');
  });

  it('takes none once another node has taken it over, also where the owner file says otherwise', async () => {
    const { name, directory } = archive();
    const [by, other] = [node(), node()];
    const claimBy = async (claimer: Identity, takeOver: boolean): Promise<void> => {
      const there = await openDestination(`file:${directory}`, claimer);
      await there.claim({ timeline: 2, nodeName: 'db', takeOver }, neverStopped);
    };
    await claimBy(by, false);
    const owner = join(directory, '.twowarm/owner');
    const before = readFileSync(owner);
    const road = await openDestination(`${daemon.url}/far/${name}`, by, bothLacks);
    await claimBy(other, true);
    // A slower winner of the change before may write it last, and be gone.
    writeFileSync(owner, before);
    expect((await faultOf(() => road.put(segment, source(), acceptAll, neverStopped))).kind).toBe('fenced');
    expect(readdirSync(directory)).toEqual(['.twowarm']);
  });

  it('of one that is unmounted while the road is open nothing is missing', async () => {
    const { name, directory } = archive();
    const [url, by] = [`${daemon.url}/far/${name}`, node()];
    const road = await openUsed(url, directory, by);
    await road.put(segment, source(), acceptAll, neverStopped);
    renameSync(directory, `${directory}.unmounted`);
    sandbox.directory(`far/${name}`);
    const target = join(sandbox.directory('unmounted'), 'fetched');
    for (const ask of [
      () => road.stat(segment, neverStopped),
      () => road.get(segment, target, acceptAll, neverStopped),
      () => road.list(neverStopped),
      () => road.gapOf(segment, neverStopped),
      () => road.prunedOf!(segment, neverStopped),
      () => road.reservationOf(2, neverStopped),
      () => road.ownership(neverStopped),
      () => road.put(segment, source(), acceptAll, neverStopped),
    ])
      expect(await faultOf(ask)).toMatchObject({
        kind: 'directory-missing',
        message: `the archive directory of ${url} was exchanged meanwhile`,
      });
    expect(readdirSync(directory)).toEqual([]);
  });

  it('of one without an owner whose directory is gone while the road is open nothing is missing either', async () => {
    const { name, directory } = archive();
    const road = await openSource(`${daemon.url}/far/${name}`, node());
    expect([road.isVacant, await road.list(neverStopped)]).toEqual([true, []]);
    rmSync(directory, { recursive: true });
    const target = join(sandbox.directory('gone'), 'fetched');
    for (const ask of [
      () => road.list(neverStopped),
      () => road.stat(segment, neverStopped),
      () => road.get(segment, target, acceptAll, neverStopped),
      () => road.gapOf(segment, neverStopped),
      () => road.prunedOf!(segment, neverStopped),
      () => road.reservationOf(2, neverStopped),
      () => road.ownership(neverStopped),
    ])
      expect((await faultOf(ask)).kind).toBe('directory-missing');
  });

  it('nothing is stored in another one that has come in its place, however long the road is open', async () => {
    const { name, directory } = archive();
    const [url, by] = [`${daemon.url}/far/${name}`, node()];
    const road = await openUsed(url, directory, by);
    renameSync(directory, `${directory}.away`);
    sandbox.directory(`far/${name}`);
    await openDestination(url, { ...rsyncNode(sandbox), systemIdentifier: otherCluster }, bothLacks);
    // Until what is known of the owner is looked at anew.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const { kind } = await faultOf(() => road.put(segment, source(), acceptAll, neverStopped));
    expect(kind).toBe('directory-missing');
    expect(readdirSync(directory)).toEqual(['.twowarm']);
  });

  it('a road that lacks promises is refused where nobody has accepted that', async () => {
    const { name } = archive();
    const url = `${daemon.url}/far/${name}`;
    expect(await faultOf(() => openDestination(url, node()))).toMatchObject({
      kind: 'promise-lacking',
      message: `cannot rely on ${url}: the road there is not-exclusive and not-durable`,
    });
  });
});

describe('what is stored compressed', () => {
  it('is stored, compared, fetched and measured in either form', async () => {
    const { name, directory } = archive();
    const [url, by] = [`${daemon.url}/far/${name}`, node()];
    await openUsed(url, directory, by);
    const road = await openDestination(url, by, { ...bothLacks, compression: 'zstd' });
    const plain = await openDestination(url, by, bothLacks);
    expect(await road.put(segment, source(), acceptAll, neverStopped)).toBe('stored');
    expect(readdirSync(directory).sort()).toEqual(['.twowarm', `${segment}.zst`]);
    expect(readdirSync(join(directory, '.twowarm/contents'))).toEqual([segment]);
    for (const each of [road, plain]) {
      expect(await each.put(segment, source(), acceptAll, neverStopped)).toBe('already-stored');
      expect((await faultOf(() => each.put(segment, source(2), acceptAll, neverStopped))).kind).toBe(
        'archive-duplicate',
      );
      expect(await each.stat(segment, neverStopped)).toEqual({ sizeBytes: megabyte });
    }
    const target = join(sandbox.directory('compressed'), 'fetched');
    expect(await road.get(segment, target, acceptAll, neverStopped)).toBe('fetched');
    expect(readFileSync(target).equals(patterned(megabyte, 1))).toBe(true);
    const there = await openDestination(`file:${directory}`, by);
    expect(await there.put(segment, source(), acceptAll, neverStopped)).toBe('already-stored');
    const partial = `${segment}.partial`;
    expect(await road.put(partial, source(), acceptAll, neverStopped)).toBe('stored');
    expect(await road.put(partial, source(3), acceptAll, neverStopped)).toBe('stored-as-version');
    writeFileSync(join(directory, `${segment}.zst`), 'damaged');
    expect(await faultOf(() => road.get(segment, `${target}.2`, acceptAll, neverStopped))).toMatchObject({
      kind: 'invalid-file',
      hint: `Nothing was restored from it. See what is wrong with it: zstd -t "${url}/${segment}.zst".`,
    });
  });
});
