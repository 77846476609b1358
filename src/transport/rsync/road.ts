// The writing half of the road over rsync. It can neither keep two writers of one name apart (--ignore-existing looks, and
// rename replaces) nor sync a directory, and says so. What it answers rests on comparisons by checksum, before and after.
import { join } from 'node:path';
import { ProgramError } from '../../program/program-error.ts';
import type { GapRecord } from '../../program/gap-record.ts';
import { duplicateFault } from '../archive-faults.ts';
import { compareStored } from '../compressed/store-compressed.ts';
import { requireOwner } from '../fenced.ts';
import { requireWalName } from '../filesystem.ts';
import { mayStore } from '../ownership.ts';
import type { Difference } from '../publish.ts';
import { compressedPath, contentsPath, formFor, type Compression } from '../stored-form.ts';
import type { Identity, InspectOf, PutOutcome, Transport } from '../transport.ts';
import { speakingOf, type Seen } from './admission.ts';
import type { Change } from './changes.ts';
import { fetchInto, lookAt, requireFiles, send, type Errand } from './carrying.ts';
import type { FarSide } from './far-side.ts';
import { Outgoing } from './outgoing.ts';
import { exchanged, ownerName, RsyncReadingRoad } from './reading-road.ts';
import { makeWithin, writeWithin } from './rooms.ts';

const late =
  'It was claimed at the very moment when the file got its name, which therefore counts for nothing.';

export class RsyncRoad extends RsyncReadingRoad implements Transport {
  private readonly compression: Compression;

  constructor(
    far: FarSide,
    identity: Identity,
    seen: Seen & { isVacant: boolean },
    compression: Compression,
  ) {
    super(far, identity, seen);
    this.compression = compression;
  }

  async put(name: string, source: string, inspectOf: InspectOf, signal: AbortSignal): Promise<PutOutcome> {
    const form = formFor(requireWalName(name), this.compression);
    const errand = this.errand(`store ${name} at`, signal);
    await this.requireOwner(`store ${name}`, signal);
    return this.inRoom(async (room) => {
      const file = { name, source, form };
      const outgoing = await speakingOf(room, this.url, () =>
        Outgoing.make(file, room, inspectOf, this.identity, signal),
      );
      const found = await this.judge(outgoing, errand);
      if (found === 'already-stored') return found;
      if (found !== 'absent') return this.keepOther(outgoing, found, errand);
      const sent = await send(room, outgoing.names, errand);
      const isSent = sent.has(outgoing.names.at(-1)!);
      const stored = await this.judge(outgoing, errand, isSent ? late : undefined);
      if (stored === 'absent') throw vanished(errand);
      if (stored !== 'already-stored') return this.keepOther(outgoing, stored, errand, isSent);
      // Otherwise somebody else has stored the same meanwhile.
      return isSent ? 'stored' : stored;
    });
  }

  async recordGap(gap: GapRecord, signal: AbortSignal): Promise<void> {
    const path = `.twowarm/gaps/${requireWalName(gap.name)}`;
    const what = `record the gap ${gap.name}`;
    const errand = this.errand(`${what} at`, signal);
    await this.requireOwner(what, signal);
    await this.inRoom(async (room) => {
      await writeWithin(room, path, `${JSON.stringify(gap)}\n`);
      await this.checkOwner(room, what, [], errand);
      await send(room, [path], errand);
      if (!(await lookAt(room, [path], errand)).has(path)) throw vanished(errand);
    });
  }

  /** An archive is pruned where it is. */
  async remove(name: string, signal: AbortSignal): Promise<never> {
    signal.throwIfAborted();
    throw new ProgramError(
      'not-allowed',
      `cannot remove ${requireWalName(name)} at ${this.url}: nothing is removed over rsync`,
      { hint: 'Run twowarm prune on the machine of the archive.' },
    );
  }

  claim(_: unknown, signal: AbortSignal): Promise<never> {
    return this.refuseClaim('claim', signal);
  }

  release(epoch: number, signal: AbortSignal): Promise<never> {
    return this.refuseClaim(`take back the claim of epoch ${epoch} of`, signal);
  }

  reserve({ timeline }: { timeline: number }, signal: AbortSignal): Promise<never> {
    return this.refuseClaim(`reserve timeline ${timeline} at`, signal);
  }

  private async refuseClaim(what: string, signal: AbortSignal): Promise<never> {
    signal.throwIfAborted();
    throw new ProgramError(
      'not-allowed',
      `cannot ${what} ${this.url}: of two nodes that do so at once over rsync, both would succeed`,
      {
        detail: 'rsync cannot create a file only where there is none. Nothing was changed.',
        hint: 'Name the same directory by another road: on its machine as file:, from here as ssh:, which needs twowarm there.',
      },
    );
  }

