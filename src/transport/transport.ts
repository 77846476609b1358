// The contract of every road, in words and types. A road moves names and bytes; it knows nothing about timelines.
//
// 1. put shows nothing under a name until all bytes are there, verified and durable.
// 2. put never replaces: same content is 'already-stored' (made durable first), other content an archive-duplicate.
//    The one name with several contents is <segment>.partial: others are kept beside it and count as stored.
// 3. get and stat say 'missing' only when the far side said so. Unknown is not missing: it is thrown.
// 4. list gives complete files only, in name order, and throws directory-missing when there is no directory.
// 5. remove of an absent file is success. Every verb is safe to repeat.
// 6. Every verb takes an AbortSignal; the one who opened the road sets the time limit with it.
// 7. Once an archive is claimed, put and recordGap of any other node, or by a claim that is not the last one, throw
//    `fenced`, and nothing is stored. Reading is never fenced.

import type { GapRecord } from '../program/gap-record.ts';
import type { RsyncSettings, SshSettings } from '../program/settings/settings.ts';
import type { Watch } from '../program/watch-directory.ts';
import type { ClaimRequest } from './claims.ts';
import type { Condition } from './condition.ts';
import type { ClaimOutcome } from './ownership-verbs.ts';
import type { Ownership } from './ownership.ts';
import type { Reservation, ReservationRequest } from './reservations.ts';
import type { Need } from './consumer-record.ts';
import type { Registration } from './consumers.ts';
import type { PrunedRange } from './pruned-ranges.ts';

/** What a road can keep of rules 1 and 2; what it cannot keep it says here. */
export interface Promises {
  /** Never replaces, also when two write the same name at once. */
  exclusive: boolean;
  /** What was answered as stored survives a power failure of the far side. */
  durable: boolean;
}

/** Sees the bytes in order as they pass; throws to refuse them, and then nothing is published or delivered. */
export interface Inspect {
  /** A multiple of 64 kB; only the last chunk may be shorter. */
  add(chunk: Uint8Array): void;
  /** After the last chunk, before anything has a name. */
  end(): void;
}

export interface Way {
  words: string;
  cure: string;
}

export interface ReadTransport {
  /** As configured, for messages: 'file:/mnt/archive'. */
  readonly url: string;
  readonly promises: Promises;
  /** Of a road that lacks a promise: how files go there, and what would cure it, as sentences. */
  readonly way?: Way;
  /** True where there is neither an archive nor any WAL: perhaps a disk that is not mounted. */
  readonly isVacant: boolean;
  /** The names of complete files, sorted. */
  list(signal: AbortSignal): Promise<string[]>;
  stat(name: string, signal: AbortSignal): Promise<{ sizeBytes: number } | 'missing'>;
  /**
   * Writes the file's bytes to `path`, which must not exist; after a throw or 'missing' nothing is there.
   * Not fsynced: the caller knows whether it is the only copy.
   */
  get(name: string, path: string, inspect: InspectOf, signal: AbortSignal): Promise<'fetched' | 'missing'>;
  /**
   * Calls `wake` when a file may have come: with its name, or undefined. May call for nothing, and may stay silent (a
   * network file system gives no events): it wakes one who also looks by the clock.
   */
  watch(wake: (name: string | undefined) => void): Promise<Watch>;
  /** The gap record of a name, if archiving gave it up on purpose. */
  gapOf(name: string, signal: AbortSignal): Promise<GapRecord | undefined>;
  /** Who has claimed the archive, and how this node stands to it, at this moment. */
  ownership(signal: AbortSignal): Promise<Ownership>;
  /** Who has reserved the timeline at this archive, if it is the arbiter and somebody has. */
  reservationOf(timeline: number, signal: AbortSignal): Promise<Reservation | undefined>;
  /** The range that a segment was pruned with, if it was. A road that cannot say leaves it out. */
  prunedOf?(name: string, signal: AbortSignal): Promise<PrunedRange | undefined>;
  /**
   * Puts on record at the archive, durably, what this reader still needs: the one thing that reading changes there. May
   * be repeated at every call: the archive writes only what is new, or has grown old. A road that cannot leaves it out.
   */
  registerConsumer?(need: Need, signal: AbortSignal): Promise<Registration>;
  /** The far side of a network road, as it says of itself: its version of twowarm, and whether this key may read. */
  readonly receiver?: { version: string; mayRead: boolean };
  /**
   * Room and clock of the far side; with `write` also whether a file can be made there: one is, and is removed again.
   * Undefined where the far side is too old to say.
   */
  condition?(write: boolean, signal: AbortSignal): Promise<Condition | undefined>;
  /**
   * What a put of the file would come to or be refused for, where the far side judges that itself, on a road that was opened
   * by openToLook; undefined where it is too old to say.
   */
  wouldPut?(
    name: string,
    source: string,
    inspect: InspectOf,
    signal: AbortSignal,
  ): Promise<PutOutcome | undefined>;
  close(): Promise<void>;
}

