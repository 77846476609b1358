// One SFTP session over an ssh connection, and the requests that we make of it, many at a time. A request that fails throws
// the server's status; what is wrong with the connection, or a server that falls silent, ends all of them.
import { ProgramError } from '../../program/program-error.ts';
import type { FarStats } from './far-stats.ts';

/** Status codes (draft-ietf-secsh-filexfer-02, section 7). Version 3 has no others. */
export const status = { endOfFile: 1, noSuchFile: 2, denied: 3, failure: 4, badMessage: 5, unsupported: 8 };

/** The answer of a server that did not do what was asked. */
export class StatusError extends Error {
  readonly status: number;

  constructor(code: number, words: string) {
    super(words);
    this.status = code;
  }
}

export type Handle = Buffer;

export interface Entry {
  filename: string;
  attrs: FarStats;
}

/** What statvfs@openssh.com tells of a file system. */
export interface Room {
  f_frsize: number;
  f_bavail: number;
  f_favail: number;
  f_files: number;
  f_flag: number;
}

export type Done<T = void> = (error: (Error & { code?: number }) | null | undefined, result: T) => void;

/** The client of ssh2, as far as it is used. */
export interface SftpClient {
  /** What the server has, with versions. */
  readonly _extensions: Record<string, string>;
  /** What it writes in one request, in bytes. */
  readonly _maxWriteLen?: number;
  on(event: 'close' | 'end' | 'error', told: (error?: Error) => void): unknown;
  open(path: string, flags: string, attributes: { mode?: number }, done: Done<Handle>): void;
  close(handle: Handle, done: Done): void;
  read(
    handle: Handle,
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    done: Done<number>,
  ): void;
  write(handle: Handle, buffer: Buffer, offset: number, length: number, position: number, done: Done): void;
  lstat(path: string, done: Done<FarStats>): void;
  stat(path: string, done: Done<FarStats>): void;
  fstat(handle: Handle, done: Done<FarStats>): void;
  setstat(path: string, attributes: { mode: number }, done: Done): void;
  fsetstat(handle: Handle, attributes: { mode: number }, done: Done): void;
  opendir(path: string, done: Done<Handle>): void;
  readdir(handle: Handle, done: Done<Entry[]>): void;
  unlink(path: string, done: Done): void;
  mkdir(path: string, attributes: { mode: number }, done: Done): void;
  realpath(path: string, done: Done<string>): void;
  ext_openssh_hardlink(from: string, to: string, done: Done): void;
  ext_openssh_rename(from: string, to: string, done: Done): void;
  ext_openssh_fsync(handle: Handle, done: Done): void;
  ext_openssh_statvfs(path: string, done: Done<Room>): void;
}

/** A session that was begun, and what its connection knows of itself. */
export interface SftpCarrier {
  client: SftpClient;
  /** What is written in one turn leaves in one system call. */
  gather(): void;
  /** Why the connection ended, once it has. */
  explainEnd(): Promise<Error>;
  /** `isLost`: the far side does not answer, and is not waited for. */
  close(isLost?: boolean): void;
}

/** What became of the session itself, without what it was about (see aboutRoad). */
export class SessionFault extends ProgramError {
  readonly isOfLink = true;
}

/** So many times the idle limit may a disk take to confirm: longer, and it is the machine that is gone. */
const syncPatience = 10;

interface Pending {
  fail: (fault: Error) => void;
  /** A disk that writes takes its time. */
  isSync: boolean;
}

export class SftpSession {
  private readonly carrier: SftpCarrier;
  private readonly idleLimitMs: number;
  private readonly pending = new Set<Pending>();
  private heardAt = performance.now();
  private fault: Error | undefined;
  private readonly watching: NodeJS.Timeout;

  constructor(carrier: SftpCarrier, idleLimitMs: number) {
    this.carrier = carrier;
    this.idleLimitMs = idleLimitMs;
    this.watching = setInterval(() => this.lookAtClock(), Math.max(50, idleLimitMs / 3));
    this.watching.unref();
    for (const event of ['close', 'end', 'error'] as const) carrier.client.on(event, () => void this.ended());
  }

  /** False once nothing can be asked any more. */
  get isOpen(): boolean {
    return this.fault === undefined;
  }

  /** Whether the server says that it has the extension, whatever its version. */
  has(extension: string): boolean {
    return Object.hasOwn(this.carrier.client._extensions, extension);
  }

  /** Of more than this the library would read the rest from the buffer later, when others have filled it. */
  get longestWrite(): number {
    return this.carrier.client._maxWriteLen ?? Infinity;
  }

  /** One request. Throws a StatusError for the server's refusal, else the fault of the session. */
  ask<T>(send: (client: SftpClient, done: Done<T>) => void, isSync = false): Promise<T> {
    if (this.fault !== undefined) return Promise.reject(this.fault);
    return new Promise((resolve, reject) => {
      const pending = { fail: reject, isSync };
      if (this.pending.size === 0) this.heardAt = performance.now();
      this.pending.add(pending);
      const done: Done<T> = (error, result) => {
        this.heardAt = performance.now();
        // Of a request that no answer came to, the end of the session tells.
        if (error !== null && error !== undefined && typeof error.code !== 'number') return void this.ended();
        this.pending.delete(pending);
        if (error === null || error === undefined) resolve(result);
        else reject(new StatusError(error.code!, error.message));
      };
      this.carrier.gather();
      try {
        send(this.carrier.client, done);
      } catch (error) {
        // The library refuses what the server does not have.
        this.pending.delete(pending);
        reject(new StatusError(status.unsupported, (error as Error).message));
      }
    });
  }

  close(): void {
    this.fail(new Error('the connection was closed'));
    this.carrier.close();
  }

  private async ended(): Promise<void> {
    if (this.fault === undefined) this.fail(await this.carrier.explainEnd());
    this.carrier.close();
  }

  private lookAtClock(): void {
    const isWorking = [...this.pending].some(({ isSync }) => isSync);
    const limitMs = this.idleLimitMs * (isWorking ? syncPatience : 1);
    if (this.pending.size === 0 || performance.now() - this.heardAt <= limitMs) return;
    const limit = `${Math.round(limitMs / 100) / 10} s`;
    this.fail(new SessionFault('timed-out', `the far side has not answered for ${limit}`));
    this.carrier.close(true);
  }

  private fail(fault: Error): void {
    if (this.fault !== undefined) return;
    this.fault = fault;
    clearInterval(this.watching);
    for (const { fail } of this.pending) fail(fault);
    this.pending.clear();
  }
}
