// What rsync, ssh, a daemon and the system over there say when something goes wrong, and what we make of it: the first that
// fits counts. Their words are those of LC_ALL=C.
import type { ErrorKindName } from '../../program/error-kinds.ts';
import { shellWord } from '../../program/shell-word.ts';
import type { FarSide } from './far-side.ts';

export interface Reason {
  kind: ErrorKindName;
  /** After "could not …: ". */
  words: string;
  hint?: string;
}

type Rule = readonly [pattern: RegExp, reason: (far: FarSide) => Reason];

const roomHint = 'PostgreSQL keeps the file and tries again. Make room there before pg_wal is full, too.';
const whoWrites = ({ place: { scheme } }: FarSide): string =>
  scheme === 'rsync'
    ? "The module's uid in rsyncd.conf must be able to read and write there."
    : 'The user who logs in must be able to read and write there.';
const trySsh = ({ place: { user, host, port } }: FarSide): string => {
  const to = user === undefined ? host : `${user}@${host}`;
  return `Try, as the owner of the data directory: ssh ${port === undefined ? '' : `-p ${port} `}${shellWord(to)}`;
};
const asIs =
  (kind: ErrorKindName, words: string, hint?: string | ((far: FarSide) => string)) =>
  (far: FarSide): Reason => ({
    kind,
    words,
    ...(hint !== undefined && { hint: typeof hint === 'string' ? hint : hint(far) }),
  });

/** What the host says before anybody is let in: ssh, and rsync's client of a daemon. */
const beforeLogin: readonly Rule[] = [
  [
    /Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED|No \S+ host key is known/,
    asIs(
      'host-key',
      'the host key of the far side is not known, or has changed',
      ({ place: { host, port } }) =>
        `If it is right: ssh-keyscan ${port === undefined ? '' : `-p ${port} `}${host}, compare it there, and add it to known_hosts.`,
    ),
  ],
  [
    /Permission denied \((publickey|password|keyboard|gssapi|hostbased)|Too many authentication failures/,
    asIs('login-refused', 'the far side refused the login', trySsh),
  ],
  [
    /Could not resolve hostname|getaddrinfo: /,
    asIs(
      'unreachable',
      'the name of the host cannot be resolved',
      ({ place: { host } }) =>
        `Check the host in the URL, and whether this machine finds it: getent hosts ${host}`,
    ),
  ],
  [
    /Connection refused/,
    asIs('unreachable', 'Connection refused', ({ place: { scheme, host, port } }) =>
      scheme === 'rsync'
        ? `Check that the rsync daemon runs on ${host} and listens on port ${port ?? 873}.`
        : `Check that sshd runs on ${host} and listens on port ${port ?? 22}.`,
    ),
  ],
  [/No route to host/, asIs('unreachable', 'No route to host')],
  [/Network is unreachable/, asIs('unreachable', 'Network is unreachable')],
  [/Connection timed out|Operation timed out/, asIs('unreachable', 'Connection timed out')],
];

/** What the daemon, or the far side's shell, says instead of letting rsync begin. */
const atBegin: readonly Rule[] = [
  [
    /password file must/,
    asIs(
      'settings',
      'rsync will not use the password file',
      'It must belong to the owner of the data directory, and nobody else may read it.',
    ),
  ],
  [
    /@ERROR: Unknown module/,
    asIs(
      'directory-missing',
      'the far side has no such module',
      ({ place: { host, port } }) =>
        `The modules there that are listed: rsync rsync://${host}${port === undefined ? '' : `:${port}`}/`,
    ),
  ],
  [
    /@ERROR: (chdir|chroot) failed|@ERROR: no path setting/,
    asIs(
      'directory-missing',
      'the directory of the module does not exist',
      'If it is a mount, mount it there. No program creates it.',
    ),
  ],
  [
    /@ERROR: auth failed/,
    asIs(
      'login-refused',
      'the far side refused the login',
      'The user is the one in the URL, the password the line in the file that rsync.password_file names.',
    ),
  ],
  [
    /@ERROR: access denied/,
    asIs(
      'not-allowed',
      'the far side lets this machine not in',
      "Let it in: hosts allow in the module's section of rsyncd.conf.",
    ),
  ],
  [/@ERROR: max connections/, asIs('unreachable', 'the far side has as many connections as it allows')],
  [
    /module is read only/,
    asIs(
      'not-allowed',
      'the module is read only',
      "To let files in: read only = no in the module's section of rsyncd.conf.",
    ),
  ],
  [
    /module is write only/,
    asIs(
      'not-allowed',
      'the module is write only',
      "What is stored is compared afterwards: write only = no in the module's section of rsyncd.conf.",
    ),
  ],
  [
    /The server is configured to refuse/,
    asIs(
      'not-allowed',
      'the far side refuses an option',
      "It is named in refuse options, in the module's section of rsyncd.conf.",
    ),
  ],
  [
    /unknown option/,
    asIs('protocol', 'rsync does not know an option: it is older than 3.1.0', 'Update rsync there and here.'),
  ],
  [
    /rsync: (command )?not found|rsync: No such file or directory|exec.*rsync.*No such file/i,
    asIs(
      'program-missing',
      'the far side has no rsync',
      'Install it there: apt-get install rsync, or dnf install rsync.',
    ),
  ],
  [
    /protocol version mismatch|is your shell clean/,
    asIs(
      'protocol',
      'the far side speaks another language',
      'A login there must print nothing by itself: see .bashrc and .profile.',
    ),
  ],
];

/** What the system there says of a file or a directory. */
const ofFiles: readonly Rule[] = [
  [/No space left on device/, asIs('no-space', 'No space left on device', roomHint)],
  [/Disk quota exceeded/, asIs('no-space', 'Disk quota exceeded', roomHint)],
  [/Read-only file system/, asIs('read-only', 'Read-only file system')],
  [/Permission denied|Operation not permitted/, asIs('permission-denied', 'Permission denied', whoWrites)],
  [
    /change_dir(#\d)? .* failed: No such file or directory/,
    asIs(
      'directory-missing',
      'the archive directory does not exist',
      'If it is a mount, mount it there. No program creates it: make a new one with mode 0700.',
    ),
  ],
  [
    /change_dir(#\d)? .* failed: Not a directory/,
    asIs('directory-missing', 'the archive directory is not a directory'),
  ],
  [
    /change_dir(#\d)? .* failed: Too many levels of symbolic links/,
    asIs('directory-missing', 'the archive directory cannot be entered: too many levels of symbolic links'),
  ],
  [
    /refusing to follow a symlink/,
    asIs(
      'permission-denied',
      'the far side refuses to follow a symbolic link',
      'Give the directory itself in the URL.',
    ),
  ],
  [/Input\/output error/, asIs('input-output', 'Input/output error')],
];

/** All of them, in their order: who was not let in has not looked at files. */
export const rules: readonly Rule[] = [...beforeLogin, ...atBegin, ...ofFiles];