  /** How the file compares with what the archive has under its name, in both forms. Throws `fenced` where it is another node's now. */
  private async judge(
    outgoing: Outgoing,
    errand: Errand,
    rest?: string,
  ): Promise<'already-stored' | 'absent' | Difference> {
    const { name, room, form, sizeBytes } = outgoing;
    const compressed = compressedPath(name);
    const found = await this.checkOwner(room, `store ${name}`, [name, compressed], errand, rest);
    requireFiles([name, compressed], found, this.far);
    const [plain, packed] = [found.get(name), found.get(compressed)];
    if (plain === undefined && packed === undefined) return 'absent';
    const own = form === 'plain' ? plain : packed;
    const other = form === 'plain' ? packed : plain;
    if (own?.state === 'same' && other === undefined) return 'already-stored';
    // Of a file that it may not read, the far side's checksum is that of no file: only another length is certain.
    if (packed === undefined && form === 'plain' && plain!.sizeBytes !== sizeBytes)
      return { differsAt: undefined, existingBytes: plain!.sizeBytes, newBytes: sizeBytes };
    return this.compareContents(outgoing, errand);
  }

  /** By what the files hold: they are fetched, and compared as in an archive of this machine. */
  private compareContents(
    outgoing: Outgoing,
    errand: Errand,
  ): Promise<'already-stored' | 'absent' | Difference> {
    const { name } = outgoing;
    return this.inRoom(async (room) => {
      const forms = [name, compressedPath(name)];
      const found = await fetchInto(room, [...forms, contentsPath(name)], errand);
      if (!forms.some((form) => found.has(form))) return 'absent';
      makeWithin(room, '.twowarm');
      const published = await speakingOf(room, this.url, () =>
        outgoing.withCopy((bytes) => compareStored(join(room, name), bytes, this.identity, errand.signal)),
      );
      return published === 'stored' ? 'already-stored' : published;
    });
  }

  /** Another content of a partial segment is kept beside the first; any other file is refused. */
  private async keepOther(
    outgoing: Outgoing,
    difference: Difference,
    errand: Errand,
    isSent = false,
  ): Promise<PutOutcome> {
    const { name, room, sizeBytes } = outgoing;
    if (!name.endsWith('.partial')) {
      const fault = duplicateFault(name, this.url, difference);
      throw isSent ? replaced(fault) : fault;
    }
    const version = await outgoing.asVersion(errand.signal);
    await send(room, [version], errand);
    const found = (await this.checkOwner(room, `store ${name}`, [version], errand)).get(version);
    if (found?.state === 'same') return 'stored-as-version';
    if (found === undefined) throw vanished(errand);
    // Throws where it cannot be read.
    await this.inRoom((other) => fetchInto(other, [version], errand));
    const { sizeBytes: existingBytes } = found;
    throw duplicateFault(name, this.url, { differsAt: undefined, existingBytes, newBytes: sizeBytes });
  }

  /**
   * Looks at the names and, in the same call, whether the archive still belongs to whom it did. Only a look: a claim that comes
   * between the last one and the end of the call is noticed by the next file.
   */
  private async checkOwner(
    room: string,
    what: string,
    names: readonly string[],
    errand: Errand,
    rest?: string,
  ): Promise<Map<string, Change>> {
    const { owner } = this.seen;
    const next = `.twowarm/epochs/${(owner?.change ?? 0) + 1}`;
    await writeWithin(room, ownerName, this.seen.ownerText);
    const found = await lookAt(room, [...names, ownerName, next], errand);
    if (!found.has(ownerName)) throw exchanged(this.url);
    if (found.get(ownerName)!.state === 'same' && !found.has(next)) return found;
    await this.ownership(errand.signal);
    if (!mayStore(this.seen.ownership)) requireOwner(this.seen.ownership, what, this.url, rest);
    return found;
  }
}

/** What was sent, or found a moment before, is not there. */
const vanished = ({ what, far: { url } }: Errand): ProgramError =>
  new ProgramError('input-output', `could not ${what} ${url}: it is not there after it was sent`, {
    hint: 'Somebody removes files there, or the module of the daemon hides them: see exclude in rsyncd.conf.',
  });

/** The other file came while this one did: rename() has replaced one of them. */
const replaced = ({ kind, message, hint, cause, detail = '' }: ProgramError): ProgramError =>
  new ProgramError(kind, message, {
    detail: detail.replace(
      'Neither was touched.',
      'Both were stored at the same moment, and the one of the other writer is there now.',
    ),
    hint,
    cause,
  });
