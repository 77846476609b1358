// Which destination has what: <home>/state/ledger/<destination>/. A debt is a file of its own (debt-files.ts). What the
// destination is known to have is one small file of ranges, which may lag: sending a file again does no harm. It never
// claims what is not there: it names the claim of the destination under which that was so, for a claim may put files aside.
import { readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { listDirectory } from '../program/list-directory.ts';
import { errnoOf, fromSystemError } from '../program/program-error.ts';
import { ensureDirectory, replaceSmallFile } from '../program/small-file.ts';
import { removeAbandoned } from '../program/temporary-name.ts';
import { NameSet } from '../wal/name-set.ts';
import { DebtFiles, ifThere } from './debt-files.ts';

export interface LedgerPlace {
  /** <home>/state */
  stateDirectory: string;
  nodeId: string;
  /** The cluster's, in bytes. */
  segmentSize: number;
}

/** The archive that a destination is, and its last claim: what is known of another one, or of before, is void. */
export interface KeptUnder {
  /** The archive's random name; '-' where that is not known. */
  archive: string;
  /** 0 for an archive that nobody has claimed. */
  epoch: number;
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

const headerUnder = (segmentSize: number, under: KeptUnder | undefined): string =>
  under === undefined
    ? header(segmentSize)
    : `${header(segmentSize)}, epoch ${under.epoch} of archive ${under.archive}`;

function underIn(line: string): KeptUnder | undefined {
  const [, epoch, archive] = /, epoch (\d+) of archive (\S+)$/.exec(line) ?? [];
  return archive === undefined ? undefined : { archive, epoch: Number(epoch) };
}

const isSameUnder = (one: KeptUnder | undefined, other: KeptUnder | undefined): boolean =>
  one?.archive === other?.archive && one?.epoch === other?.epoch;

/** What the file says. */
interface Stored {
  set: NameSet;
  under: KeptUnder | undefined;
}

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
  private under: KeptUnder | undefined;
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

  /** Under which claim it is kept: `nothing`: nothing is known to be there; undefined: it does not say which. */
  keptUnder(): KeptUnder | 'nothing' | undefined {
    return this.set().isEmpty ? 'nothing' : this.under;
  }

  /**
   * The destination is this archive under this claim. Where the ledger was kept under another one, or nobody knows which,
   * what it knows is forgotten, durably unless `isDryRun`; what is owed stays owed. `unknown`: it did not say which.
   */
  keepUnder(under: KeptUnder, isDryRun: boolean): 'same' | 'unknown' | KeptUnder {
    const before = this.set();
    const { under: was } = this;
    if (isSameUnder(was, under)) return 'same';
    // What was paid until now is paid, whatever becomes of it.
    if (!isDryRun) this.save();
    const isEmpty = before.isEmpty;
    this.known = new NameSet(this.place.segmentSize);
    this.under = under;
    this.added = [];
    this.settled = [];
    this.isChanged = false;
    if (!isDryRun && !isEmpty) this.write(this.known);
    return isEmpty ? 'same' : (was ?? 'unknown');
  }

  /** The destination is not what it was: nothing is known of what it has. What is owed stays owed. */
  forget(isDryRun = false): void {
    this.set();
    this.known = new NameSet(this.place.segmentSize);
    this.added = [];
    this.settled = [];
    this.isChanged = false;
    if (!isDryRun) ifThere(unlinkSync, this.pathOfKnown());
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
    // Another process may have saved, or made it forget, meanwhile: what this one knew before is not claimed again. What
    // is lost when two save at once is only known a little later.
    const stored = this.read() ?? { set: new NameSet(this.place.segmentSize), under: this.under };
    // Nor what this one has carried under another claim than that of the other process.
    if (isSameUnder(stored.under, this.under)) {
      for (const name of this.added) stored.set.add(name);
      this.write(stored.set);
    }
    this.known = stored.set;
    this.under = stored.under;
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

  private write(set: NameSet): void {
    const { segmentSize, nodeId } = this.place;
    this.prepare();
    removeAbandoned(this.directory, nodeId);
    const text = `${[headerUnder(segmentSize, this.under), ...set.toLines()].join('\n')}\n`;
    replaceSmallFile(this.pathOfKnown(), text, nodeId);
  }

  private pathOfKnown(): string {
    return join(this.directory, 'has');
  }

  private set(): NameSet {
    if (this.known !== undefined) return this.known;
    const stored = this.read();
    this.under = stored?.under;
    return (this.known = stored?.set ?? new NameSet(this.place.segmentSize));
  }

  /** One that is damaged, or of another segment size, says nothing: then files are sent that are there. */
  private read(): Stored | undefined {
    let text: string;
    try {
      text = readFileSync(this.pathOfKnown(), 'utf8');
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw fromSystemError(error, `could not read ${this.pathOfKnown()}`);
    }
    const [first = '', ...lines] = text.trimEnd().split('\n');
    const { segmentSize } = this.place;
    const under = underIn(first);
    if (first !== headerUnder(segmentSize, under)) return undefined;
    const set = NameSet.fromLines(lines, segmentSize);
    return set && { set, under };
  }
}
