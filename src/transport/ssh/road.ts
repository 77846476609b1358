// The ssh: road: an archive on another machine, by a receiver there. Exclusive and durable, because the receiver stores
// as the file: road does. Several roads to one place share a connection.
import { pipeline } from 'node:stream/promises';
import { createZstdDecompress } from 'node:zlib';
import { fromSystemError, ProgramError } from '../../program/program-error.ts';
import type { GapRecord } from '../../program/gap-record.ts';
import { closeFile } from '../../program/system-calls.ts';
import type { Watch } from '../../program/watch-directory.ts';
import { parseWalFileName } from '../../wal/filename.ts';
import type { ClaimRequest } from '../claims.ts';
import type { Need } from '../consumer-record.ts';
import type { Registration } from '../consumers.ts';
import { createFile, openSourceFile, writeAll } from '../copy.ts';
import { rememberEpoch } from '../known-archives.ts';
import type { ClaimOutcome } from '../ownership-verbs.ts';
import type { Ownership } from '../ownership.ts';
import type { PrunedRange } from '../pruned-ranges.ts';
import type { Reservation, ReservationRequest } from '../reservations.ts';
import { formFor, type Compression } from '../stored-form.ts';
import type { Identity, InspectOf, PutOutcome, Transport } from '../transport.ts';
import type { Message, Welcome } from '../wire/messages.ts';
import {
  claimRequestToJson,
  readClaimOutcome,
  readOwnership,
  readReservation,
  reserveToJson,
} from '../wire/ownership-messages.ts';
import { PlainCheck } from '../wire/plain-check.ts';
import { needToJson, readPruned } from '../wire/reader-messages.ts';
import { Link, LinkFault, type Conversation } from './link.ts';
import { hashInspected, sendFile } from './send-file.ts';
import { watchOver } from './watch-over.ts';

const outcomes: readonly PutOutcome[] = ['stored', 'already-stored', 'stored-as-version'];

/** A connection that somebody may use; `release` when they are done. */
export interface Lease {
  link: Link;
  welcome: Welcome;
  release(): void;
}

export class ReceiverRoad implements Transport {
  readonly promises = { exclusive: true, durable: true };
  readonly url: string;
  private readonly lease: Lease;
  private readonly identity: Identity;
  private readonly compression: Compression;

  /** New segments are stored as `compression` says. */
  constructor(url: string, lease: Lease, identity: Identity, compression: Compression = 'none') {
    this.url = url;
    this.lease = lease;
    this.identity = identity;
    this.compression = compression;
  }

  get isVacant(): boolean {
    return this.lease.welcome.vacant;
  }

  async list(signal: AbortSignal): Promise<string[]> {
    return this.about('list', () =>
      this.link.converse({ verb: 'list' }, signal, async (conversation) => {
        await conversation.reply();
        const pieces: Buffer[] = [];
        for await (const piece of conversation.incoming) pieces.push(piece);
        const names = Buffer.concat(pieces).toString('latin1').split('\n').slice(0, -1);
        if (names.every((name) => parseWalFileName(name) !== undefined)) return names.sort();
        throw new LinkFault('protocol', 'it lists names that are none of WAL files');
      }),
    );
  }

  async stat(name: string, signal: AbortSignal): Promise<{ sizeBytes: number } | 'missing'> {
    const reply = await this.ask(`look for ${name} at`, { verb: 'stat', name: walName(name) }, signal);
    return reply.oneOf('reply', ['found', 'missing']) === 'missing'
      ? 'missing'
      : { sizeBytes: reply.count('size') };
  }

  async get(
    name: string,
    path: string,
    inspectOf: InspectOf,
    signal: AbortSignal,
  ): Promise<'fetched' | 'missing'> {
    const request = { verb: 'get', name: walName(name) };
    return this.about(`restore ${name} from`, () =>
      this.link.converse(request, signal, async (conversation) => {
        const found = await conversation.reply();
        if (found.oneOf('reply', ['found', 'missing']) === 'missing') return 'missing';
        const sizeBytes = found.count('size');
        await takeInto(path, new PlainCheck(sizeBytes, inspectOf(sizeBytes)), conversation, signal);
        return 'fetched';
      }),
    );
  }

  async put(name: string, source: string, inspectOf: InspectOf, signal: AbortSignal): Promise<PutOutcome> {
    walName(name);
    const { descriptor, stats } = await openSourceFile(source);
    try {
      return await this.about(`store ${name} at`, async () => {
        const sha256 = await hashInspected(descriptor, inspectOf(stats.size), signal);
        const store = formFor(name, this.compression) === 'zstd' ? 'zstd' : 'none';
        const request = { verb: 'put', name, size: stats.size, sha256, encoding: 'zstd', store };
        return this.link.converse(request, signal, async (conversation) => {
          const first = await conversation.reply();
          if (first.text('reply') !== 'go') return first.oneOf('reply', outcomes);
          await sendFile({ descriptor, sizeBytes: stats.size, store }, conversation, signal);
          return (await conversation.reply()).oneOf('reply', outcomes);
        });
      });
    } finally {
      await closeFile(descriptor);
    }
  }

