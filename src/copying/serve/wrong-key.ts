// Refusals for whoever logs in with a key that is for something else: an archive's key is not good for a data directory, and
// the other way round. Each says which line to make over there, and where the key that it is for is named.
import { ProgramError } from '../../program/program-error.ts';
import type { Message } from '../../transport/wire/messages.ts';
import { isWithin, realPlace } from '../near/real-places.ts';
import type { Outside } from '../target.ts';
import { readCopyHello } from '../wire/hello.ts';
import { copyReceiverCommand, type CopyTerms } from './terms.ts';

/** All places that a copy wants to write besides the data directory. */
export const placesOutside = ({ tablespaces, walDirectory }: Outside): string[] => [
  ...tablespaces.map(({ location }) => location),
  ...(walDirectory === undefined ? [] : [walDirectory]),
];

const lineOf = (terms: CopyTerms): string => `${copyReceiverCommand(terms)} --authorized-keys-line KEY.pub`;

/** A copy has come to a receiver for an archive. */
export function refuseCopy(request: Message, archive: string): Promise<never> {
  const { directory, outside } = readCopyHello(request);
  const terms = { directory, allowed: placesOutside(outside) };
  throw new ProgramError(
    'not-allowed',
    'this key is for an archive, and a base backup needs a key of its own',
    {
      detail: `In authorized_keys over there the key is for the archive ${archive}.`,
      hint: `Make a line for authorized_keys over there: ${lineOf(terms)}. Name the private key of KEY.pub here in twowarm.toml: ssh.copy_identity_files.`,
    },
  );
}

/** An archive's client has come to a receiver for a data directory. */
export function refuseArchiveKey({ directory }: CopyTerms): Promise<never> {
  throw new ProgramError('not-allowed', 'this key is for base backups, and an archive needs another one', {
    detail: `In authorized_keys over there the key is for the data directory ${directory}.`,
    hint: 'Name this key in twowarm.toml in ssh.copy_identity_files only, and the key for the archive in ssh.identity_files. The line for that one is made over there: twowarm receive --directory DIR --authorized-keys-line KEY.pub',
  });
}

export const otherDirectory = (named: string, { directory }: CopyTerms): ProgramError =>
  new ProgramError('not-allowed', 'the receiver serves another data directory than the copy is for', {
    detail: `It serves ${directory}; the copy is for ${named}.`,
    hint: 'In authorized_keys over there, the command of this key has that --data-directory: change the one or the other.',
  });

/** A colon stands between two directories of --allow. */
function hintFor(terms: CopyTerms, missing: readonly string[]): string {
  const withColon = missing.find((place) => place.includes(':'));
  if (withColon !== undefined)
    return `The path of ${withColon} has a colon, and cannot be allowed: choose another one with --tablespace-mapping or --waldir.`;
  const line = lineOf({ ...terms, allowed: [...new Set([...terms.allowed, ...missing])] });
  return `Make a line for authorized_keys: ${line}, and put it in the place of the line that this key has there.`;
}

/**
 * Of the places that a copy will really use, which are known only after a look at what is there: all that the line lacks at
 * once. The target itself judges each, too.
 */
export function requireAllowed(outside: Outside, terms: CopyTerms): void {
  const allowed = terms.allowed.map(realPlace);
  const missing = placesOutside(outside).filter((place) => {
    const real = realPlace(place);
    return !allowed.some((each) => isWithin(real, each));
  });
  if (missing.length === 0) return;
  throw new ProgramError('not-allowed', `the receiver may not write into ${missing.join(', ')}`, {
    detail:
      terms.allowed.length === 0
        ? 'It may write into the data directory only.'
        : `Besides the data directory it may write into ${terms.allowed.join(', ')}.`,
    hint: hintFor(terms, missing),
  });
}
