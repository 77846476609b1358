// What can be asked of a receiver: one function a verb, and which of them need which right. There is none that replaces
// or removes a file.
import { ProgramError } from '../../program/program-error.ts';
import type { GapRecord } from '../../program/gap-record.ts';
import { readPut, type Message } from '../wire/messages.ts';
import { conditionToJson, prunedToJson, readNeed } from '../wire/reader-messages.ts';
import { conditionOf } from '../condition.ts';
import { requireAdoptable } from '../would-be-writable.ts';
import { notReadable, type Admitted } from './admission.ts';
import { fetch, list } from './fetch.ts';
import { claim, ownership, release, reservationOf, reserve } from './ownership.ts';
import { store } from './store.ts';
import { wouldStore } from './would-store.ts';
import type { Verb as VerbOf } from './session.ts';
import type { Talk } from './talk.ts';

type Verb = VerbOf<Admitted>;

const reading =
  (verb: Verb): Verb =>
  async (request, admitted, talk) => {
    if (!admitted.mayRead) throw notReadable();
    return verb(request, admitted, talk);
  };

const writing =
  (verb: Verb): Verb =>
  async (request, admitted, talk) => {
    if (admitted.writable === undefined)
      throw new ProgramError('not-allowed', 'this connection was opened to read');
    return verb(request, admitted, talk);
  };

const gapOf = (request: Message): GapRecord => ({
  name: request.walName('name'),
  reason: request.oneOf('reason', ['discarded']),
  at: request.matching('at', /^[0-9TZ:.-]{1,40}$/),
  node: request.text('node'),
});

/** Wakes the far side with the name of what may have come, until it takes its request back. */
async function watch(_request: Message, { archive }: Admitted, talk: Talk): Promise<void> {
  const stopped = new Promise<void>((resolve) => talk.signal.addEventListener('abort', () => resolve()));
  // A far side that does not read must not make this process grow.
  let sending: Promise<void> | undefined;
  const watching = await archive.watch((name) => {
    sending ??= talk
      .reply({ reply: 'arrived', ...(name !== undefined && { name }) })
      .catch(() => undefined)
      .finally(() => (sending = undefined));
  });
  try {
    await talk.reply({ reply: watching.works ? 'watching' : 'blind' });
    await stopped;
  } finally {
    watching.close();
  }
}

export const verbs: Readonly<Record<string, Verb>> = {
  put: writing((request, admitted, talk) => store(readPut(request), admitted, talk)),
  gap: writing(async (request, { writable }, talk) => {
    await writable!.recordGap(gapOf(request), talk.signal);
    await talk.reply({ reply: 'recorded' });
  }),
  claim: writing(claim),
  release: writing(release),
  reserve: writing(reserve),
  // What a reader needs, it may say whatever it was opened for.
  register: reading(async (request, { archive, by }, talk) => {
    await talk.reply({ reply: await archive.registerConsumer(readNeed(request, by.nodeId)) });
  }),
  'pruned-of': reading(async (request, { archive }, talk) => {
    const range = await archive.prunedOf(request.walName('name'));
    await talk.reply(range === undefined ? { reply: 'missing' } : prunedToJson(range));
  }),
  get: reading(fetch),
  list: reading(list),
  watch: reading(watch),
  ownership,
  'reservation-of': reservationOf,
  // Whether a name exists, and that it was given up, tells no more than the comparison of a PUT does.
  stat: async (request, { archive }, talk) => {
    const found = await archive.stat(request.walName('name'), talk.signal);
    await talk.reply(found === 'missing' ? { reply: 'missing' } : { reply: 'found', size: found.sizeBytes });
  },
  // Room, and whether a file can be made: whoever may put one learns that anyway.
  condition: async (request, { directory, by }, talk) => {
    const write = request.isTrue('write');
    // As for a would-put: neither into a data directory, nor where the first file could not make an archive of it.
    if (write) await requireAdoptable(directory);
    const found = await conditionOf(directory, by.nodeId, write);
    await talk.reply(conditionToJson(found));
  },
  'would-put': (request, admitted, talk) => wouldStore(readPut(request), admitted, talk),
  'gap-of': async (request, { archive }, talk) => {
    const gap = await archive.gapOf(request.walName('name'), talk.signal);
    await talk.reply(gap === undefined ? { reply: 'missing' } : { reply: 'gap', ...gap });
  },
};
