// Where tablespaces go: --tablespace-mapping in pg_basebackup's syntax, what a target has already, and tablespace_map.
import { describe, expect, it } from 'vitest';
import { mapFor, mapTablespaces, requireSameTablespaces } from '../../src/backup/mapping.ts';
import type { Tablespace } from '../../src/postgres/tablespaces.ts';
import { faultOf } from '../program/fault.ts';

const two: Tablespace[] = [
  { oid: '16385', location: '/fast' },
  { oid: '16390', location: '/large' },
];
const within: Tablespace = { oid: '16400', location: 'pg_tblspc/16400' };

describe('the tablespaces of a copy', () => {
  it('stay where they are, or where the target has them, or go where they are mapped to', () => {
    expect(mapTablespaces(two, [])).toEqual(two);
    const there = [{ oid: '16390', location: '/there' }];
    expect(mapTablespaces(two, [], there)).toEqual([two[0], there[0]]);
    expect(mapTablespaces(two, ['/large=/mapped'], there)).toEqual([
      two[0],
      { oid: '16390', location: '/mapped' },
    ]);
    expect(mapTablespaces(two, ['/fast=/a', '/large/=/b//'])).toEqual([
      { oid: '16385', location: '/a' },
      { oid: '16390', location: '/b' },
    ]);
  });

  it('within the data directory are copied with it', () => {
    expect(mapTablespaces([...two, within], [])).toEqual(two);
  });

  it('have an = in their names where a backslash says so', () => {
    const odd = [{ oid: '16385', location: '/a=b' }];
    expect(mapTablespaces(odd, ['/a\\=b=/c\\=d\\=e'])).toEqual([{ oid: '16385', location: '/c=d=e' }]);
  });

  it.each([
    ['/fast', 'it has no single = between two directories'],
    ['/fast=/a=/b', 'it has no single = between two directories'],
    ['/fast\\=/a', 'it has no single = between two directories'],
    ['fast=/a', 'both directories must be absolute'],
    ['/fast=a', 'both directories must be absolute'],
    ['/fast=', 'both directories must be absolute'],
    ['', 'it has no single = between two directories'],
  ])('are not mapped by "%s"', async (word, why) => {
    expect(await faultOf(() => mapTablespaces(two, [word]))).toEqual({
      kind: 'usage',
      message: `cannot use the tablespace mapping "${word}": ${why}`,
      hint: 'Write OLDDIR=NEWDIR, two absolute directories; an = within them as \\=.',
    });
  });

  it('are no others than those of the cluster', async () => {
    expect(await faultOf(() => mapTablespaces(two, ['/fsat=/a']))).toEqual({
      kind: 'usage',
      message: 'there is no tablespace in /fsat',
      detail: 'Those of this cluster are in /fast, /large.',
    });
    expect(await faultOf(() => mapTablespaces([], ['/fsat=/a']))).toEqual({
      kind: 'usage',
      message: 'there is no tablespace in /fsat',
      detail: 'Those of this cluster are in none.',
    });
  });
});

describe('tablespace_map', () => {
  const map = Buffer.from('16385 /fast\n16390 /large\n');

  it("is the server's, byte for byte, where nothing lies elsewhere", () => {
    expect(mapFor(map, two, two)).toBe(map);
    expect(mapFor(Buffer.alloc(0), [], [])).toEqual(Buffer.alloc(0));
  });

  it('names the directories of the target in the lines of those that lie elsewhere, and leaves the others', () => {
    expect(mapFor(map, two, mapTablespaces(two, ['/large=/mäp pe d'])).toString()).toBe(
      '16385 /fast\n16390 /mäp pe d\n',
    );
  });

  it('has a backslash before what would end a line, as the server writes it', () => {
    const odd = [
      { oid: '1', location: '/a\nb\\c\rd' },
      { oid: '16385', location: '/fast' },
    ];
    const written = Buffer.from('1 /a\\\nb\\\\c\\\rd\n16385 /fast\n');
    // The line of the first is kept whole, though there is a line feed in it.
    expect(mapFor(written, odd, mapTablespaces(odd, ['/fast=/new'])).toString()).toBe(
      '1 /a\\\nb\\\\c\\\rd\n16385 /new\n',
    );
    expect(mapFor(written, odd, [{ oid: '1', location: '/x\ny\\z\rw' }, odd[1]!]).toString()).toBe(
      '1 /x\\\ny\\\\z\\\rw\n16385 /fast\n',
    );
  });

  it('keeps bytes that are no UTF-8', () => {
    const bytes = Buffer.from([...Buffer.from('1 /caf'), 0xe9, 0x0a, ...Buffer.from('16385 /fast\n')]);
    const source = [{ oid: '1', location: '/caf?' }, two[0]!];
    expect(mapFor(bytes, source, [source[0]!, { oid: '16385', location: '/new' }])).toEqual(
      Buffer.from([...Buffer.from('1 /caf'), 0xe9, 0x0a, ...Buffer.from('16385 /new\n')]),
    );
  });
});

describe('the tablespaces that a backup begins with', () => {
  it('are those that were looked at', async () => {
    expect(() => requireSameTablespaces([...two, within], [within, ...two])).not.toThrow();
    const now = [two[0]!, { oid: '16390', location: '/larger' }];
    expect(await faultOf(() => requireSameTablespaces(two, now))).toEqual({
      kind: 'busy',
      message: 'the tablespaces of the cluster have changed since it was looked at: nothing was copied',
      detail:
        'Tablespace 16390 is at /larger now, and was not there. Tablespace 16390 was at /large, and is not there now.',
      hint: 'Call again.',
    });
  });
});
