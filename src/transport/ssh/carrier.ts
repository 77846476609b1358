// What a link runs over, and what becomes of it: the faults of a connection, and what else its login is good for.
import { ProgramError } from '../../program/program-error.ts';
import type { SftpCarrier } from '../sftp/session.ts';
import type { Connection } from '../wire/connection.ts';

/** A connection and what its carrier knows of its end. */
export interface Carrier {
  connection: Connection;
  /**
   * Why it ended, once it has: what the far side said on stderr, its exit status. `noise`: what was printed there instead of a
   * receiver's beginning; undefined where one has begun.
   */
  explainEnd(noise: string | undefined): Promise<Error>;
  /** Who logs in where, and with which key, as a sentence; a carrier without a login leaves it out. */
  login?: () => string;
  /** What has gone over the line so far, in bytes; a carrier that does not count leaves it out. */
  traffic?: () => Traffic;
  /** `isLost`: the far side does not answer, and is not waited for. */
  close(isLost?: boolean): void;
}

export interface Traffic {
  sentBytes: number;
  receivedBytes: number;
}

/** What else can be done with a login whose receiver was not found. */
export interface Login {
  /** What a command writes to its standard output. */
  outputOf(command: string): Promise<string>;
  openSftp(): Promise<SftpCarrier>;
  /** `isLost`: the far side does not answer, and is not waited for. */
  end(isLost?: boolean): void;
}

/** What became of the connection itself; the reason only, for whoever asked knows what it was about. */
export class LinkFault extends ProgramError {
  readonly isOfLink = true;
}

/** No receiver was found; what can be done with the login instead. Whoever gets it ends that. */
export type WithoutReceiver = LinkFault & { instead: Login };

export const isWithoutReceiver = (error: unknown): error is WithoutReceiver =>
  typeof error === 'object' && error !== null && 'instead' in error;
