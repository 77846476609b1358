// What a receiver for a data directory was started for. A forced command in authorized_keys fixes it: whoever has the key gets
// no more.
import { existsSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import type { ProgramCall, Voice } from '../../program/command.ts';
import { installedAt } from '../../program/installed-at.ts';
import { becomeOwnerOf } from '../../program/privileges.ts';
import { ProgramError } from '../../program/program-error.ts';
import { shellWord } from '../../program/shell-word.ts';
import { reserveThreads } from '../../program/threads.ts';

/** As many as a copy has under way by default, and as many again for all other calls. */
const filesAtOnce = 16;

export interface CopyTerms {
  /** The data directory, absolute; a client must name the same one. */
  directory: string;
  /** Where tablespaces and pg_wal may be, besides: these directories and what is below them. */
  allowed: readonly string[];
}

const plain = (path: string): string => normalize(path).replace(/(?<=.)\/+$/, '');

const usage = (message: string): ProgramError => new ProgramError('usage', message);

function directoryOf(value: ProgramCall['options'][string]): string {
  if (typeof value !== 'string' || !value.startsWith('/'))
    throw usage('--data-directory needs an absolute path');
  const directory = plain(value);
  if (directory === '/') throw usage('the root directory cannot be a data directory');
  return directory;
}

function allowedOf(value: ProgramCall['options'][string]): string[] {
  if (value === undefined) return [];
  const paths = typeof value === 'string' ? value.split(':') : [''];
  if (!paths.every((path) => path.startsWith('/')))
    throw usage('--allow needs absolute paths with a colon between them');
  return paths.map(plain);
}

/** From the options of twowarm receive; `usage` for what does not go together. */
export function readCopyTerms(options: ProgramCall['options']): CopyTerms {
  for (const name of ['directory', 'allow-read'])
    if (options[name] !== undefined && options[name] !== false)
      throw usage(`--data-directory and --${name} exclude each other`);
  return { directory: directoryOf(options['data-directory']), allowed: allowedOf(options.allow) };
}

/** The command of the receiver of this installation, as a shell reads it. */
export function copyReceiverCommand({ directory, allowed }: CopyTerms): string {
  const words = [join(installedAt(), 'bin', 'twowarm'), 'receive', '--data-directory', directory];
  return [...words, ...(allowed.length === 0 ? [] : ['--allow', allowed.join(':')])].map(shellWord).join(' ');
}

/** The same for a line of authorized_keys; says what a client would only be told when it comes. */
export async function copyLine(terms: CopyTerms, voice: Voice): Promise<string> {
  const missing = [dirname(terms.directory), ...terms.allowed].filter((path) => !existsSync(path));
  for (const path of missing)
    await voice.report('WARNING', {
      message: `the directory ${path} does not exist`,
      hint: 'A base backup makes the data directory and the locations of tablespaces, but nothing above them.',
    });
  return copyReceiverCommand(terms);
}

/** Files wait for the disk when they end, each on a thread: the others need some of their own. To be said before the first call. */
export const reserveThreadsForFiles = (): void => reserveThreads(filesAtOnce / 4);

/** What root has written no server could use. */
export function becomeOwnerOfTarget({ directory }: CopyTerms): void {
  const place = [directory, dirname(directory)].find((each) => statSync(each, { throwIfNoEntry: false }));
  // Where not even that is there the client is told so.
  if (place !== undefined) becomeOwnerOf(place);
}
