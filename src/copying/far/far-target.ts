// The target behind a receiver: each verb of target.ts is a conversation of one connection. What goes wrong with the connection
// says what it was for, and what the far side says of itself which far side that is.
import { ProgramError } from '../../program/program-error.ts';
import { unlessAborted } from '../../program/unless-aborted.ts';
import { aboutRoad } from '../../transport/ssh/asking-road.ts';
import type { Conversation } from '../../transport/ssh/conversation.ts';
import type { Link } from '../../transport/ssh/link.ts';
import { namingLogin } from '../../transport/ssh/login-words.ts';
import type {
  ArrivingFile,
  Found,
  Outside,
  Prepared,
  SourceCluster,
  Target,
  Traffic,
  WholeFile,
} from '../target.ts';
import type { Names } from '../name-set.ts';
import { longMessage, longText, namesInPieces } from '../wire/long-message.ts';
import { outsideToJson, readFound, readPrepared, sourceToJson } from '../wire/places.ts';
import type { PageDigests } from '../sums/page-digests.ts';
import { Compressors } from './compressor.ts';
import { FarFile } from './far-file.ts';
import { offer, proved, put } from './small-files.ts';
import { Slots } from './slots.ts';

/** A receiver takes 24 conversations at once, and a file is not the only thing that one can be about. */
const mostFiles = 20;

/** How long letting go waits for the far side, in ms. */
const closeLimitMs = 2000;

export class FarTarget implements Target {
  readonly url: string;
  private readonly link: Link;
  private readonly compressors = new Compressors();
  private readonly slots = new Slots(mostFiles);
  private readonly place: string;
  /** Nothing was there: no file need be compared, and each can be sent without an answer. */
  private isFresh = false;

  private readonly digests: PageDigests;

  /**
   * The far side has admitted us over this link, and makes the same digests. `place`: the directory as it is named over there, the
   * end of `url`.
   */
  constructor(url: string, place: string, link: Link, digests: PageDigests) {
    this.url = url;
    this.digests = digests;
    this.place = place;
    this.link = link;
  }

  get traffic(): Traffic {
    return this.link.traffic;
  }

  look(source: SourceCluster, outside: Outside, signal: AbortSignal, mayRun = false): Promise<Found> {
    const request = { verb: 'look', ...(mayRun && { running: true }) };
    return this.converse('look at', request, signal, async (conversation) => {
      await this.tellPlaces(conversation, source, outside);
      (await conversation.reply()).oneOf('reply', ['found']);
      const found = readFound(await longMessage(conversation.incoming));
      this.isFresh = found.state === 'missing' || found.state === 'empty';
      return found;
    });
  }

  prepare(source: SourceCluster, outside: Outside, signal: AbortSignal): Promise<Prepared> {
    return this.converse('prepare', { verb: 'prepare' }, signal, async (conversation) => {
      await this.tellPlaces(conversation, source, outside);
      (await conversation.reply()).oneOf('reply', ['prepared']);
      return readPrepared(await longMessage(conversation.incoming));
    });
  }

  directory(path: string, mode: number, signal: AbortSignal): Promise<void> {
    const what = `create directory "${path}" at`;
    return this.converse(what, { verb: 'directory', path, mode }, signal, async (conversation) => {
      (await conversation.reply()).oneOf('reply', ['made']);
    });
  }

  async file(path: string, mode: number, signal: AbortSignal, wantsCrcs = false): Promise<ArrivingFile> {
    const release = await this.slot(signal);
    try {
      const { isFresh, compressors, digests } = this;
      const wish = isFresh ? { fresh: true } : wantsCrcs ? { crcs: true } : {};
      const request = { verb: 'file', path, mode, ...wish };
      const conversation = isFresh ? this.link.begin(request) : await this.link.ask(request);
      const about = (what: string, error: unknown): Error => this.told(`${what} at`, error);
      return new FarFile(path, {
        conversation,
        compressors,
        digests,
        isFresh,
        wantsCrcs,
        signal,
        about,
        release,
      });
    } catch (error) {
      release();
      signal.throwIfAborted();
      throw this.told(`could not write file "${path}" at`, error);
    }
  }

