// twowarm receive: the far end of an ssh: road. sshd starts it, as the forced command of a key or because the client asks
// for it; it serves one connection on its standard input and output.
import { existsSync, fstatSync, statSync } from 'node:fs';
import { Socket } from 'node:net';
import { normalize } from 'node:path';
import type { Command, ProgramCall } from '../program/command.ts';
import { noteLongCall } from '../program/leave.ts';
import { installedAt } from '../program/installed-at.ts';
import { becomeOwnerOf } from '../program/privileges.ts';
import { ProgramError } from '../program/program-error.ts';
import { shellWord } from '../program/shell-word.ts';
import { refuseDataDirectory } from '../transport/data-directory.ts';
import { keyOptions, readPublicKey, receiverCommand } from '../transport/receiver/authorized-keys-line.ts';
import { serve } from '../transport/receiver/serve.ts';
import type { Terms } from '../transport/receiver/terms.ts';
import { connectionOver } from '../transport/wire/connection.ts';
import { readReceiverWords, receiveArguments, receiveOptions } from './options.ts';

function termsOf({ options }: ProgramCall): Terms {
  const { directory } = options;
  if (typeof directory !== 'string' || !directory.startsWith('/')) {
    throw new ProgramError('usage', 'twowarm receive needs --directory and an absolute path');
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

async function printLine(call: ProgramCall, terms: Terms): Promise<void> {
  await refuseDataDirectory(terms.directory);
  await warnOf(terms.directory, call);
  const command = keyOptions(receiverCommand(terms, installedAt()));
  const [file] = call.positionals;
  call.voice.answer(`${command} ${file === undefined ? 'PUBLIC-KEY' : readPublicKey(file)}\n`);
  if (file === undefined)
    await call.voice.report('LOG', { message: 'put the public key in the place of PUBLIC-KEY' });
}

/** Whether somebody can be at the other end: neither a terminal nor a file. */
function isConversation(descriptor: number): boolean {
  const stats = fstatSync(descriptor);
  return stats.isFIFO() || stats.isSocket();
}

/** Ends when what was written has left this process. */
const flushed = (output: Socket): Promise<void> =>
  new Promise((resolve) => {
    output.on('close', () => resolve());
    output.end(() => resolve());
  });

async function run(call: ProgramCall): Promise<number> {
  const terms = termsOf(call);
  if (call.options['authorized-keys-line'] === true) {
    await printLine(call, terms);
    return 0;
  }
  if (![0, 1].every(isConversation)) {
    throw new ProgramError(
      'usage',
      'twowarm receive is started by sshd: it talks to a client by pipes or a socket',
      {
        hint: 'With --authorized-keys-line it prints the line that has sshd start it.',
      },
    );
  }
  // Where it is missing the client is told so.
  if (process.geteuid?.() === 0 && existsSync(terms.directory)) becomeOwnerOf(terms.directory);
  noteLongCall();
  // Not process.stdout: writing to a pipe it would hold up everything until the client reads.
  const output = new Socket({ fd: 1, readable: false, writable: true });
  const input = new Socket({ fd: 0, readable: true, writable: false });
  try {
    await serve(connectionOver(input, output), terms, call.stop);
  } finally {
    await flushed(output);
    input.destroy();
  }
  return 0;
}

export const command: Command = {
  name: 'twowarm receive',
  summary: 'Receives files into an archive of this machine; started by sshd for another node.',
  positionals: receiveArguments,
  options: receiveOptions,
  readWords: readReceiverWords,
  stopSignals: ['SIGTERM', 'SIGINT', 'SIGHUP'],
  notes: [
    'A client can add files that are not there, compare, and, with --allow-read, fetch them. Nothing is ever replaced or removed.',
    'It can also claim the archive for its node, as triggerStandby and twowarm claim do: with --take-over also from another',
    'node, which is refused from then on, and segments past a fork move into quarantine (twowarm conflicts).',
    '',
  ],
  run,
};
