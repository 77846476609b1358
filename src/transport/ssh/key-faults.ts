// Why a key cannot be used to log in, in words, and what to do about it.
import { ProgramError } from '../../program/program-error.ts';
import { shellWord } from '../../program/shell-word.ts';
import { effectiveAccount } from './known-hosts-files.ts';

/** A key that others can read is no secret; ssh ignores it, too. */
export const readableKey = (path: string, mode: number): ProgramError =>
  new ProgramError('ssh-key', `will not use the key ${path}: others may read it`, {
    detail: `Its mode is 0${(mode & 0o777).toString(8)}.`,
    hint: `chmod 600 ${shellWord(path)}`,
  });

/** PostgreSQL starts programs where nobody can type a passphrase. */
export const encryptedKey = (path: string): ProgramError =>
  new ProgramError('ssh-key', `cannot use the key ${path}: it is encrypted with a passphrase`, {
    detail: 'Nobody is there to type it, and no agent was found.',
    hint: 'Load the key into an agent with ssh-add, or make one without a passphrase for this purpose alone.',
  });

const cures = {
  'private-key': (path: string) =>
    path.endsWith('.pub')
      ? `Name the private one: ${path.slice(0, -'.pub'.length)}.`
      : 'Name the private one.',
  convert: (path: string) => `Rewrite it as OpenSSH does: ssh-keygen -p -P '' -N '' -f ${shellWord(path)}`,
  'another-key': () => "Name another one, or make one: ssh-keygen -t ed25519 -N ''",
};

/** `reason` is the end of "it …". */
export const unusableKey = (
  path: string,
  { reason, cure }: { reason: string; cure: keyof typeof cures },
): ProgramError =>
  new ProgramError('ssh-key', `cannot use the key ${path}: it ${reason}`, { hint: cures[cure](path) });

const makeKey = (path: string | undefined): string =>
  `Make one as ${effectiveAccount().name}, and let its public part in on the server: ssh-keygen -t ed25519 -N ''${path === undefined ? '' : ` -f ${shellWord(path)}`}`;

/** One of the names that twowarm init gives. */
const ofInit = (path: string): boolean => /\/twowarm_(copy_)?ed25519$/.test(path);

export const missingKey = (path: string): ProgramError =>
  new ProgramError('ssh-key', `could not read the key ${path}: it does not exist`, {
    hint: ofInit(path)
      ? `${makeKey(path)}. Or call twowarm init --generate-key again, with the same answers as at first.`
      : makeKey(path),
  });

/** Neither a key nor an agent. */
export function noKey(found: {
  paths: readonly string[];
  passedOver: readonly { path: string; reason: string }[];
  hasAgentName: boolean;
}): ProgramError {
  const { paths, passedOver, hasAgentName } = found;
  const missing = paths.filter((path) => !passedOver.some((each) => each.path === path));
  const sentences = [
    ...(missing.length === 0 ? [] : [`There is no ${missing.join(' and no ')}.`]),
    ...passedOver.map(({ path, reason }) => `${path} cannot be used: ${reason}.`),
    ...(hasAgentName ? [] : ['SSH_AUTH_SOCK names no agent.']),
  ];
  return new ProgramError('ssh-key', 'could not find a key to log in with', {
    detail: sentences.join(' '),
    hint: makeKey(paths[0]),
  });
}
