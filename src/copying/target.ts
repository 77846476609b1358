// The data directory that a base backup is copied into, as the copying sees it: the contract in words. near/ is one on this
// machine, far/ one behind a receiver over ssh. Bytes, names and order only: what is copied, the backup knows.

import type { Names } from './name-set.ts';
import type { PartCrcs } from './sums/crc32c.ts';

/** Where a cluster's directories are, so that a target can tell that it is none of them: the same machine has the same `boot`. */
export interface SourcePlaces {
  /** /proc/sys/kernel/random/boot_id; empty where there is none: nothing is compared then. */
  boot: string;
  /** '<device>:<inode>' of the data directory, of pg_wal, of each tablespace, by stat. */
  directories: readonly string[];
}

/** The cluster that is copied. */
export interface SourceCluster extends SourcePlaces {
  /** Decimal digits. */
  systemIdentifier: string;
  /** As in PG_VERSION: '9.6' would be another form, '15' is what comes. */
  version: string;
  /** pg_control's catalog_version_no, as in the name of the directory in a tablespace: PG_<version>_<catalog version>. */
  catalogVersion: number;
  segmentSize: number;
  /** Where it writes now. */
  timeline: number;
  lsn: bigint;
}

/** What lies beside the data directory: a location for each tablespace that is one symbolic link, and for pg_wal. */
export interface Outside {
  /** Absolute, at the target; `oid` in decimal digits, as the link in pg_tblspc is named. */
  tablespaces: readonly { oid: string; location: string }[];
  /** Where pg_wal is to be a symbolic link to; undefined: what is there stays, and a new one is a directory. */
  walDirectory: string | undefined;
}

/** What is at the target before anything has changed. */
export interface Found {
  /**
   * `unfinished`: an interrupted copy of the same cluster, which this one goes on with. `data-directory`: one of the same
   * cluster that was used, or could be.
   */
  state: 'missing' | 'empty' | 'data-directory' | 'unfinished';
  /** Of a data directory: pg_control's timeline and state, as pg_controldata words it. */
  timeline?: number;
  databaseState?: string;
  /** Segments that were waiting to be archived there, sorted: they go into `quarantine`, a directory beside. */
  leftovers: readonly string[];
  quarantine?: string;
  /** A server works there: only where that was no reason to refuse it. */
  isRunning?: true;
  /** Where pg_wal is, or will be, when that is a symbolic link. */
  walDirectory?: string;
  /** The links that are in pg_tblspc there, with where they lead to. */
  tablespaces: readonly { oid: string; location: string }[];
  /** How much of a cluster fits into a new one, but for its tablespaces, in bytes. Left out where data are there, or nobody knows. */
  roomBytes?: number;
  /** What will be done, as sentences without a full stop, in order: what a dry run shows. */
  steps: readonly string[];
}

/** What a preparation has done, for the log. */
export interface Prepared {
  /** Files that went into quarantine, with their whole paths there. */
  quarantined: readonly string[];
  /** What a person should know, a sentence without a full stop each. */
  warnings: readonly string[];
}

/**
 * One file on its way into the target. Chunks come in order and cover the file from its beginning; each but the last has
 * `chunkBytes`. What the target holds already under that name is kept where it is the same.
 */
