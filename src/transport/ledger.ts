// Which destination has what: <home>/state/ledger/<destination>/. A debt is an empty file <name>.owed, so that recording
// one is a single durable step that needs no lock and that no other process can undo. What the destination is known to
// have is one small file of ranges, which may lag: sending a file again does no harm. It never claims what is not there.
import { closeSync, openSync, readdirSync, readFileSync, rmdirSync, statSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileMode, settleFile } from '../program/file-owner.ts';
import { errnoOf, fromSystemError, ProgramError } from '../program/program-error.ts';
import { ensureDirectory, replaceSmallFile, syncDirectory } from '../program/small-file.ts';
import { removeAbandoned } from '../program/temporary-name.ts';
import { NameSet } from '../wal/name-set.ts';

export interface LedgerPlace {
  /** <home>/state */
  stateDirectory: string;
  nodeId: string;
  /** The cluster's, in bytes. */
  segmentSize: number;
}

/** The debts of a destination at a glance. */
export interface Debt {
  count: number;
  first: string | undefined;
  last: string | undefined;
  /** How many of them were set aside. */
  aside: number;
}

const ledgersIn = (stateDirectory: string): string => join(stateDirectory, 'ledger');
const header = (segmentSize: number): string => `twowarm ledger 1, segments of ${segmentSize} bytes`;

/** A debt's own name is none of a WAL file: those are whole wherever they are. */
const ending = '.owed';

/** A name becomes part of a path. */
const isLedgerName = (name: string): boolean =>
  name.length <= 128 && /^[0-9A-F]{8}(\.history|[0-9A-F]{16})(\.[0-9A-Za-z]+)*$/.test(name);

function listDirectory(path: string): string[] {
  try {
    return readdirSync(path)
      .filter((name) => !name.startsWith('.'))
      .sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw fromSystemError(error, `could not read ${path}`);
  }
}

function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw fromSystemError(error, `could not look for ${path}`);
  }
}

function ifThere(remove: (path: string) => void, path: string): void {
  try {
    remove(path);
  } catch (error) {
    const code = errnoOf(error);
    // Another process has removed it, or has just put a new debt into the directory.
    if (code === 'ENOENT' || code === 'ENOTEMPTY') return;
    throw fromSystemError(error, `could not remove ${path}`);
  }
}

/** Every destination that has a ledger, also one that is not configured any more. */
export const ledgersOf = (stateDirectory: string): string[] => listDirectory(ledgersIn(stateDirectory));

/** Whether anything is owed to the destination; costs one look at a directory. */
export const isInDebt = (stateDirectory: string, destination: string): boolean =>
  listDirectory(join(ledgersIn(stateDirectory), destination, 'owed')).length > 0;

export class Ledger {
  private readonly directory: string;
  private readonly place: LedgerPlace;
  private known: NameSet | undefined;
  private paid: string[] = [];
  private isChanged = false;

  /** Opens, or begins, the ledger of a destination; nothing is read or written yet. */
  constructor(destination: string, place: LedgerPlace) {
    if (!/^[A-Za-z0-9_-]{1,63}$/.test(destination))
      throw new Error(`"${destination}" is no name of a destination`);
    this.directory = join(ledgersIn(place.stateDirectory), destination);
    this.place = place;
  }

  /** True when the destination is known to have the file; false says nothing. */
  has(name: string): boolean {
    return this.set().has(name) && !this.isOwed(name);
  }

  /** Those of the names that the destination is not known to have, in the order given. For many at once. */
  lacking(names: readonly string[]): string[] {
    const owed = new Set([...this.owed(), ...this.aside()]);
    const set = this.set();
    return names.filter((name) => owed.has(name) || !set.has(name));
  }

  /** The destination is not what it was: nothing is known of what it has. What is owed stays owed. */
  forget(): void {
    this.known = new NameSet(this.place.segmentSize);
    this.paid = [];
    this.isChanged = false;
    ifThere(unlinkSync, this.pathOfKnown());
  }

  /** The destination has the file durably: its debt is paid. Kept from the next save on. */
  add(name: string): void {
    this.set().add(name);
    this.paid.push(name);
    this.isChanged = true;
  }

  /** The destination lacks the file and is to get it. Durable on return; repeating it changes nothing. */
  owe(name: string): void {
    this.record('owed', name);
  }

  /** What is owed and not set aside, oldest first: histories before the segments of their timeline. */
  owed(atMost = Number.POSITIVE_INFINITY): string[] {
    return this.debts('owed', atMost);
  }

  /** What is owed but was set aside, oldest first. */
  aside(): string[] {
    return this.debts('aside', Number.POSITIVE_INFINITY);
  }

