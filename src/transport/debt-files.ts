// The debts of one ledger: a debt is an empty file owed/<4 GB of WAL>/<name>.owed, or aside/… where it cannot be paid, so
// that recording one is a single durable step that needs no lock and that no other process can undo.
import { closeSync, openSync, renameSync, rmdirSync, statSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileMode, settleFile } from '../program/file-owner.ts';
import { listDirectory } from '../program/list-directory.ts';
import { errnoOf, fromSystemError, ProgramError } from '../program/program-error.ts';
import { ensureDirectory, syncDirectory } from '../program/small-file.ts';

export type DebtKind = 'owed' | 'aside';

/** A debt's own name is none of a WAL file: those are whole wherever they are. */
const ending = '.owed';

/** A name becomes part of a path. */
const isLedgerName = (name: string): boolean =>
  name.length <= 128 && /^[0-9A-F]{8}(\.history|[0-9A-F]{16})(\.[0-9A-Za-z]+)*$/.test(name);

function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw fromSystemError(error, `could not look for ${path}`);
  }
}

export function ifThere(remove: (path: string) => void, path: string): void {
  try {
    remove(path);
  } catch (error) {
    const code = errnoOf(error);
    // Another process has removed it, or has just put a new debt into the directory.
    if (code === 'ENOENT' || code === 'ENOTEMPTY') return;
    throw fromSystemError(error, `could not remove ${path}`);
  }
}

export class DebtFiles {
  private readonly directory: string;
  private readonly prepare: () => void;

  /** `prepare` makes `directory`. */
  constructor(directory: string, prepare: () => void) {
    this.directory = directory;
    this.prepare = prepare;
  }

  has(kind: DebtKind, name: string): boolean {
    return isThere(this.pathOf(kind, name));
  }

  /** The oldest first: histories before the segments of their timeline. */
  list(kind: DebtKind, atMost = Number.POSITIVE_INFINITY): string[] {
    const names: string[] = [];
    for (const bucket of listDirectory(join(this.directory, kind))) {
      const debts = listDirectory(join(this.directory, kind, bucket)).filter((name) => name.endsWith(ending));
      names.push(...debts.map((name) => name.slice(0, -ending.length)).sort());
      if (names.length >= atMost) return names.slice(0, atMost);
    }
    return names;
  }

  /** Durable on return. */
  record(kind: DebtKind, name: string): void {
    const path = this.pathOf(kind, name);
    this.filling(kind, name, () => {
      const descriptor = openSync(path, 'a', fileMode);
      settleFile(descriptor, path);
      closeSync(descriptor);
    });
  }

  /** In one step, durably; false when it is not owed, as when another process has paid it. */
  setAside(name: string): boolean {
    const [from, to] = [this.pathOf('owed', name), this.pathOf('aside', name)];
    const isMoved = this.filling('aside', name, () => {
      if (!isThere(from)) return false;
      renameSync(from, to);
      return true;
    });
    ifThere(rmdirSync, dirname(isMoved ? from : to));
    return isMoved;
  }

  /** Not fsynced: a debt that comes back with a crash is paid again. */
  strike(kind: DebtKind, name: string): void {
    ifThere(unlinkSync, this.pathOf(kind, name));
    ifThere(rmdirSync, this.bucketOf(kind, name));
  }

  /** Has `fill` put a debt into its directory, and makes that durable. */
  private filling<T>(kind: DebtKind, name: string, fill: () => T): T {
    const bucket = this.bucketOf(kind, name);
    try {
      // Another process may remove the directory, empty until now, while it is to be filled.
      for (let attempts = 10; attempts >= 0; attempts--) {
        const filled = this.tryToFill(kind, bucket, fill);
        if (filled !== undefined) return filled.answer;
      }
      throw new Error(`${bucket} vanishes again and again`);
    } catch (error) {
      throw fromSystemError(error, `could not record in ${this.directory} that ${name} is owed`);
    }
  }

  private tryToFill<T>(kind: DebtKind, bucket: string, fill: () => T): { answer: T } | undefined {
    this.prepare();
    for (const directory of [join(this.directory, kind), bucket]) ensureDirectory(directory);
    try {
      const answer = fill();
      // Also where both were there: whoever made them may have died before this.
      for (const directory of [bucket, dirname(bucket)]) syncDirectory(directory);
      return { answer };
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  private pathOf(kind: DebtKind, name: string): string {
    return join(this.bucketOf(kind, name), `${name}${ending}`);
  }

  /** The directory of 4 GB of WAL, so that none grows large; a timeline's history sorts before them. */
  private bucketOf(kind: DebtKind, name: string): string {
    if (!isLedgerName(name))
      throw new ProgramError('invalid-name', `"${name}" is not the name of a WAL file`);
    return join(this.directory, kind, /^[0-9A-F]{16}/.exec(name)?.[0] ?? name.slice(0, 8));
  }
}
