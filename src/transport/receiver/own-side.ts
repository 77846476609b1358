// What keeps a receiver from its archive, for one who reads it on another machine: whose side it is, which user the receiver
// is there, whom the directory belongs to, and what to do over there.
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { nameOfUser, ownerAndMode } from '../../program/owner-words.ts';
import { ProgramError } from '../../program/program-error.ts';
import { shellWord } from '../../program/shell-word.ts';

const ownName = (): string => nameOfUser(process.geteuid?.() ?? -1);

function withCure({ kind, message, detail, cause }: ProgramError, added: string, hint: string): ProgramError {
  return new ProgramError(kind, message, {
    detail: detail === undefined ? added : `${detail} ${added}`,
    hint,
    cause,
  });
}

function missing(fault: ProgramError, directory: string): ProgramError {
  const user = ownName();
  return withCure(
    fault,
    `That is on ${hostname()}, where the receiver runs as ${user}.`,
    `If it is a mount, mount it there. No program creates it: over there, as ${user}, mkdir -m 700 ${shellWord(directory)}`,
  );
}

/** From the root down to the path. */
function wayTo(path: string): string[] {
  return path === dirname(path) ? [path] : [...wayTo(dirname(path)), path];
}

function mayPass(directory: string): boolean {
  try {
    accessSync(directory, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Where access was denied: a directory on the way, the file itself, or the directory that it was to be made in. */
function closed(path: string): string {
  const barred = wayTo(dirname(path)).find((each) => !mayPass(each));
  return barred ?? (existsSync(path) ? path : dirname(path));
}

function denied(fault: ProgramError, directory: string): ProgramError {
  const { path } = (fault.cause ?? {}) as { path?: unknown };
  const at = closed(typeof path === 'string' ? path : directory);
  const user = ownName();
  const found = ownerAndMode(at);
  const facts = found === undefined ? '' : `; ${at} belongs to ${found.owner} and has mode ${found.mode}`;
  return withCure(
    fault,
    `On ${hostname()} the receiver runs as ${user}${facts}.`,
    cureFor(at, directory, user, found?.uid === process.geteuid?.()),
  );
}

function cureFor(at: string, directory: string, user: string, isOwn: boolean): string {
  if (at !== directory && !at.startsWith(`${directory}/`))
    return `Let ${user} pass ${at} over there, or choose another directory.`;
  if (!isOwn) return `Over there, as root: chown ${user} ${shellWord(at)}`;
  const rights = statSync(at, { throwIfNoEntry: false })?.isDirectory() === true ? 'u+rwx' : 'u+rw';
  return `Over there, as ${user}: chmod ${rights} ${shellWord(at)}`;
}

/** The same fault with what only this side knows; one that is not about access to the archive stays as it is. */
export function toldFromHere(fault: ProgramError, directory: string): ProgramError {
  if (fault.kind === 'permission-denied') return denied(fault, directory);
  const isMissing =
    fault.kind === 'directory-missing' && fault.message.endsWith(`${directory} does not exist`);
  return isMissing ? missing(fault, directory) : fault;
}
