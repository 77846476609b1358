// archiveWALFile where what is to be archived and where it is to go are one: success would be no copy at all.
import { linkSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { makeNode, oneDestination, refused, silent, type NodeFixture } from '../harness/node-fixture.ts';
import { giveToServerUser } from '../harness/server-user.ts';
import { inTurn } from '../harness/share.ts';
import { segmentBytes, segmentNamed } from '../harness/wal-files.ts';

const name = segmentNamed(0x21);
let node: NodeFixture;
beforeEach(async () => {
  node = await makeNode('archive-own-data');
  node.segment(name);
});
afterEach(() => node[Symbol.asyncDispose]());

const error = (...lines: string[]): string => `archiveWALFile: ERROR:  ${lines.join('\n')}\n`;

describe('a destination within the data directory', () => {
  const destination = (path: string): string => `[destination.db2]\nurl = 'file:${node.path(path)}'\n`;
  const lost = (holder: string, line = 4): string =>
    error(
      `cannot use the configuration ${node.path('twowarm/twowarm.toml')}: line ${line}: "destination.db2.url" lies within ${node.path(holder)}`,
      'DETAIL:  WAL that is archived within the data directory is lost with it.',
      'HINT:  Choose a directory outside of it, best on another machine.',
    );

  inTurn(2).each([
    ['pg_wal itself', 'data/pg_wal', 'data'],
    ['a directory of pg_wal', 'data/pg_wal/archive_status', 'data'],
    ['the data directory', 'data', 'data'],
    ['a directory of it', 'data/archive', 'data'],
    ['a directory of it that is not there', 'data/gone/archive', 'data'],
    ['written another way', 'twowarm/../data/./pg_wal', 'data'],
  ])('is refused: %s', async (_, path, holder) => {
    for (const each of ['data/archive', 'data/pg_wal/archive_status']) node.sandbox.directory(each);
    node.configure(destination(path));
    expect(await node.archive(`pg_wal/${name}`, name)).toEqual(refused(3, lost(holder)));
    expect(await node.archive('--dry-run', `pg_wal/${name}`, name)).toEqual(refused(3, lost(holder)));
  });

  it('is refused: a symbolic link to pg_wal', async () => {
    symlinkSync(node.path('data/pg_wal'), node.path('link'));
    node.configure(destination('link'));
    expect(await node.archive(`pg_wal/${name}`, name)).toEqual(refused(3, lost('data')));
  });

  it('is refused: where pg_wal is a symbolic link to', async () => {
    mkdirSync(node.path('disk'), { mode: 0o700 });
    renameSync(node.path('data/pg_wal'), node.path('disk/wal'));
    symlinkSync(node.path('disk/wal'), node.path('data/pg_wal'));
    giveToServerUser(node.path('disk'));
    node.configure(destination('disk/wal'));
    expect(await node.archive(`pg_wal/${name}`, name)).toEqual(refused(3, lost('disk/wal')));
  });

  it('is refused among others, with its line, and none of them gets the file', async () => {
    node.configure(`[destination.db1]\nurl = 'file:${node.path('db2')}'\n${destination('data/pg_wal')}`);
    expect(await node.archive(`pg_wal/${name}`, name)).toEqual(refused(3, lost('data', 6)));
  });

  it('is not what only begins with the same letters', async () => {
    node.sandbox.directory('data2');
    node.configure(destination('data2'));
    const { code, stderr, changed } = await node.archive(`pg_wal/${name}`, name);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(changed).toContain(`created data2/${name}`);
  });
});

describe('a file under the name in the archive that is the source itself', () => {
  const noCopy = (): string =>
    error(
      `${node.path(`db2/${name}`)} is the very file to archive, not a copy of it`,
      'HINT:  The destination is pg_wal, or holds hard links to it. Choose another directory.',
    );

  it('as a hard link is refused', async () => {
    linkSync(node.path(`data/pg_wal/${name}`), node.path(`db2/${name}`));
    expect(await node.archive(`pg_wal/${name}`, name)).toEqual(refused(3, noCopy()));
  });

  it('as %p is refused', async () => {
    node.sandbox.file(`db2/${name}`, segmentBytes(name));
    expect(await node.archive(node.path(`db2/${name}`), name)).toEqual(refused(3, noCopy()));
  });

  it('as %p by a symbolic link in pg_wal is refused', async () => {
    node.sandbox.file(`db2/${segmentNamed(0x22)}`, segmentBytes(segmentNamed(0x22)));
    const linked = segmentNamed(0x22);
    symlinkSync(node.path(`db2/${linked}`), node.path(`data/pg_wal/${linked}`));
    node.ready(linked);
    expect(await node.archive(`pg_wal/${linked}`, linked)).toEqual(
      refused(3, noCopy().replace(name, linked)),
    );
  });

  it('and then a real copy is stored', async () => {
    linkSync(node.path(`data/pg_wal/${name}`), node.path(`db2/${name}`));
    node.sandbox.directory('db3');
    node.configure(oneDestination(() => node.path('db3')));
    expect(await node.archive(`pg_wal/${name}`, name)).toMatchObject({ code: 0, stderr: '' });
    expect(await node.archive(`pg_wal/${name}`, name)).toEqual(silent());
  });
});
