// How the files of one archive are named to rsync, and what it needs to get there. Over ssh the system's ssh logs in, as
// the [ssh] section says and otherwise as the person's own configuration does.
import { lstatSync } from 'node:fs';
import { errnoOf, fromSystemError, ProgramError } from '../../program/program-error.ts';
import { withoutSecret } from '../../program/road-url.ts';
import { readRsyncUrl, type RsyncPlace } from '../../program/rsync-url.ts';
import type { SshSettings } from '../../program/settings/settings.ts';
import { shellWord } from '../../program/shell-word.ts';
import type { Identity } from '../transport.ts';
import { sshCommand } from './ssh-command.ts';

export interface FarSide {
  /** For messages. */
  url: string;
  place: RsyncPlace;
  /** What every call begins with. */
  options: readonly string[];
  /** The word for a name within the archive's directory, of a call with --relative: only that name is kept. */
  word: (name: string) => string;
  /** The word for the directory itself. */
  directory: string;
}

const seconds = (ms: number): string => String(Math.max(1, Math.ceil(ms / 1000)));

/** What no shell and no version of rsync takes for anything but itself. */
const isPlain = (path: string): boolean => /^[\w/.,:=@%+-]*$/.test(path);

/** Throws `settings` for a URL that nobody can use, and for a password file that others can read. */
export function farSideOf(url: string, { login, rsync }: Identity): FarSide {
  const place = readRsyncUrl(url);
  if ('cure' in place) {
    throw new ProgramError('settings', `cannot use the URL "${withoutSecret(url)}"`, {
      hint: `${place.cure[0]!.toUpperCase()}${place.cure.slice(1)}.`,
    });
  }
  const base = place.scheme === 'rsync' ? daemonBase(place) : `${hostWord(place.host)}:${place.path}`;
  return {
    url,
    place,
    options: [
      '--no-motd',
      // Otherwise a shell of the far side takes the directory apart. rrsync knows no such option, so only where it has to be.
      ...(isPlain(place.path) ? [] : ['--protect-args']),
      ...(place.scheme === 'rsync' ? daemonOptions(login, rsync?.passwordFile) : sshOptions(place, login)),
    ],
    word: (name) => `${base}/./${name}`,
    directory: `${base}/`,
  };
}

const hostWord = (host: string): string => (host.includes(':') ? `[${host}]` : host);

function daemonBase({ user, host, port, path }: RsyncPlace): string {
  const who = user === undefined ? '' : `${user}@`;
  return `rsync://${who}${hostWord(host)}${port === undefined ? '' : `:${port}`}${path}`;
}

function daemonOptions(login: SshSettings | undefined, passwordFile: string | undefined): string[] {
  const limits =
    login === undefined
      ? []
      : [`--timeout=${seconds(login.idleLimitMs)}`, `--contimeout=${seconds(login.connectLimitMs)}`];
  if (passwordFile === undefined) return limits;
  requirePrivate(passwordFile);
  return [...limits, `--password-file=${passwordFile}`];
}

function sshOptions(place: RsyncPlace, login: SshSettings | undefined): string[] {
  const limits = login === undefined ? [] : [`--timeout=${seconds(login.idleLimitMs)}`];
  return [...limits, '-e', sshCommand(place, login)];
}

/** Of rsync's own demands on the file the one that people meet, told before any connection is made. */
function requirePrivate(file: string): void {
  let mode: number;
  try {
    mode = lstatSync(file).mode;
  } catch (error) {
    const { message } = fromSystemError(error, `could not read the password file ${file}`);
    throw new ProgramError('settings', message, {
      detail: 'It is rsync.password_file.',
      hint: errnoOf(error) === 'ENOENT' ? 'Its one line is the password of the rsync daemon.' : undefined,
      cause: error,
    });
  }
  if ((mode & 0o077) === 0) return;
  throw new ProgramError('settings', `will not use the password file ${file}: others may read it`, {
    detail: `It is rsync.password_file; its mode is 0${(mode & 0o777).toString(8)}.`,
    hint: `chmod 600 ${shellWord(file)}`,
  });
}
