// Why ssh_config cannot be followed, in words: which line of which file, for which host, and what to do.
import { ProgramError } from '../../../program/program-error.ts';
import { shellWord } from '../../../program/shell-word.ts';
import { effectiveAccount } from '../known-hosts-files.ts';
import type { Place } from '../known-hosts.ts';

export const placeWords = ({ file, line }: Place): string => `line ${line} of ${file}`;

const otherFile = `Or let ssh.config_file of twowarm.toml name another file; 'none' reads no ssh_config.`;

/** A keyword, or a value of one, that twowarm does not have. `cure` is a sentence. */
export const notSupported = (
  what: string,
  why: string,
  { at, host, cure }: { at: Place; host: string; cure?: string },
): ProgramError =>
  new ProgramError('not-built', `cannot follow ${placeWords(at)}: ${what} is not supported: ${why}`, {
    detail: `It applies to the host ${host}.`,
    hint: `${cure ?? `Give ${host} a section of its own that does without it.`} ${otherFile}`,
  });

/** A line that ssh would not take either. `wrong` is the end of "line 3 of … ". */
export const wrongLine = (at: Place, wrong: string, host: string): ProgramError =>
  new ProgramError('settings', `cannot read ${placeWords(at)}: ${wrong}`, {
    detail: `It is read to connect to the host ${host}.`,
    hint: `Correct the line; ssh -G ${shellWord(host)} says what ssh makes of it. ${otherFile}`,
  });

export const unknownKeyword = (written: string, at: Place, host: string): ProgramError =>
  new ProgramError('settings', `cannot read ${placeWords(at)}: nobody knows the keyword "${written}"`, {
    detail: `It applies to the host ${host}.`,
    hint: `Correct the line, or put before it: IgnoreUnknown ${written}. ${otherFile}`,
  });

/** Whoever may write there can say where WAL goes. */
export function badOwner(path: string, { uid, mode }: { uid: number; mode: number }): ProgramError {
  const { name } = effectiveAccount();
  const isOthers = uid !== 0 && uid !== process.geteuid?.();
  const found = isOthers ? `it belongs to user ${uid}` : 'others may write it';
  return new ProgramError('settings', `will not use the ssh configuration ${path}: ${found}`, {
    detail: `Its mode is 0${(mode & 0o777).toString(8)}. ssh does not use such a file, either.`,
    hint: isOthers ? `It must belong to ${name} or to root.` : `chmod go-w ${shellWord(path)}`,
  });
}
