// twowarm receive: the far end of an ssh: road. sshd starts it, as the forced command of a key or because the client asks
// for it; it serves one connection on its standard input and output. What serves base backups is loaded for them only.
import { existsSync, statSync } from 'node:fs';
import { normalize } from 'node:path';
import type { Command, ProgramCall } from '../program/command.ts';
import { noteLongCall } from '../program/leave.ts';
import { installedAt } from '../program/installed-at.ts';
import { becomeOwnerOf } from '../program/privileges.ts';
import { ProgramError } from '../program/program-error.ts';
import { shellWord } from '../program/shell-word.ts';
import { refuseDataDirectory } from '../transport/data-directory.ts';
import { keyOptions, readPublicKey, receiverCommand } from '../transport/receiver/authorized-keys-line.ts';
import { archiveSide } from '../transport/receiver/serve.ts';
import type { Terms } from '../transport/receiver/terms.ts';
import { requireClient, serveClient } from './connection.ts';
import { readReceiverWords, receiveArguments, receiveOptions } from './options.ts';

function termsOf({ options }: ProgramCall): Terms {
  const { directory } = options;
  if (options.allow !== undefined)
    throw new ProgramError('usage', '--allow is for --data-directory: an archive has one directory');
  if (typeof directory !== 'string' || !directory.startsWith('/')) {
    throw new ProgramError(
      'usage',
      'twowarm receive needs --directory, or --data-directory, and an absolute path',
    );
  }
  return {
    directory: normalize(directory).replace(/(?<=.)\/+$/, ''),
    mayRead: options['allow-read'] === true,
  };
}

/** What a client would only be told when it comes, or never. */
async function warnOf(directory: string, { voice }: ProgramCall): Promise<void> {
  const stats = statSync(directory, { throwIfNoEntry: false });
  if (stats?.isDirectory() !== true) {
    return voice.report('WARNING', {
      message: `the archive directory ${directory} ${stats === undefined ? 'does not exist' : 'is not a directory'}`,
      hint: 'No program creates it: make it with mode 0700 as the user that the line is for.',
    });
  }
  if ((stats.mode & 0o002) === 0) return;
  return voice.report('WARNING', {
    message: `anybody on this machine may write to the archive directory ${directory}`,
    detail: `Its mode is 0${(stats.mode & 0o7777).toString(8)}. Whoever writes WAL there changes the servers that restore it.`,
    hint: `chmod 700 ${shellWord(directory)}`,
  });
}

async function printLine(call: ProgramCall, command: string): Promise<void> {
  const [file] = call.positionals;
  call.voice.answer(`${keyOptions(command)} ${file === undefined ? 'PUBLIC-KEY' : readPublicKey(file)}\n`);
  if (file === undefined)
    await call.voice.report('LOG', { message: 'put the public key in the place of PUBLIC-KEY' });
}

async function receiveForArchive(call: ProgramCall): Promise<void> {
  const terms = termsOf(call);
  if (call.options['authorized-keys-line'] === true) {
    await refuseDataDirectory(terms.directory);
    await warnOf(terms.directory, call);
    return printLine(call, receiverCommand(terms, installedAt()));
  }
  requireClient();
  // Where it is missing the client is told so.
  if (process.geteuid?.() === 0 && existsSync(terms.directory)) becomeOwnerOf(terms.directory);
  noteLongCall();
  const side = archiveSide(terms, {
    'hello-copy': async (request) => {
      const { refuseCopy } = await import('../copying/serve/wrong-key.ts');
      return refuseCopy(request, terms.directory);
    },
  });
  await serveClient(side, call.stop);
}

async function receiveCopies(call: ProgramCall): Promise<void> {
  const { readCopyTerms, copyLine, becomeOwnerOfTarget, reserveThreadsForFiles } =
    await import('../copying/serve/terms.ts');
  reserveThreadsForFiles();
  const terms = readCopyTerms(call.options);
  if (call.options['authorized-keys-line'] === true)
    return printLine(call, await copyLine(terms, call.voice));
  requireClient();
  becomeOwnerOfTarget(terms);
  noteLongCall();
  const { copySide } = await import('../copying/serve/copy-side.ts');
  await serveClient(copySide(terms), call.stop);
}

async function run(call: ProgramCall): Promise<number> {
  if (call.options['data-directory'] === undefined) await receiveForArchive(call);
  else await receiveCopies(call);
  return 0;
}

export const command: Command = {
  name: 'twowarm receive',
  summary:
    'Receives files of another node, into an archive or a data directory of this machine; started by sshd.',
  positionals: receiveArguments,
  options: receiveOptions,
  readWords: readReceiverWords,
  stopSignals: ['SIGTERM', 'SIGINT', 'SIGHUP'],
  notes: [
    'With --directory a client can add files that are not there, compare, and, with --allow-read, fetch them. Nothing is ever',
    'replaced or removed. It can also claim the archive for its node, as triggerStandby and twowarm claim do: with --take-over',
    'also from another node, which is refused from then on, and segments past a fork move into quarantine (twowarm conflicts).',
    '',
    'With --data-directory a client can replace the whole data directory by a base backup, unless a server runs there or it is of',
    'another cluster; nothing outside of it but what --allow names. The configuration of the server is part of it: whoever has',
    'this key can have commands run as the user of that server. It is another right than an archive needs, so it has a key',
    'of its own, which the primary names in ssh.copy_identity_files. Of a new standby, run there:',
    '    twowarm receive --data-directory DIR --authorized-keys-line KEY.pub >> ~/.ssh/authorized_keys',
    'As root the receiver acts as the owner of the directory, or, where it is missing, of its parent.',
    '',
  ],
  run,
};
