// Destinations that a person has suspended (twowarm destination suspend): a relay that stays holds what is for them, and
// goes on when they may have files again.
import type { ThisNode } from '../postgres/this-node.ts';
import { readSuspension } from '../program/destination-notes.ts';
import type { Carrier } from './carrier.ts';
import type { Telling } from './telling.ts';

/** Looks at the notes; what has changed is said once. Where a note cannot be read, nothing is carried by a guess. */
export function followSuspensions(
  carriers: readonly Carrier[],
  { settings }: ThisNode,
  telling: Telling,
): void {
  for (const carrier of carriers) {
    const { name } = carrier.destination;
    const about = { topic: `suspended ${name}`, destination: name };
    try {
      const since = readSuspension(settings.home, name)?.since;
      const isNew = carrier.suspend(since !== undefined);
      if (isNew && since !== undefined) {
        const message = `${name} is suspended since ${since}: nothing is carried there`;
        telling.say('suspended', 'LOG', { message }, about);
      } else if (since === undefined && telling.over(about.topic)) {
        telling.say('back', 'LOG', { message: `${name} is not suspended any more` }, { destination: name });
      }
    } catch (error) {
      carrier.suspend(true);
      telling.fault('failed', 'ERROR', error, about, 'Nothing is carried there until it is known.');
    }
  }
}
