// What goes wrong on the far side, in words.
import { printable } from '../../program/print-error.ts';
import { ProgramError } from '../../program/program-error.ts';
import type { Login } from '../../transport/ssh/far-command.ts';
import { textOf, type FarAnswer } from './far-script.ts';

/** What a script can fail with, by the first word behind "failed". */
interface Failing {
  name: string;
  directory: string;
  /** What the script says behind that word. */
  text: string;
  /** The sentence with what the far side printed. */
  said: string | undefined;
}

const failures: Record<string, (failing: Failing) => ProgramError> = {
  directory: ({ name, directory, said }) =>
    new ProgramError('permission-denied', `could not make ${directory} on ${name}`, { detail: said }),
  busy: ({ name, text }) =>
    new ProgramError('busy', `another distrib2warm is at work on ${name}`, {
      detail: text === '' ? undefined : `It is ${text}.`,
      hint: 'Run this again when that one is done.',
    }),
  cut: (failing) =>
    new ProgramError(
      'connection-lost',
      `could not copy to ${failing.name}: the list of files did not arrive whole`,
      {
        detail: failing.said,
      },
    ),
  full: ({ name, directory, text }) =>
    new ProgramError('no-space', `could not copy to ${name}: the disk or the quota of ${directory} is full`, {
      detail: `The far side says: ${text}. What had arrived is removed.`,
    }),
  unpack: (failing) =>
    new ProgramError('input-output', `could not copy to ${failing.name}: tar could not unpack there`, {
      detail: failing.text === '' ? failing.said : `The far side says: ${failing.text}`,
    }),
  sync: (failing) =>
    new ProgramError(
      'not-durable',
      `could not copy to ${failing.name}: the disk there did not confirm the files`,
      {
        detail: failing.said,
      },
    ),
  damaged: ({ name, text }) =>
    new ProgramError('copy-damaged', `the copy on ${name} is damaged: it is not what was sent`, {
      detail: `sha256sum says there: ${text.trim()}. The copy is removed.`,
      hint: 'Run this again; if it happens twice, the disk or the memory of one of the machines is bad.',
    }),
  rotten: ({ name, text }) =>
    new ProgramError('copy-damaged', `cannot go back on ${name}: ${text} is damaged there`, {
      detail: 'Its files are not what was sent.',
      hint: 'Run distrib2warm from an installation of that version instead.',
    }),
  publish: (failing) =>
    new ProgramError('input-output', `could not give the copy on ${failing.name} its name`, {
      detail: failing.said,
    }),
  switch: (failing) =>
    new ProgramError('input-output', `could not switch the links on ${failing.name}`, {
      detail: failing.said,
    }),
  gone: ({ name }) =>
    new ProgramError('busy', `the copy on ${name} is not there any more`, {
      detail: 'Another distrib2warm has brought another version meanwhile.',
      hint: `Look what there is: distrib2warm --list ${name}`,
    }),
  previous: ({ name }) => noPrevious(name),
  run: ({ name, directory, text }) => doesNotRun(name, directory, text),
};

export const noPrevious = (name: string): ProgramError =>
  new ProgramError('unsuited', `cannot go back on ${name}: there is no other version to go back to`, {
    hint: `Look what there is: distrib2warm --list ${name}`,
  });

/** Of `text` the first word is the exit code. */
function doesNotRun(name: string, directory: string, text: string): ProgramError {
  const [, code = '', said = ''] = /^(\d+) ?(.*)$/.exec(text) ?? [];
  const cure = /Exec format error/i.test(said)
    ? 'Its Node.js is made for another architecture: install twowarm on that machine by npm, which brings the right one.'
    : /GLIBC|libc\.so|libstdc\+\+|not found|No such file/i.test(said)
      ? 'The Node.js that it carries needs glibc 2.28 or newer (Debian 10, RHEL 8) and libstdc++; it is not made for musl.'
      : code === '126' || /Permission denied/i.test(said)
        ? `Programs may not be run from ${directory}, perhaps because the file system is mounted noexec. Choose another one: --directory.`
        : undefined;
  return new ProgramError('unsuited', `the copy does not run on ${name}: exit code ${code}`, {
    detail: said === '' ? undefined : `It says: ${printable(said.trim())}.`,
    hint: cure,
  });
}

const sentenceOf = (answer: FarAnswer): string | undefined => {
  const text = printable((answer.said || answer.noise).trim().replace(/\s*\n\s*/g, '; '));
  return text === '' ? undefined : `The far side says: ${text}`;
};

const nameOfReceiver = 'twowarm receiver';

/** The account or the key is good for something else. */
function noShell(name: string, answer: FarAnswer, login: Login): ProgramError {
  const isReceiver = answer.noise.includes(nameOfReceiver);
  const found = isReceiver ? 'This key is limited to the receiver of one archive.' : sentenceOf(answer);
  return new ProgramError('not-allowed', `cannot run commands on ${name}`, {
    detail: [...(found === undefined ? [] : [found]), login.words()].join(' '),
    hint: 'authorized_keys there, or the account, fixes what this login runs. Log in with a key that may run commands: --identity FILE.',
  });
}

/** Throws what kept the script from its end, if anything did. `doing`: 'copy to'. */
export function requireEnded(
  answer: FarAnswer,
  { name, directory, doing, login }: { name: string; directory: string; doing: string; login: Login },
): void {
  const failed = textOf(answer.lines, 'failed');
  if (failed !== undefined) {
    const at = `${failed} `.indexOf(' ');
    const failing = { name, directory, text: failed.slice(at + 1).trim(), said: sentenceOf(answer) };
    throw (failures[failed.slice(0, at)] ?? failures['switch']!)(failing);
  }
  if (answer.lost !== undefined || answer.code === undefined) {
    const reason = answer.lost?.message ?? 'the connection was cut';
    const words = reason === 'Keepalive timeout' ? 'the far side does not answer any more' : reason;
    throw new ProgramError('connection-lost', `could not ${doing} ${name}: ${words}`, { cause: answer.lost });
  }
  if (textOf(answer.lines, 'begin') === undefined) throw noShell(name, answer, login);
  if (answer.code === 0) return;
  const how =
    answer.code === null
      ? 'a signal ended the shell there'
      : `the shell there ended with exit code ${answer.code}`;
  throw new ProgramError('connection-lost', `could not ${doing} ${name}: ${how}`, {
    detail: sentenceOf(answer),
  });
}

/** A fault of the login, with the node's name where it has none. */
export function aboutLogin(name: string, error: unknown): unknown {
  if (!(error instanceof ProgramError) || !('isOfLink' in error)) return error;
  const { kind, message, detail, hint } = error;
  return new ProgramError(kind, `could not log in to ${name}: ${message}`, { detail, hint, cause: error });
}
