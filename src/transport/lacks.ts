// Promises that a road may lack. A road that lacks one is refused where archive_command's
// success would rest on it, unless the configuration accepts that by name.
import { ProgramError } from '../program/program-error.ts';
import type { Lack } from '../program/settings/settings.ts';
import type { Promises } from './transport.ts';

/** What a road lacks, in the words of `accept`. */
export const lacksOf = ({ exclusive, durable }: Promises): Lack[] => [
  ...(exclusive ? [] : ['not-exclusive' as const]),
  ...(durable ? [] : ['not-durable' as const]),
];

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

/** Throws `promise-lacking` where the road lacks what may not be lacking. `cure` is what else could be done, as a sentence. */
export function requirePromises(
  url: string,
  promises: Promises,
  mayLack: readonly Lack[],
  cure?: string,
): void {
  const lacking = lacksOf(promises).filter((lack) => !mayLack.includes(lack));
  if (lacking.length === 0) return;
  const accepted = `To do without: ${acceptLine(lacksOf(promises))} in its section, or policy = 'best-effort'.`;
  throw new ProgramError(
    'promise-lacking',
    `cannot rely on ${url}: the road there is ${lacking.join(' and ')}`,
    {
      detail: meaningOf(lacking),
      hint: cure === undefined ? accepted : `${cure} ${accepted}`,
    },
  );
}
