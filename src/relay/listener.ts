// Who hears of what happens between the own archive and a destination: a pass counts, a relay that stays tells.
import type { Report } from '../program/print-error.ts';
import type { ProgramError } from '../program/program-error.ts';
import type { Carrier } from './carrier.ts';
import type { Carried } from './carry.ts';

/** None of these may throw. */
export interface Listener {
  carried(carrier: Carrier, key: string, carried: Carried): void;
  /** The destination has just answered, whatever it said. */
  answered(carrier: Carrier): void;
  /** Wrong with the file, or with what is there under its name; the others go on. */
  refused(carrier: Carrier, key: string, fault: ProgramError): void;
  /** Out of order: nothing more is begun. */
  failed(carrier: Carrier, fault: unknown): void;
  /** It may no longer have what it had: all that is here should be offered again. Nothing to report of an ordinary claim. */
  forgotten(carrier: Carrier, report: Report | undefined): void;
  /** The road there lacks a promise; said once. */
  lacking(carrier: Carrier, report: Report): void;
  /** The ledger cannot be read or written. */
  unrecorded(carrier: Carrier, fault: unknown): void;
}
