// From an ssh: URL to a target: a login with the key for base backups, a receiver for the data directory, a hello.
import { ProgramError } from '../../program/program-error.ts';
import type { SshSettings } from '../../program/settings/settings.ts';
import { shellWord } from '../../program/shell-word.ts';
import type { SshRoad } from '../../program/ssh-url.ts';
import { aboutRoad } from '../../transport/ssh/asking-road.ts';
import { isWithoutReceiver } from '../../transport/ssh/carrier.ts';
import type { Link } from '../../transport/ssh/link.ts';
import { namingLogin } from '../../transport/ssh/login-words.ts';
import { PageDigests } from '../sums/page-digests.ts';
import type { Outside, Target } from '../target.ts';
import { copyVersions, helloToJson } from '../wire/hello.ts';
import { FarTarget } from './far-target.ts';

/** 'ssh://postgres@db2:2222/var/lib/…': as the destination is named, with the data directory in the place of the archive. */
export function urlOfTarget({ user, host, written, port }: SshRoad, dataDirectory: string): string {
  const login = user === undefined ? '' : `${user.replaceAll('%', '%25').replaceAll('@', '%40')}@`;
  const name = host.includes(':') ? `[${host}]` : written;
  return `ssh://${login}${name}${port === undefined ? '' : `:${port}`}${dataDirectory}`;
}

/** A forced command of the far side takes the place of this one; whoever logs in without one may write anywhere as it is. */
const commandFor = (receiver: string, dataDirectory: string): string =>
  `${receiver} receive --data-directory ${shellWord(dataDirectory)} --allow /`;

/** Archiving has its own key, which is not good for this. */
const loginOf = (login: SshSettings): SshSettings => ({
  ...login,
  identityFiles: login.copyIdentityFiles ?? login.identityFiles,
});

/** What a receiver says that knows of no copies: to the hello, or to the option that it is started with. */
function isTooOld(error: unknown): boolean {
  if (!(error instanceof ProgramError)) return false;
  const { message, detail = '' } = error;
  if (message === 'a hello must come first' || message === 'the receiver does not know "hello-copy"')
    return true;
  return message === 'the receiver ended with exit code 2' && /data-?directory/i.test(detail);
}

const tooOld = (error: unknown): ProgramError =>
  new ProgramError(
    'protocol-version',
    'the receiver on the far side is too old for base backups, or its key is for the archive only',
    {
      hint: 'Update twowarm over there (distrib2warm). If it is not older than this one, make a key of its own for base backups: over there twowarm receive --data-directory DIR --authorized-keys-line KEY.pub makes its line for authorized_keys, and here ssh.copy_identity_files in twowarm.toml names the private key.',
      cause: error,
    },
  );

async function greet(link: Link, hello: object, signal: AbortSignal): Promise<void> {
  const welcome = await link.askOnce(hello, signal);
  welcome.oneOf('reply', ['welcome-copy']);
  if (welcome.count('version') > copyVersions.newest)
    throw new ProgramError('protocol-version', 'the receiver on the far side answers in a newer protocol');
}

/**
 * Logs in and opens the data directory over there; nothing in it has changed. `outside`: what a new target would have beside
 * it, for who is refused; it is waited for after the login only. What goes wrong says that the target cannot be opened. When
 * `signal` aborts it throws the reason at once.
 */
export async function openFarTarget(
  road: SshRoad,
  dataDirectory: string,
  outside: Outside | Promise<Outside>,
  login: SshSettings,
  signal: AbortSignal,
): Promise<Target> {
  const url = urlOfTarget(road, dataDirectory);
  if (road.isSftp === true)
    throw new ProgramError(
      'settings',
      `cannot copy to ${url} by SFTP: a base backup needs twowarm over there`,
      {
        hint: 'Install twowarm there, and write ssh: instead of sftp: into the URL of the destination.',
      },
    );
  const command = commandFor(login.receiver, dataDirectory);
  let link: Link | undefined;
  try {
    const { openLinkOverSsh } = await import('../../transport/ssh/open-ssh.ts');
    signal.throwIfAborted();
    link = await openLinkOverSsh(road, loginOf(login), command, signal);
    const digests = new PageDigests();
    await greet(link, helloToJson(dataDirectory, url, await outside, digests), signal);
    return new FarTarget(url, dataDirectory, link, digests);
  } catch (error) {
    const who = link?.login;
    link?.close();
    signal.throwIfAborted();
    throw opening(url, isTooOld(error) ? tooOld(error) : error, isWithoutReceiver(error) ? undefined : who);
  }
}

function opening(url: string, error: unknown, who: (() => string) | undefined): Error {
  const fault = namingLogin(error, who);
  if (!(fault instanceof ProgramError) || 'isOfLink' in fault)
    return aboutRoad(`could not open ${url}`, fault);
  const { kind, message, detail, hint } = fault;
  return new ProgramError(kind, `could not open ${url}: ${message}`, { detail, hint, cause: error });
}
