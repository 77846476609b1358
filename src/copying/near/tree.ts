// The directories of a target, by paths that came from elsewhere. A path is refused unless each part of it is a plain name,
// and a directory counts only if it is one itself: no symbolic link is followed but pg_wal's and a planned tablespace's.
import { join } from 'node:path';
import { errnoOf, fromSystemError, ProgramError } from '../../program/program-error.ts';
import { lstat, makeDirectoryAt, stat, unlessMissing } from '../../program/system-calls.ts';
import { changeMode } from './calls.ts';
import { isOwnName } from './own-names.ts';

const plainName = /^(?!\.{1,2}$)[^/\0]+$/;

/** What decides whether a server starts, and as what: no copy of a file does. */
const neverCopied: ReadonlySet<string> = new Set([
  '',
  'global/pg_control',
  'postmaster.pid',
  'standby.signal',
  'recovery.signal',
  'recovery.conf',
]);

/** The parts of a path; a `target-path` error unless each is a plain name. '' is the data directory itself. */
export function partsOf(path: string): string[] {
  if (path === '') return [];
  const parts = path.split('/');
  if (parts.every((part) => plainName.test(part)) && !isOwnName(parts[0]!)) return parts;
  throw new ProgramError('target-path', `cannot write to "${path}": that is no path within a data directory`);
}

/** A planned tablespace: its oid, and the one directory in its location that is this cluster's. */
export interface PlannedTablespaces {
  oids: ReadonlySet<string>;
  versionDirectory: string;
}

export class Tree {
  readonly root: string;
  private tablespaces: PlannedTablespaces;
  /** What was found to be a directory, or made: one entry a directory, whatever the number of files. */
  private readonly known = new Set<string>(['']);

  constructor(root: string, tablespaces: PlannedTablespaces) {
    this.root = root;
    this.tablespaces = tablespaces;
  }

  pathOf(path: string): string {
    return path === '' ? this.root : join(this.root, path);
  }

  /** All directories that something was put into, with their whole paths. */
  directories(): string[] {
    return [...this.known].map((path) => this.pathOf(path));
  }

  /** The place for a file: its directory is there, and is one. */
  async placeOf(path: string): Promise<string> {
    const parts = this.parts(path);
    if (neverCopied.has(path)) {
      throw new ProgramError('target-path', `cannot write to "${path}": that is no file of a base backup`);
    }
    await this.requireDirectory(parts.slice(0, -1).join('/'));
    return this.pathOf(path);
  }

  async make(path: string, mode: number): Promise<void> {
    const parts = this.parts(path);
    if (parts.length > 0) await this.requireDirectory(parts.slice(0, -1).join('/'));
    const whole = this.pathOf(path);
    try {
      await makeDirectoryAt(whole, mode);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw fromSystemError(error, `could not create directory "${whole}"`);
    }
    await this.requireDirectory(path);
    await this.settleMode(whole, mode);
  }

  /** A directory that is there; a `target-path` error for a symbolic link or anything else that is in its place. */
  async requireDirectory(path: string): Promise<void> {
    if (this.known.has(path)) return;
    const parts = this.parts(path);
    await this.requireDirectory(parts.slice(0, -1).join('/'));
    const whole = this.pathOf(path);
    const look = this.isFollowed(path) ? stat : lstat;
    const found = await look(whole).catch((error: unknown) => {
      throw fromSystemError(error, `could not look at directory "${whole}"`);
    });
    if (!found.isDirectory()) throw notDirectory(whole, found.isSymbolicLink());
    this.known.add(path);
  }

  /** Whether there is such a directory; what is there and is none, is refused. */
  async has(path: string): Promise<boolean> {
    if (this.known.has(path)) return true;
    const parts = this.parts(path);
    if (!(await this.has(parts.slice(0, -1).join('/')))) return false;
    if ((await unlessMissing(lstat(this.pathOf(path)))) === undefined) return false;
    await this.requireDirectory(path);
    return true;
  }

  /** It is no more, with all below it. */
  forget(path: string): void {
    for (const each of this.known) if (each === path || each.startsWith(`${path}/`)) this.known.delete(each);
  }

  isPlanned(oid: string): boolean {
    return this.tablespaces.oids.has(oid);
  }

  private isFollowed(path: string): boolean {
    const [first, oid, ...more] = path.split('/');
    if (path === 'pg_wal') return true;
    return first === 'pg_tblspc' && oid !== undefined && more.length === 0 && this.isPlanned(oid);
  }

  /** In a location, other clusters and other versions have directories of their own. */
  private parts(path: string): string[] {
    const parts = partsOf(path);
    const [first, oid, version] = parts;
    const isForeign =
      first === 'pg_tblspc' &&
      version !== undefined &&
      this.isPlanned(oid!) &&
      version !== this.tablespaces.versionDirectory;
    if (!isForeign) return parts;
    throw new ProgramError(
      'target-path',
      `cannot write to "${path}": that is not a directory of this cluster`,
    );
  }

  private async settleMode(whole: string, mode: number): Promise<void> {
    try {
      const found = await stat(whole);
      if ((found.mode & 0o7777) !== mode) await changeMode(whole, mode);
    } catch (error) {
      throw fromSystemError(error, `could not set permissions of directory "${whole}"`);
    }
  }
}

export function notDirectory(path: string, isLink: boolean): ProgramError {
  const what = isLink ? 'is a symbolic link' : 'is not a directory';
  return new ProgramError('target-path', `cannot write into "${path}": it ${what}`, {
    detail: 'A base backup has a directory there.',
    hint: 'Move it away, and start the copy again.',
  });
}
