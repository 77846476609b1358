// The verbs of ownership over the wire: who holds the archive, claims, reservations. A client keeps its epochs itself and
// tells the one that it holds in its hello.
import {
  claimOutcomeToJson,
  ownershipToJson,
  readClaimRequest,
  readReservationRequest,
  reservationToJson,
} from '../wire/ownership-messages.ts';
import type { Message } from '../wire/messages.ts';
import type { Admitted } from './admission.ts';
import type { Talk } from './talk.ts';

export async function ownership(_request: Message, { archive }: Admitted, talk: Talk): Promise<void> {
  await talk.reply(ownershipToJson(await archive.ownership(talk.signal)));
}

export async function claim(request: Message, { archive, by }: Admitted, talk: Talk): Promise<void> {
  const outcome = await archive.claim(readClaimRequest(request), talk.signal);
  // From here on this connection is the new owner's.
  by.heldEpoch = outcome.claim.epoch;
  await talk.reply(claimOutcomeToJson(outcome));
}

export async function release(request: Message, { archive }: Admitted, talk: Talk): Promise<void> {
  const outcome = await archive.release(request.count('epoch'), talk.signal);
  await talk.reply({ reply: outcome });
}

export async function reserve(request: Message, { archive }: Admitted, talk: Talk): Promise<void> {
  const outcome = await archive.reserve(readReservationRequest(request), talk.signal);
  await talk.reply({ reply: outcome });
}

export async function reservationOf(request: Message, { archive }: Admitted, talk: Talk): Promise<void> {
  const found = await archive.reservationOf(request.count('timeline'), talk.signal);
  await talk.reply(found === undefined ? { reply: 'missing' } : reservationToJson(found));
}