  /** A debt that cannot be paid (nobody has the file): it stays owed, but no longer holds up the others. */
  setAside(name: string): void {
    this.record('aside', name);
    this.strike('owed', name);
  }

  /** What was set aside is owed like the rest again. */
  takeUpAgain(): void {
    for (const name of this.aside()) {
      this.record('owed', name);
      this.strike('aside', name);
    }
  }

  /** Makes every `add` durable, then strikes the debts that it has paid. */
  save(): void {
    if (!this.isChanged) return;
    const { segmentSize, nodeId } = this.place;
    this.prepare();
    removeAbandoned(this.directory, nodeId);
    // Another process may have saved meanwhile. What is lost when both do it at once is only known a little later.
    const stored = this.read();
    if (stored !== undefined) this.set().addAll(stored);
    const text = `${[header(segmentSize), ...this.set().toLines()].join('\n')}\n`;
    replaceSmallFile(this.pathOfKnown(), text, nodeId);
    for (const name of this.paid) for (const kind of ['owed', 'aside'] as const) this.strike(kind, name);
    this.paid = [];
    this.isChanged = false;
  }

  debt(): Debt {
    const [owed, aside] = [this.owed(), this.aside()];
    const all = [...owed, ...aside].sort();
    return { count: all.length, first: all[0], last: all.at(-1), aside: aside.length };
  }

  private isOwed(name: string): boolean {
    return (['owed', 'aside'] as const).some((kind) => isThere(this.pathOf(kind, name)));
  }

  private debts(kind: 'owed' | 'aside', atMost: number): string[] {
    const names: string[] = [];
    for (const bucket of listDirectory(join(this.directory, kind))) {
      const debts = listDirectory(join(this.directory, kind, bucket)).filter((name) => name.endsWith(ending));
      names.push(...debts.map((name) => name.slice(0, -ending.length)).sort());
      if (names.length >= atMost) return names.slice(0, atMost);
    }
    return names;
  }

  private record(kind: 'owed' | 'aside', name: string): void {
    const bucket = this.bucketOf(kind, name);
    try {
      // Another process may remove the directory, empty until now, while it is to be filled.
      for (let attempts = 10; !this.tryRecord(kind, bucket, name); attempts--)
        if (attempts === 0) throw new Error(`${bucket} vanishes again and again`);
    } catch (error) {
      throw fromSystemError(error, `could not record in ${this.directory} that ${name} is owed`);
    }
  }

  private tryRecord(kind: 'owed' | 'aside', bucket: string, name: string): boolean {
    this.prepare();
    for (const directory of [join(this.directory, kind), bucket]) ensureDirectory(directory);
    const path = this.pathOf(kind, name);
    try {
      const descriptor = openSync(path, 'a', fileMode);
      settleFile(descriptor, path);
      closeSync(descriptor);
      // Also where both were there: whoever made them may have died before this.
      for (const directory of [bucket, dirname(bucket)]) syncDirectory(directory);
      return true;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      throw error;
    }
  }

  /** Not fsynced: a debt that comes back with a crash is paid again. */
  private strike(kind: 'owed' | 'aside', name: string): void {
    ifThere(unlinkSync, this.pathOf(kind, name));
    ifThere(rmdirSync, this.bucketOf(kind, name));
  }

  private pathOf(kind: 'owed' | 'aside', name: string): string {
    return join(this.bucketOf(kind, name), `${name}${ending}`);
  }

  /** The directory of 4 GB of WAL, so that none grows large; a timeline's history sorts before them. */
  private bucketOf(kind: 'owed' | 'aside', name: string): string {
    if (!isLedgerName(name))
      throw new ProgramError('invalid-name', `"${name}" is not the name of a WAL file`);
    return join(this.directory, kind, /^[0-9A-F]{16}/.exec(name)?.[0] ?? name.slice(0, 8));
  }

  private prepare(): void {
    for (const directory of [ledgersIn(this.place.stateDirectory), this.directory])
      ensureDirectory(directory);
  }

  private pathOfKnown(): string {
    return join(this.directory, 'has');
  }

  private set(): NameSet {
    return (this.known ??= this.read() ?? new NameSet(this.place.segmentSize));
  }

  /** One that is damaged, or of another segment size, says nothing: then files are sent that are there. */
  private read(): NameSet | undefined {
    let text: string;
    try {
      text = readFileSync(this.pathOfKnown(), 'utf8');
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw fromSystemError(error, `could not read ${this.pathOfKnown()}`);
    }
    const [first, ...lines] = text.trimEnd().split('\n');
    const { segmentSize } = this.place;
    return first === header(segmentSize) ? NameSet.fromLines(lines, segmentSize) : undefined;
  }
}
