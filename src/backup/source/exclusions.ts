// What of a data directory is no part of a base backup: the rules of PostgreSQL's own (src/backend/backup/basebackup.c of 10
// to 18). Pure: paths and names in, a verdict out.
import { isOwnName } from '../../copying/near/own-names.ts';

/** Directories whose content is made anew at every start, or belongs to one server alone: they are copied empty. */
const emptied = new Set([
  'pg_dynshmem',
  'pg_notify',
  'pg_replslot',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
]);

/** Files that a server writes for itself. pg_control is no part of the rest: it comes last. */
const ownFiles = new Set([
  'backup_label',
  'backup_manifest',
  'current_logfiles.tmp',
  'postgresql.auto.conf.tmp',
  'postmaster.opts',
  'postmaster.pid',
  'tablespace_map',
  // Of a server that recovered: this one writes.
  'recovery.conf',
  'recovery.signal',
  'standby.signal',
]);

/** True for a directory that is copied without what is in it; `temporary`: stats_temp_directory, where it lies in the data directory. */
export const isEmptied = (path: string, temporary: string | undefined): boolean =>
  emptied.has(path) || path === temporary;

/** Where a relation's files are: base/<database>, global, pg_tblspc/<oid>/PG_…/<database>. */
export const holdsRelations = (path: string): boolean =>
  path === 'global' || /^base\/\d+$/.test(path) || /^pg_tblspc\/\d+\/[^/]+\/\d+$/.test(path);

/** A relation's file: which relation, fork, and segment of it (1 GB each). */
export interface RelationFile {
  relation: string;
  fork: 'main' | 'fsm' | 'vm' | 'init';
  segment: number;
}

/** Undefined for what is none; also for a temporary relation's (t<backend>_<relation>). */
export function relationFileOf(name: string): RelationFile | undefined {
  const [, relation, fork = 'main', segment = '0'] =
    /^(\d+)(?:_(fsm|vm|init))?(?:\.(\d+))?$/.exec(name) ?? [];
  return relation === undefined
    ? undefined
    : { relation, fork: fork as RelationFile['fork'], segment: Number(segment) };
}

const isTemporaryRelation = (name: string): boolean => /^t\d+_\d+(_(fsm|vm|init))?(\.\d+)?$/.test(name);

/** The relations of a directory that are unlogged: they have an init fork, which becomes the relation when recovery ends. */
export class Unlogged {
  private readonly relations = new Set<string>();

  see(name: string): void {
    const file = relationFileOf(name);
    if (file?.fork === 'init') this.relations.add(file.relation);
  }

  leavesOut(name: string): boolean {
    if (this.relations.size === 0) return false;
    const file = relationFileOf(name);
    return file !== undefined && file.fork !== 'init' && this.relations.has(file.relation);
  }
}

/** Whether a name is left out wherever it stands; `directory` is relative, '' for the data directory itself. Also what a copy has left that was killed at its very end. */
export function isLeftOut(directory: string, name: string): boolean {
  if (name.startsWith('pgsql_tmp') || name.startsWith('pg_internal.init')) return true;
  if (directory === '' && (ownFiles.has(name) || isOwnName(name))) return true;
  if (directory === 'global' && name === 'pg_control') return true;
  return holdsRelations(directory) && isTemporaryRelation(name);
}
