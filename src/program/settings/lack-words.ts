// What a road without a promise can do to a file, in words, and the line of the configuration that accepts it.
import type { Lack } from './settings.ts';

const meanings: Record<Lack, string> = {
  'not-exclusive': "two writers of one name at the same time may replace each other's file",
  'not-durable': 'a file that counts as stored may be lost in a power failure of the far side',
};

/** 'accept = ['not-exclusive', 'not-durable']' */
export const acceptLine = (lacks: readonly Lack[]): string =>
  `accept = [${lacks.map((lack) => `'${lack}'`).join(', ')}]`;

/** What a road without these promises can do to a file, as sentences. */
export const meaningOf = (lacks: readonly Lack[]): string =>
  lacks.map((lack) => `${lack}: ${meanings[lack]}.`).join(' ');
