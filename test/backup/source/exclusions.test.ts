// What a base backup leaves out, as PostgreSQL's own does: the names of each directory, and what becomes of them.
import { describe, expect, it } from 'vitest';
import {
  holdsRelations,
  isEmptied,
  isLeftOut,
  relationFileOf,
  Unlogged,
} from '../../../src/backup/source/exclusions.ts';

const leftOutOf = (directory: string, names: readonly string[]): string[] =>
  names.filter((name) => isLeftOut(directory, name));

/** Of every directory: names that go along, and names that stay. */
const directories: [directory: string, copied: string[], leftOut: string[]][] = [
  [
    '',
    [
      ...[
        'PG_VERSION',
        'postgresql.conf',
        'postgresql.auto.conf',
        'pg_hba.conf',
        'pg_ident.conf',
        'server.key',
      ],
      ...['backup_label.old', 'tablespace_map.old', 'recovery.done', 'current_logfiles', 'base', 'pg_wal'],
      ...['backup_label.mine', 'my postmaster.pid', 't1_2', 'recovery.conf.sample'],
    ],
    [
      ...['postmaster.pid', 'postmaster.opts', 'backup_label', 'tablespace_map', 'backup_manifest'],
      ...['standby.signal', 'recovery.signal', 'recovery.conf'],
      // Of the copy that this cluster was once made by.
      ...['.twowarm-copying', '.twowarm-copying.lock'],
      ...[
        'postgresql.auto.conf.tmp',
        'current_logfiles.tmp',
        'pgsql_tmp',
        'pgsql_tmp12.3',
        'pg_internal.init',
      ],
    ],
  ],
  [
    'global',
    ['1262', '1262_fsm', '1262_vm', 'pg_filenode.map', 'pg_control.old'],
    ['pg_control', 'pg_internal.init', 'pg_internal.init.4711', 't3_16384'],
  ],
  [
    'base/5',
    [
      '1259',
      '1259.1',
      '16384_init',
      'PG_VERSION',
      'pg_filenode.map',
      'pg_control',
      'postmaster.pid',
      't_1',
      't1',
    ],
    ['t3_16384', 't3_16384_fsm', 't3_16384_vm.1', 't12_16384.2', 'pg_internal.init', 'pgsql_tmp'],
  ],
  ['base', ['5', 'somebody', 't3_16384'], ['pgsql_tmp']],
  ['base/pgsql_tmp', ['any'], ['pgsql_tmp4711.0']],
  [
    'pg_tblspc/16390/PG_15_202209061/5',
    ['16400', '16400_init'],
    ['t3_16400', 'pgsql_tmp', 'pg_internal.init'],
  ],
  ['pg_tblspc/16390/PG_15_202209061', ['5', 't3_16400'], ['pgsql_tmp']],
  ['log', ['postgresql.log', 'postmaster.pid', 'standby.signal', 't3_16400'], []],
  ['pg_logical', ['replorigin_checkpoint', 'snapshots'], []],
];

describe('a base backup', () => {
  it.each(directories)(
    'of directory "%s" leaves out what PostgreSQL leaves out, and nothing else',
    (directory, copied, leftOut) => {
      expect(leftOutOf(directory, [...copied, ...leftOut])).toEqual(leftOut);
    },
  );

  it('takes the directories of a single server empty, and the one of temporary statistics', () => {
    const own = 'pg_dynshmem pg_notify pg_replslot pg_serial pg_snapshots pg_stat_tmp pg_subtrans'.split(' ');
    expect(own.filter((path) => isEmptied(path, undefined))).toEqual(own);
    const whole = [
      '',
      'base',
      'global',
      'pg_stat',
      'pg_xact',
      'pg_multixact',
      'pg_twophase',
      'pg_commit_ts',
      'pg_logical',
    ];
    expect(whole.filter((path) => isEmptied(path, undefined))).toEqual([]);
    expect(['base/pg_notify', 'my/stats', 'stats'].filter((path) => isEmptied(path, 'my/stats'))).toEqual([
      'my/stats',
    ]);
  });

  it('finds relations where PostgreSQL has them', () => {
    const relations = ['global', 'base/5', 'base/16384', 'pg_tblspc/16390/PG_15_202209061/5'];
    const others = [
      '',
      'base',
      'base/5/deep',
      'base/pgsql_tmp',
      'pg_tblspc/16390',
      'pg_tblspc/16390/PG_15_202209061',
      'global/x',
    ];
    expect([...relations, ...others].filter(holdsRelations)).toEqual(relations);
  });

  it.each([
    ['16384', { relation: '16384', fork: 'main', segment: 0 }],
    ['16384.1', { relation: '16384', fork: 'main', segment: 1 }],
    ['16384_fsm', { relation: '16384', fork: 'fsm', segment: 0 }],
    ['16384_vm.12', { relation: '16384', fork: 'vm', segment: 12 }],
    ['16384_init', { relation: '16384', fork: 'init', segment: 0 }],
    ['t3_16384', undefined],
    ['16384_other', undefined],
    ['16384.', undefined],
    ['pg_filenode.map', undefined],
    ['16384.1.2', undefined],
  ])('reads %s as the file of a relation that it is', (name, file) => {
    expect(relationFileOf(name)).toEqual(file);
  });

  it('takes of an unlogged relation the fork that it begins with, and no other; whichever is seen first', () => {
    const names = ['20', '20.1', '20_fsm', '20_vm', '20_init', '20_init.1', '200', '2', '21', 'PG_VERSION'];
    for (const order of [names, [...names].reverse()]) {
      const unlogged = new Unlogged();
      for (const name of order) unlogged.see(name);
      expect(names.filter((name) => unlogged.leavesOut(name))).toEqual(['20', '20.1', '20_fsm', '20_vm']);
    }
    expect(names.some((name) => new Unlogged().leavesOut(name))).toBe(false);
  });
});
