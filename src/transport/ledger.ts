// Which destination has what: <home>/state/ledger/<destination>/. A debt is a file of its own (debt-files.ts). What the
// destination is known to have is one small file of ranges, which may lag: sending a file again does no harm. It never
// claims what is not there.
import { readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, fromSystemError } from '../program/program-error.ts';
import { ensureDirectory, replaceSmallFile } from '../program/small-file.ts';
import { removeAbandoned } from '../program/temporary-name.ts';
import { NameSet } from '../wal/name-set.ts';
import { DebtFiles, ifThere, listDirectory } from './debt-files.ts';

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

/** Every destination that has a ledger, also one that is not configured any more. */
export const ledgersOf = (stateDirectory: string): string[] => listDirectory(ledgersIn(stateDirectory));

/** Whether anything is owed to the destination that is not set aside; where nothing is, one look at a directory. */
export const isInDebt = (stateDirectory: string, destination: string): boolean =>
  new DebtFiles(join(ledgersIn(stateDirectory), destination), () => undefined).list('owed', 1).length > 0;

export class Ledger {
  private readonly directory: string;
  private readonly place: LedgerPlace;
  private readonly debts: DebtFiles;
  private known: NameSet | undefined;
  private added: string[] = [];
  private settled: string[] = [];
  private isChanged = false;

  /** Opens, or begins, the ledger of a destination; nothing is read or written yet. */
  constructor(destination: string, place: LedgerPlace) {
    if (!/^[A-Za-z0-9_-]{1,63}$/.test(destination))
      throw new Error(`"${destination}" is no name of a destination`);
    this.directory = join(ledgersIn(place.stateDirectory), destination);
    this.place = place;
    this.debts = new DebtFiles(this.directory, () => this.prepare());
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
    this.added = [];
    this.settled = [];
    this.isChanged = false;
    ifThere(unlinkSync, this.pathOfKnown());
  }

  /**
   * The destination has a file of this name durably. Kept from the next save on. What is owed stays owed: that may be of
   * other bytes, which only who pays debts has compared.
   */
  add(name: string): void {
    this.set().add(name);
    this.added.push(name);
    this.isChanged = true;
  }

  /**
   * The very file that is owed is durably there: the next save strikes its debt. Of a partial segment it is one of
   * several, perhaps, so that this says nothing of what else there is under its name.
   */
  settle(name: string): void {
    if (!name.endsWith('.partial')) this.add(name);
    this.settled.push(name);
    this.isChanged = true;
  }

  /** The destination lacks the file and is to get it. Durable on return; repeating it changes nothing. */
  owe(name: string): void {
    this.debts.record('owed', name);
  }

  /** What is owed and not set aside, oldest first: histories before the segments of their timeline. */
  owed(atMost = Number.POSITIVE_INFINITY): string[] {
    return this.debts.list('owed', atMost);
  }

  /** What is owed but was set aside, oldest first. */
  aside(): string[] {
    return this.debts.list('aside');
  }

  /** Whether the file is owed at this moment, set aside or not: another process may have paid it. */
  isOwed(name: string): boolean {
    // Owed is looked for once more: what was set aside may have been taken up again in between.
    return (['owed', 'aside', 'owed'] as const).some((kind) => this.debts.has(kind, name));
  }

  /**
   * A debt that cannot be paid (nobody has the file): it stays owed, but no longer holds up the others. One step, so that
   * a debt which another process pays at this moment does not come back; false when it is not owed any more.
   */
  setAside(name: string): boolean {
    return this.debts.setAside(name);
  }

  /** What was set aside is owed like the rest again. */
  takeUpAgain(): void {
    for (const name of this.aside()) {
      this.debts.record('owed', name);
      this.debts.strike('aside', name);
    }
  }

  /** Makes every `add` durable, then strikes the debts that were settled. */
  save(): void {
    if (!this.isChanged) return;
    const { segmentSize, nodeId } = this.place;
    this.prepare();
    removeAbandoned(this.directory, nodeId);
    // Another process may have saved, or made it forget, meanwhile: what this one knew before is not claimed again. What
    // is lost when two save at once is only known a little later.
    const stored = this.read() ?? new NameSet(segmentSize);
    for (const name of this.added) stored.add(name);
    const text = `${[header(segmentSize), ...stored.toLines()].join('\n')}\n`;
    replaceSmallFile(this.pathOfKnown(), text, nodeId);
    this.known = stored;
    for (const name of this.settled)
      for (const kind of ['owed', 'aside'] as const) this.debts.strike(kind, name);
    this.added = [];
    this.settled = [];
    this.isChanged = false;
  }

  debt(): Debt {
    const [owed, aside] = [this.owed(), this.aside()];
    const all = [...owed, ...aside].sort();
    return { count: all.length, first: all[0], last: all.at(-1), aside: aside.length };
  }

  /** Makes the directory of the ledger. */
  prepare(): void {
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