/** Makes the inspection once the size is known. */
export type InspectOf = (sizeBytes: number) => Inspect;

/** What is to be put over a road that is only being opened: one that takes its time begins to read it meanwhile. */
export interface PutAhead {
  name: string;
  source: string;
  inspectOf: InspectOf;
}

export type PutOutcome = 'stored' | 'already-stored' | 'stored-as-version';

export interface Transport extends ReadTransport {
  /** Stores the local file `source` under `name`; `inspect` sees what is stored and can refuse it. */
  put(name: string, source: string, inspect: InspectOf, signal: AbortSignal): Promise<PutOutcome>;
  /** Stores a gap record: this name was given up on purpose. Repeating it changes nothing. */
  recordGap(gap: GapRecord, signal: AbortSignal): Promise<void>;
  remove(name: string, signal: AbortSignal): Promise<'removed' | 'missing'>;
  /**
   * Makes the archive this node's, durably, and keeps the epoch in the node's state. Again for the same timeline it changes
   * nothing, but finishes what an earlier call did not live to do. `fenced` where it is another node's and the request takes
   * nothing over, or where another claim was faster: the fault names holder and time.
   */
  claim(request: ClaimRequest, signal: AbortSignal): Promise<ClaimOutcome>;
  /** Takes this node's claim of that epoch back, if it is still the last one: whoever held the archive before holds it again. */
  release(epoch: number, signal: AbortSignal): Promise<'released' | 'not-ours'>;
  /** Reserves a timeline, durably, at the arbiter. `timeline-reserved` where another node has; the fault names it. */
  reserve(request: ReservationRequest, signal: AbortSignal): Promise<'reserved' | 'already-reserved'>;
}

/** Who comes over the road: an archive of another cluster refuses. */
export interface Identity {
  /** Decimal digits, as pg_controldata prints it. */
  systemIdentifier: string;
  /** The 16 hexadecimal digits of the node's record. */
  nodeId: string;
  /** The node that does the work, where that is another one: a relay works on behalf of its archive's owner. See writerOf. */
  writer?: string;
  /** <home>/state, where this node notes what it has seen and what it has not finished. */
  stateDirectory: string;
  /** A dry run: not even that is noted. */
  dryRun?: boolean;
  /** The epoch that the node holds in this archive, where it was told over the wire; else the node's note has it. */
  heldEpoch?: number | undefined;
  /** The node is at the other end of a wire and keeps its epochs itself. */
  isRemote?: boolean;
  /** For messages of a far side. */
  nodeName?: string;
  /** What a receiver wants to know of the cluster; read only when it is asked for. */
  readonly facts?: () => ClusterFacts;
  /** How this node logs in elsewhere. */
  login?: SshSettings;
  /** What it needs of a daemon of rsync. */
  rsync?: RsyncSettings;
  /** The URL of the archive, where its directory is one of another machine (program/far-files.ts). */
  archiveUrl?: string;
  /** In a receiver: what the node on the far side of the road has said that it remembers of this archive. */
  memory?: { archive: string | undefined; note: string };
}

export interface ClusterFacts {
  segmentSize: number;
  /** pg_control_version. */
  controlVersion: number;
  /** The timeline of the last checkpoint. */
  timeline: number;
}