export interface ArrivingFile {
  /**
   * Before take() of the same bytes, if at all: compares the next chunk with what the target holds. What the target has summed of
   * parts that it holds as they are; undefined where it tells nothing. Nothing may change the bytes from here on.
   */
  compare(bytes: Buffer): Promise<PartCrcs | undefined>;
  /**
   * Takes the next chunk. `bytes` is the target's until the promise is settled. Several may be under way: a caller need
   * not wait for one before it gives the next, but none may be given after one has failed.
   * `spared`: numbers of pages (sums/page.ts) in the chunk, in order, that must not take the place of what the target holds
   * there; a page that it does not hold whole (heldOf in sums/page.ts) is written all the same.
   */
  take(bytes: Buffer, spared?: readonly number[]): Promise<void>;
  /**
   * After the last chunk: the file has `sizeBytes` and exactly these bytes, and is durable but for its name, which finish()
   * sees to. 'other': what was there was not what it seemed to be, and the file is gone; it has to be sent again from the
   * beginning, and comes to an empty place then.
   */
  end(sizeBytes: number): Promise<'written' | 'other'>;
  /**
   * Lets go of it before its end, as it is: a part of it has come, the rest is what was there, which may be worth more than what
   * was to come. The target is unfinished; a file of the next copy goes on from it.
   */
  close(): Promise<void>;
}

/** How much a chunk holds: 64 pages of 8 kB. Only a file's last one is shorter. */
export const chunkBytes = 512 * 1024;

/** A small file, whole in memory: at most a chunk. */
export interface WholeFile {
  /** In its directory. */
  name: string;
  /** Permission bits. */
  mode: number;
  bytes: Buffer;
}

/** How many of them, and how many bytes, several() takes at once. */
export const mostSeveral = { files: 128, bytes: chunkBytes } as const;

/** What has gone over the line so far, both ways; 0 for a near target. */
export interface Traffic {
  sentBytes: number;
  receivedBytes: number;
}

/**
 * Paths are relative to the data directory, with '/', each part of them a plain name; below pg_tblspc/<oid>/ a planned
 * tablespace. Every verb takes a signal and throws its reason once it aborts; faults are ProgramErrors whose messages name the
 * whole path. Verbs may run side by side but for prepare and finish.
 */
export interface Target {
  /** For messages: '/var/lib/…' or 'ssh://postgres@db2/var/lib/…'. */
  readonly url: string;
  readonly traffic: Traffic;
  /**
   * Looks and changes nothing. Throws what refuses this target: a server that runs there, another cluster's data, a newer
   * timeline, WAL that the source does not have, files that are no data directory, a directory of the source itself. Is
   * never decided by whether somebody answers. `mayRun`: a server that runs there is found, and does not refuse it; for who asks
   * long before a copy.
   */
  look(source: SourceCluster, outside: Outside, signal: AbortSignal, mayRun?: boolean): Promise<Found>;
  /**
   * After look(), which it does again: from here on, until finish(), nothing can start there. In this order: a lock; leftover
   * segments into quarantine; a note that says what is going on; pg_control, signal files, recovery.conf, postmaster.pid,
   * backup_label away; pg_wal emptied; the links of outside made.
   */
  prepare(source: SourceCluster, outside: Outside, signal: AbortSignal): Promise<Prepared>;
  /** Makes the directory, or gives the one that is there this mode (permission bits). Parents come first. */
  directory(path: string, mode: number, signal: AbortSignal): Promise<void>;
  /** `wantsCrcs`: compare() may tell CRCs, which a target that is elsewhere has to make for it. */
  file(path: string, mode: number, signal: AbortSignal, wantsCrcs?: boolean): Promise<ArrivingFile>;
  /**
   * Files of one directory, each as file(), take() and end() would bring it; `bytes` are the target's until the promise is
   * settled. 'other': something on the way has changed them, and they have to be sent again, one by one.
   */
  several(path: string, files: readonly WholeFile[], signal: AbortSignal): Promise<'written' | 'other'>;
  /**
   * Removes what else is in a directory of PostgreSQL's own (base, global, pg_…, a tablespace's), with all below it; elsewhere
   * nothing. How many files and directories went.
   */
  sweep(path: string, names: Names, signal: AbortSignal): Promise<number>;
  /**
   * Everything durable, names too; then pg_control, whole and durable; then the note away. From here on it can be started.
   */
  finish(control: Buffer, signal: AbortSignal): Promise<void>;
  /** Lets go; an unfinished target stays as it is, unusable, to be gone on with. */
  close(): Promise<void>;
}
