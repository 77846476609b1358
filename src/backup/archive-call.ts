// What archive_command calls, before anything is waited for: a program that cannot be run archives nothing, and PostgreSQL
// does not count it as a failure (exit codes above 125). Refused is only what the server would find, too, for certain; whether
// segments really arrive is archiving.ts.
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { basename, isAbsolute, join } from 'node:path';
import { askVersion, type Start } from '../postgres/ask-version.ts';
import { readCall, type Call } from '../postgres/command-calls.ts';
import { readCommandLine } from '../postgres/command-line.ts';
import { readPostmaster } from '../postgres/postmaster-file.ts';
import { environmentOf } from '../postgres/server-environment.ts';
import { bounded } from '../program/bounded.ts';
import { exec } from '../program/exec.ts';
import { settingLine } from '../program/installation.ts';
import { installedIn } from '../program/installed-at.ts';
import type { Report } from '../program/print-error.ts';
import { ProgramError } from '../program/program-error.ts';
import { shellWord } from '../program/shell-word.ts';

/** How long a look may take, in ms: one that takes longer says nothing. */
const lookMs = 10_000;

const cannotRun = (program: string, why: string, said: string): ProgramError =>
  new ProgramError('archiving-unproven', `archive_command cannot run ${program}: ${why}`, {
    detail: said === '' ? undefined : `It says: ${said}`,
    hint: `Install it there, or correct the path. In postgresql.conf: ${settingLine('archive_command', 'archiveWALFile', '%p %f')}`,
  });

/** The program of a command that is one call and no more; undefined where the shell has a say in what is run. */
export function onlyProgramOf(text: string): string | undefined {
  const [first, ...more] = readCommandLine(text) ?? [];
  if (first === undefined || 'operator' in first || more.some((piece) => 'operator' in piece))
    return undefined;
  const isAssigned = /^[A-Za-z_][A-Za-z0-9_]*=/.test(first.word);
  return first.isPlain && !isAssigned ? first.word.replaceAll('%%', '%') : undefined;
}

/** Whether nothing but the call itself decides which program it is: no directory that is changed to, no variable, no PATH. */
export function isCertain(text: string, { program, expanded, hiddenBy, environment }: Call): boolean {
  if (expanded !== undefined || hiddenBy !== undefined || 'PATH' in environment) return false;
  return isAbsolute(program) || onlyProgramOf(text) === program;
}

/** What an installation carries to run its programs with, from its root: bin/launch.sh takes the first one that is there. */
const carriedNodes = ['node_modules', '..'].flatMap((place) =>
  ['x64', 'arm64'].map((machine) => `${place}/node-linux-${machine}/bin/node`),
);
/** What archiveWALFile is made of. */
const itsFiles = ['dist/archiveWALFile.cjs', 'dist/hot/archiveWALFile.cjs'];

const realPath = (path: string): string | undefined => {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
};

/**
 * Whether it is the one of the installation that runs here, as the server's user and with the Node.js that it carries: the server
 * can run it, too, for nothing of its environment decides.
 */
export function isBeside(
  program: string,
  workingDirectory: string,
  root = installedIn(),
  node = process.execPath,
): boolean {
  try {
    const own = realpathSync(join(root, 'bin', basename(program)));
    if (realpathSync(program) !== own || statSync(workingDirectory).uid !== process.getuid!()) return false;
    if (!carriedNodes.some((path) => realPath(join(root, path)) === realpathSync(node))) return false;
    accessSync(own, constants.X_OK);
    return itsFiles.every((file) => statSync(join(root, file)).size > 0);
  } catch {
    return false;
  }
}

async function judgeOurs(call: Call, start: Start, signal: AbortSignal): Promise<Report | undefined> {
  const environment = { ...start.environment, ...call.environment };
  const { code, said, version } = await askVersion(call, { ...start, environment }, signal);
  if (code !== 0) throw cannotRun(call.program, `exit code ${code ?? 'none'}`, said);
  if (version !== undefined) return undefined;
  return { message: `archive_command calls another ${call.name} than twowarm's: ${call.program}` };
}

async function refuseMissing(text: string, start: Start, signal: AbortSignal): Promise<void> {
  const program = onlyProgramOf(text);
  if (program === undefined) return;
  const { code } = await exec('/bin/sh', ['-c', `command -v -- ${shellWord(program)}`], { signal, ...start });
  if (code !== 0) throw cannotRun(program, 'there is no such program', '');
}

/** Within the time that a look may take; undefined past it. */
async function looking<T>(
  stop: AbortSignal,
  look: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await bounded('look at archive_command', lookMs, stop, look);
  } catch (error) {
    if (error instanceof ProgramError && error.kind === 'timed-out') return undefined;
    throw error;
  }
}

export interface Looking {
  dataDirectory: string;
  /** Of the destination. */
  url: string;
  /** Whether the archiveWALFile beside us is not started for a look, which costs as much as to archive a segment. */
  mayTrustOurs: boolean;
  stop: AbortSignal;
}

/**
 * Throws `archiving-unproven` where the program of archive_command cannot be run as the server runs it. A warning for one that
 * is not ours, which may be right. `archiveLibrary`: with one the command is not called.
 */
export async function judgeArchiveCommand(
  { archiveCommand, archiveLibrary }: { archiveCommand: string; archiveLibrary: string },
  { dataDirectory, url, mayTrustOurs, stop }: Looking,
): Promise<Report | undefined> {
  if (archiveLibrary !== '') return undefined;
  const postmaster = readPostmaster(dataDirectory);
  const environment = postmaster && environmentOf(postmaster.pid);
  const start = environment && { environment, workingDirectory: dataDirectory };
  const reading = readCall(archiveCommand, ['archiveWALFile']);
  if (reading.kind === 'call') {
    const { call } = reading;
    if (start === undefined || !isCertain(archiveCommand, call)) return undefined;
    if (mayTrustOurs && isAbsolute(call.program) && isBeside(call.program, dataDirectory)) return undefined;
    return looking(stop, (signal) => judgeOurs(call, start, signal));
  }
  if (start !== undefined) await looking(stop, (signal) => refuseMissing(archiveCommand, start, signal));
  return {
    message: 'archive_command does not call archiveWALFile',
    detail: `It is: ${archiveCommand}`,
    hint: `That is right only if it brings each segment to ${url}.`,
  };
}
