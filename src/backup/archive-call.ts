// What archive_command calls, before anything is waited for: a program that cannot be run archives nothing, and PostgreSQL
// does not count it as a failure (exit codes above 125). Whether segments really arrive is archiving.ts.
import { askVersion, type Start } from '../postgres/ask-version.ts';
import { readCall, type Call } from '../postgres/command-calls.ts';
import { readCommandLine } from '../postgres/command-line.ts';
import { readPostmaster } from '../postgres/postmaster-file.ts';
import { environmentOf } from '../postgres/server-environment.ts';
import { exec } from '../program/exec.ts';
import { settingLine } from '../program/installation.ts';
import type { Report } from '../program/print-error.ts';
import { ProgramError } from '../program/program-error.ts';
import { shellWord } from '../program/shell-word.ts';

const assignment = /^[A-Za-z_][A-Za-z0-9_]*=/;

const cannotRun = (program: string, why: string, said: string): ProgramError =>
  new ProgramError('archiving-unproven', `archive_command cannot run ${program}: ${why}`, {
    detail: said === '' ? undefined : `It says: ${said}`,
    hint: `Install it there, or correct the path. In postgresql.conf: ${settingLine('archive_command', 'archiveWALFile', '%p %f')}`,
  });

/** The program of a command that is no more than one call. */
function onlyProgramOf(text: string): string | undefined {
  const pieces = readCommandLine(text) ?? [];
  if (pieces.some((piece) => 'operator' in piece)) return undefined;
  const words = pieces.flatMap((piece) => ('word' in piece && !assignment.test(piece.word) ? [piece] : []));
  return words[0]?.isPlain === true ? words[0].word.replaceAll('%%', '%') : undefined;
}

async function judgeOurs(call: Call, start: Start, signal: AbortSignal): Promise<Report | undefined> {
  const environment = { ...start.environment, ...call.environment };
  const { code, said, version } = await askVersion(call, { ...start, environment }, signal);
  if (code !== 0) throw cannotRun(call.program, `exit code ${code ?? 'none'}`, said);
  if (version !== undefined) return undefined;
  return { message: `archive_command calls another ${call.name} than twowarm's: ${call.program}` };
}

async function judgeForeign(text: string, url: string, start: Start, signal: AbortSignal): Promise<Report> {
  const program = onlyProgramOf(text);
  if (program !== undefined) {
    const line = `command -v -- ${shellWord(program)}`;
    const { code } = await exec('/bin/sh', ['-c', line], { signal, ...start });
    if (code !== 0) throw cannotRun(program, 'there is no such program', '');
  }
  return {
    message: 'archive_command does not call archiveWALFile',
    detail: `It is: ${text}`,
    hint: `That is right only if it brings each segment to ${url}.`,
  };
}

/**
 * Throws `archiving-unproven` where the program of archive_command cannot be run as the server runs it. A warning for one that
 * is not ours, which may be right. `archiveLibrary`: with one the command is not called.
 */
export async function judgeArchiveCommand(
  { archiveCommand, archiveLibrary }: { archiveCommand: string; archiveLibrary: string },
  dataDirectory: string,
  url: string,
  signal: AbortSignal,
): Promise<Report | undefined> {
  if (archiveLibrary !== '') return undefined;
  const postmaster = readPostmaster(dataDirectory);
  const environment = (postmaster && environmentOf(postmaster.pid)) ?? {};
  const start: Start = { environment, workingDirectory: dataDirectory };
  const reading = readCall(archiveCommand, ['archiveWALFile']);
  return reading.kind === 'call'
    ? judgeOurs(reading.call, start, signal)
    : judgeForeign(archiveCommand, url, start, signal);
}