  async recordGap(gap: GapRecord, signal: AbortSignal): Promise<void> {
    walName(gap.name);
    await this.ask(`record the gap ${gap.name} at`, { verb: 'gap', ...gap }, signal);
  }

  async gapOf(name: string, signal: AbortSignal): Promise<GapRecord | undefined> {
    const reply = await this.ask(`ask for a gap ${name} at`, { verb: 'gap-of', name: walName(name) }, signal);
    if (reply.oneOf('reply', ['gap', 'missing']) === 'missing') return undefined;
    const [at, node] = [reply.text('at'), reply.text('node')];
    return { name: reply.walName('name'), reason: reply.oneOf('reason', ['discarded']), at, node };
  }

  async registerConsumer(need: Need, signal: AbortSignal): Promise<Registration> {
    const reply = await this.ask('register at', needToJson(need), signal);
    return reply.oneOf('reply', ['registered', 'unchanged', 'not-an-archive'] as const);
  }

  async prunedOf(name: string, signal: AbortSignal): Promise<PrunedRange | undefined> {
    const request = { verb: 'pruned-of', name: walName(name) };
    const reply = await this.ask('ask for what was pruned at', request, signal);
    return reply.text('reply') === 'missing' ? undefined : readPruned(reply);
  }

  async ownership(signal: AbortSignal): Promise<Ownership> {
    return readOwnership(await this.ask('ask for the owner of', { verb: 'ownership' }, signal));
  }

  async claim(request: ClaimRequest, signal: AbortSignal): Promise<ClaimOutcome> {
    const outcome = readClaimOutcome(await this.ask('claim', claimRequestToJson(request), signal));
    const { archive } = this.lease.welcome;
    if (archive !== undefined) rememberEpoch(this.url, archive, outcome.claim.epoch, this.identity);
    return outcome;
  }

  async release(epoch: number, signal: AbortSignal): Promise<'released' | 'not-ours'> {
    const what = `take back the claim of epoch ${epoch} of`;
    const reply = await this.ask(what, { verb: 'release', epoch }, signal);
    return reply.oneOf('reply', ['released', 'not-ours'] as const);
  }

  async reserve(request: ReservationRequest, signal: AbortSignal): Promise<'reserved' | 'already-reserved'> {
    const what = `reserve timeline ${request.timeline} at`;
    const reply = await this.ask(what, reserveToJson(request), signal);
    return reply.oneOf('reply', ['reserved', 'already-reserved'] as const);
  }

  async reservationOf(timeline: number, signal: AbortSignal): Promise<Reservation | undefined> {
    const what = `look for the reservation of timeline ${timeline} at`;
    const reply = await this.ask(what, { verb: 'reservation-of', timeline }, signal);
    return reply.text('reply') === 'missing' ? undefined : readReservation(reply);
  }

  /** A receiver removes nothing: an archive is pruned where it is. */
  async remove(name: string, signal: AbortSignal): Promise<never> {
    signal.throwIfAborted();
    throw new ProgramError(
      'not-allowed',
      `cannot remove ${walName(name)} at ${this.url}: a receiver removes nothing`,
      {
        hint: 'Run twowarm prune on the machine of the archive.',
      },
    );
  }

  async watch(wake: (name: string | undefined) => void): Promise<Watch> {
    return watchOver(this.link, wake);
  }

  async close(): Promise<void> {
    this.lease.release();
  }

  private get link(): Link {
    return this.lease.link;
  }

  private ask(what: string, request: object, signal: AbortSignal): Promise<Message> {
    return this.about(what, () => this.link.askOnce(request, signal));
  }

  /** What is wrong with the connection says what it was for; a refusal of the receiver says so itself. */
  private async about<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw aboutRoad(`could not ${what} ${this.url}`, error);
    }
  }
}

/** A fault of the connection, with what it kept from happening. */
export function aboutRoad(message: string, error: unknown): Error {
  if (!(error instanceof ProgramError) || !('isOfLink' in error)) return fromSystemError(error, message);
  const { kind, detail, hint } = error;
  return new ProgramError(kind, `${message}: ${error.message}`, { detail, hint, cause: error });
}

/** A name becomes part of a request only through here. */
function walName(name: string): string {
  if (parseWalFileName(name) !== undefined) return name;
  throw new ProgramError('invalid-name', `"${name}" is not the name of a WAL file`);
}

/** Writes what comes into a new file; after a throw nothing is there. */
async function takeInto(
  path: string,
  check: PlainCheck,
  conversation: Conversation,
  signal: AbortSignal,
): Promise<void> {
  await createFile(path, async (descriptor) => {
    const keep = async (plain: AsyncIterable<Buffer>): Promise<void> => {
      for await (const piece of plain) {
        check.add(piece);
        await writeAll(descriptor, piece);
      }
    };
    await pipeline(conversation.incoming, createZstdDecompress(), keep, { signal });
    check.end((await conversation.reply()).text('sha256'));
  });
}
