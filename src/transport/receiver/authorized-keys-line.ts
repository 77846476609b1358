// The line of authorized_keys that makes a key good for one receiver and nothing else (sshd(8), "AUTHORIZED_KEYS FILE
// FORMAT"): sshd then runs this command whatever the client asks for.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromSystemError, ProgramError } from '../../program/program-error.ts';
import { shellWord } from '../../program/shell-word.ts';
import type { Terms } from './terms.ts';

/** The command of the receiver of the installation in `root`, as a shell reads it. */
export function receiverCommand({ directory, mayRead }: Terms, root: string): string {
  const words = [join(root, 'bin', 'twowarm'), 'receive', '--directory', directory];
  return [...words, ...(mayRead ? ['--allow-read'] : [])].map(shellWord).join(' ');
}

/** sshd ends the option at a quote that has no backslash before it. */
export const keyOptions = (command: string): string =>
  `restrict,command="${command.replaceAll('"', String.raw`\"`)}"`;

/** A public key is one line: type, base64, comment. */
export function readPublicKey(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw fromSystemError(error, `could not read the public key ${path}`);
  }
  if (/^(ssh-|ecdsa-|sk-)[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}( [^\n]*)?$/.test(text)) return text;
  throw new ProgramError('usage', `${path} is not a public key`, {
    hint: 'ssh-keygen -t ed25519 makes two files; the public one ends in .pub.',
  });
}
