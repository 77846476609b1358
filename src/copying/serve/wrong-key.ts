// Refusals for whoever logs in with a key that is for something else: an archive's key is not good for a data directory, and
// the other way round. Each says which line to make over there, and where the key that it is for is named.
import { resolve } from 'node:path';
import { ProgramError } from '../../program/program-error.ts';
import type { Message } from '../../transport/wire/messages.ts';
import type { Outside } from '../target.ts';
import { readCopyHello } from '../wire/hello.ts';
import { copyReceiverCommand, type CopyTerms } from './terms.ts';

/** All places that a copy wants to write besides the data directory. */
export const placesOutside = ({ tablespaces, walDirectory }: Outside): string[] => [
  ...tablespaces.map(({ location }) => location),
  ...(walDirectory === undefined ? [] : [walDirectory]),
];

const lineFor = (terms: CopyTerms): string =>
  `Make a line for authorized_keys over there: ${copyReceiverCommand(terms)} --authorized-keys-line KEY.pub`;

/** A copy has come to a receiver for an archive. */
export function refuseCopy(request: Message, archive: string): Promise<never> {
  const { directory, outside } = readCopyHello(request);
  const terms = { directory, allowed: placesOutside(outside) };
  throw new ProgramError(
    'not-allowed',
    'this key is for an archive, and a base backup needs a key of its own',
    {
      detail: `In authorized_keys over there the key is for the archive ${archive}.`,
      hint: `${lineFor(terms)}. Name the private key of KEY.pub here in twowarm.toml: ssh.copy_identity_files.`,
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

const isWithin = (path: string, directory: string): boolean => {
  const [inner, outer] = [resolve('/', path), resolve('/', directory)];
  return inner === outer || inner.startsWith(outer === '/' ? '/' : `${outer}/`);
};

/** As the paths are written; where they lead the target itself looks. */
export function requireAllowed(outside: Outside, terms: CopyTerms): void {
  const places = placesOutside(outside);
  const missing = places.filter((place) => !terms.allowed.some((each) => isWithin(place, each)));
  if (missing.length === 0) return;
  const wanted = { ...terms, allowed: [...new Set([...terms.allowed, ...missing])] };
  throw new ProgramError('not-allowed', `the receiver may not write into ${missing.join(', ')}`, {
    detail:
      terms.allowed.length === 0
        ? 'It may write into the data directory only.'
        : `Besides the data directory it may write into ${terms.allowed.join(', ')}.`,
    hint: `${lineFor(wanted)}.`,
  });
}
