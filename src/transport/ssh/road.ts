// The ssh: road: an archive on another machine, by a receiver there. Exclusive and durable, because the receiver stores
// as the file: road does. Several roads to one place share a connection.
import { pipeline } from 'node:stream/promises';
import { createZstdDecompress } from 'node:zlib';
import { ProgramError } from '../../program/program-error.ts';
import type { GapRecord } from '../../program/gap-record.ts';
import type { Watch } from '../../program/watch-directory.ts';
import { parseWalFileName } from '../../wal/filename.ts';
import { decoding } from '../compressed/decode.ts';
import { createFile, writeAll } from '../copy.ts';
import { formFor, type Compression } from '../stored-form.ts';
import type { Identity, InspectOf, PutOutcome, Transport } from '../transport.ts';
import type { Encoding } from '../wire/messages.ts';
import { PlainCheck } from '../wire/plain-check.ts';
import { AskingRoad, walName, type Lease } from './asking-road.ts';
import { LinkFault } from './carrier.ts';
import type { Conversation } from './conversation.ts';
import { Outgoing, type Ahead } from './outgoing.ts';
import { sendFile } from './send-file.ts';
import { watchOver } from './watch-over.ts';
import { wouldPut } from './would-put.ts';

/** What the receiver is to keep. */
export const encodingFor = (name: string, compression: Compression): Encoding =>
  formFor(name, compression) === 'zstd' ? 'zstd' : 'none';

/** Of more than two million names, in bytes. */
const longestList = 64 * 1024 * 1024;

const outcomes: readonly PutOutcome[] = ['stored', 'already-stored', 'stored-as-version'];

export class ReceiverRoad extends AskingRoad implements Transport {
  readonly promises = { exclusive: true, durable: true };
  private readonly compression: Compression;
  private readonly ahead: Ahead | undefined;

  /** New segments are stored as `compression` says; `ahead` is closed with the road unless it is put. */
  constructor(
    url: string,
    lease: Lease,
    identity: Identity,
    compression: Compression = 'none',
    ahead?: Ahead,
  ) {
    super(url, lease, identity);
    this.compression = compression;
    this.ahead = ahead;
  }

  get isVacant(): boolean {
    return this.lease.welcome.vacant;
  }

  async list(signal: AbortSignal): Promise<string[]> {
    return this.about('list', () =>
      this.link.converse({ verb: 'list' }, signal, async (conversation) => {
        await conversation.reply();
        const pieces: Buffer[] = [];
        let listedBytes = 0;
        for await (const piece of conversation.incoming) {
          listedBytes += piece.length;
          if (listedBytes > longestList) throw new LinkFault('protocol', 'its list of names does not end');
          pieces.push(piece);
        }
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
    const opened = this.ahead?.take(name, source);
    const outgoing = await (opened ?? Outgoing.open(source, encodingFor(name, this.compression), inspectOf));
    try {
      return await this.about(`store ${name} at`, () => this.send(name, outgoing, signal));
    } finally {
      await outgoing.close();
    }
  }

  wouldPut(
    name: string,
    source: string,
    inspectOf: InspectOf,
    signal: AbortSignal,
  ): Promise<PutOutcome | undefined> {
    const ask = (request: object) => this.ask(`store ${name} at`, request, signal);
    return wouldPut(walName(name), source, inspectOf, ask, signal);
  }

  private async send(name: string, outgoing: Outgoing, signal: AbortSignal): Promise<PutOutcome> {
    const packed = await outgoing.packed(signal);
    const { sizeBytes: size, store } = outgoing.file;
    const request = { verb: 'put', name, size, sha256: packed.sha256, encoding: 'zstd', store };
    return this.link.converse(request, signal, async (conversation) => {
      const first = await conversation.reply();
      if (first.text('reply') !== 'go') return first.oneOf('reply', outcomes);
      const isWhole = await sendFile(outgoing.file, packed, conversation, signal);
      const outcome = (await conversation.reply()).oneOf('reply', outcomes);
      // A refusal may come at any time, but nobody has stored what was not sent.
      if (!isWhole) throw new LinkFault('protocol', `it calls ${name} ${outcome} before it has all of it`);
      return outcome;
    });
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
    await this.ahead?.discard();
  }
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
        const written = writeAll(descriptor, piece);
        try {
          // Hashed here while another thread writes.
          check.add(piece);
        } finally {
          await written;
        }
      }
    };
    await pipeline(conversation.incoming, createZstdDecompress(decoding), keep, {
      signal,
    }).catch(undecodable);
    check.end((await conversation.reply()).text('sha256'));
  });
}

/** What zstd says of bytes that it cannot decode; every other fault as it is. */
function undecodable(error: unknown): never {
  const code = (error as { code?: unknown }).code;
  if (typeof code !== 'string' || !/^Z(STD)?_/i.test(code)) throw error;
  const words = `what arrives is not what zstd compressed: ${(error as Error).message}`;
  throw new LinkFault('connection-lost', words, { cause: error });
}