  async several(
    path: string,
    files: readonly WholeFile[],
    signal: AbortSignal,
  ): Promise<'written' | 'other'> {
    const release = await this.slot(signal);
    const converse = <T>(verb: string, talk: (conversation: Conversation) => Promise<T>): Promise<T> =>
      this.converse(`write files${inWords(path)} at`, { verb, path }, signal, talk);
    try {
      const all = files.map((file) => proved(file, this.digests));
      const lacking = this.isFresh ? all : await converse('offer', (talk) => offer(all, talk));
      if (lacking.length === 0) return 'written';
      return await converse('files', (talk) => put(lacking, this.compressors, talk));
    } finally {
      release();
    }
  }

  sweep(path: string, names: Names, signal: AbortSignal): Promise<number> {
    const what = `remove files${inWords(path)} at`;
    return this.converse(what, { verb: 'sweep', path }, signal, async (conversation) => {
      for (const piece of namesInPieces(names)) await conversation.send(piece);
      await conversation.sent();
      const reply = await conversation.reply();
      reply.oneOf('reply', ['swept']);
      return reply.count('removed');
    });
  }

  finish(control: Buffer, signal: AbortSignal): Promise<void> {
    return this.converse('finish', { verb: 'finish' }, signal, async (conversation) => {
      await conversation.sendLast(control);
      (await conversation.reply()).oneOf('reply', ['finished']);
    });
  }

  async close(): Promise<void> {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(new Error('it takes too long')), closeLimitMs);
    try {
      // What is unfinished over there can be gone on with as soon as it has let go.
      if (this.link.isOpen) await this.link.askOnce({ verb: 'close' }, limit.signal);
    } catch {
      // It lets go when the connection ends, too.
    } finally {
      clearTimeout(timer);
      this.link.close();
      this.compressors.close();
    }
  }

  private async slot(signal: AbortSignal): Promise<() => void> {
    const taking = this.slots.take();
    try {
      return await unlessAborted(taking, signal);
    } catch (error) {
      void taking.then((release) => release());
      throw error;
    }
  }

  private async tellPlaces(
    conversation: Conversation,
    source: SourceCluster,
    outside: Outside,
  ): Promise<void> {
    await conversation.send(longText({ source: sourceToJson(source), outside: outsideToJson(outside) }));
    await conversation.sent();
  }

  private async converse<T>(
    what: string,
    request: object,
    signal: AbortSignal,
    talk: (conversation: Conversation) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.link.converse(request, signal, talk);
    } catch (error) {
      signal.throwIfAborted();
      throw this.told(`could not ${what}`, error);
    }
  }

  /** A fault of the connection, with what it kept from happening; one of the far side, with where that is. */
  private told(what: string, error: unknown): Error {
    if (!(error instanceof ProgramError) || 'isOfLink' in error)
      return aboutRoad(`${what} ${this.url}`, error);
    const { kind, detail, hint } = namingLogin(error, this.link.login) as ProgramError;
    const isNamed = isPlaceIn(error.message, this.place);
    // Its own directory is ours by the URL: 'could not write file "ssh://postgres@db2/…/base/5/1259": …'.
    const message = isNamed
      ? error.message.replace(this.place, this.url)
      : `cannot copy to ${this.url}: ${error.message}`;
    return new ProgramError(kind, message, {
      detail,
      hint: hint === undefined ? undefined : `Over there: ${uncapitalised(hint)}`,
      cause: error,
    });
  }
}

/** Of the data directory itself nothing need be said. */
const inWords = (path: string): string => (path === '' ? '' : ` of "${path}"`);

/** Also at the beginning of a longer path, but not of a longer name. */
function isPlaceIn(message: string, place: string): boolean {
  const at = message.indexOf(place);
  return at >= 0 && /^(?:[/":,;\s]|$)/.test(message.slice(at + place.length));
}

/** As it goes on after a colon; a name stays as it is. */
const uncapitalised = (text: string): string =>
  text.replace(/^[A-Z](?=[a-z]* )/, (first) => first.toLowerCase());
