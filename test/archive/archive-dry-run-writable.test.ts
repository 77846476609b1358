// A dry run says what the real call would end with where the archive cannot be written: same words, same exit code.
import { chmodSync, chownSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { beginOwnArchive } from '../../src/program/own-archive.ts';
import { mountTmpfs } from '../harness/mounts.ts';
import { makeNode, refused, silent, type NodeFixture, type NodeOptions } from '../harness/node-fixture.ts';
import { giveToServerUser, runsAsRoot } from '../harness/server-user.ts';
import { segmentNamed } from '../harness/wal-files.ts';

const stored = segmentNamed(1);
const name = segmentNamed(0x21);
const rights = 'HINT:  The owner of the data directory must be able to read and write there.\n';
const error = (...lines: string[]): string => `archiveWALFile: ERROR:  ${lines.join('\n')}\n`;

async function makeWithSegment(options: NodeOptions = {}): Promise<NodeFixture> {
  const node = await makeNode('dry-run-writable', options);
  node.segment(name);
  return node;
}

/** Both calls refuse alike, and neither leaves anything. */
async function expectBoth(node: NodeFixture, code: number, stderr: string, file = name): Promise<void> {
  expect(await node.archive('--dry-run', `pg_wal/${file}`, file)).toEqual(refused(code, stderr));
  expect(await node.archive(`pg_wal/${file}`, file)).toEqual(refused(code, stderr));
}

describe('a dry run refuses as the real call does', () => {
  it('a destination of mode 500', async () => {
    await using node = await makeWithSegment();
    chmodSync(node.path('db2'), 0o500);
    await expectBoth(
      node,
      21,
      error(`could not store ${name} at file:${node.path('db2')}: Permission denied`) + rights,
    );
  });

  it('but not what is stored there already: that needs no writing', async () => {
    await using node = await makeWithSegment();
    node.segment(stored);
    chmodSync(node.path('db2'), 0o500);
    expect(await node.archive('--dry-run', `pg_wal/${stored}`, stored)).toEqual({
      ...silent(),
      stdout: `${stored} is stored at file:${node.path('db2')}\n`,
    });
    expect(await node.archive(`pg_wal/${stored}`, stored)).toEqual(silent());
  });

  it.runIf(runsAsRoot())("a destination that is root's", async () => {
    await using node = await makeWithSegment();
    chownSync(node.path('db2'), 0, 0);
    chmodSync(node.path('db2'), 0o755);
    await expectBoth(
      node,
      21,
      error(`could not store ${name} at file:${node.path('db2')}: Permission denied`) + rights,
    );
  });

  it('a new destination that cannot be made an archive', async () => {
    await using node = await makeWithSegment({ used: false });
    // What a first call notes of the node is noted, and nothing else.
    await node.archive('pg_wal/none', stored);
    chmodSync(node.path('db2'), 0o500);
    await node.archive(`pg_wal/${name}`, name);
    await expectBoth(
      node,
      21,
      error(
        `could not store ${name}: could not create the directory ${node.path('db2/.twowarm')}: Permission denied`,
      ),
    );
  });

  it('its own archive, on a node that was triggered', async () => {
    await using node = await makeWithSegment();
    beginOwnArchive(node.home, '0123456789abcdef', { since: '2026-11-21T04:00:00.000Z', timeline: 1 });
    giveToServerUser(node.path('twowarm/state/own-archive'));
    const first = node.segment(segmentNamed(0x20));
    expect(await node.archive(`pg_wal/${first}`, first)).toMatchObject({ code: 0 });
    chmodSync(node.path('twowarm/archive'), 0o500);
    const own = `file:${node.path('twowarm/archive')}`;
    const message = error(
      `could not store ${name} at ${own}: Permission denied`,
      'DETAIL:  This is its own archive, which a node that was triggered archives into, too.',
    );
    expect(await node.archive('--dry-run', `pg_wal/${name}`, name)).toEqual({
      ...refused(21, message + rights),
      stdout: `${name} would be stored at file:${node.path('db2')}\n`,
    });
    expect(await node.archive(`pg_wal/${name}`, name)).toEqual({
      ...refused(21, message + rights),
      changed: [`created db2/${name}`],
    });
  });

  it('another partial segment where the versions cannot be written', async () => {
    await using node = await makeWithSegment();
    const partial = `${name}.partial`;
    node.segment(partial);
    expect(await node.archive(`pg_wal/${partial}`, partial)).toMatchObject({ code: 0 });
    node.segment(partial, { content: 0x22 });
    chmodSync(node.path('db2/.twowarm'), 0o500);
    const versions = node.path('db2/.twowarm/versions');
    await expectBoth(
      node,
      21,
      error(`could not store ${partial}: could not create the directory ${versions}: Permission denied`),
      partial,
    );
    chmodSync(node.path('db2/.twowarm'), 0o700);
    node.sandbox.directory('db2/.twowarm/versions');
    chmodSync(versions, 0o500);
    const message = error(`could not store ${partial} at file:${node.path('db2')}: Permission denied`);
    await expectBoth(node, 21, message + rights, partial);
  });

  it.runIf(runsAsRoot())('a destination that is mounted read-only', async () => {
    await using node = await makeWithSegment({ used: false });
    using disk = mountTmpfs(node.path('db2'), 'size=8m');
    node.segment(stored);
    expect(await node.archive(`pg_wal/${stored}`, stored)).toMatchObject({ code: 0 });
    disk.remount('ro');
    const message = `could not store ${name} at file:${node.path('db2')}: Read-only file system`;
    await expectBoth(node, 22, error(message));
  });
});
