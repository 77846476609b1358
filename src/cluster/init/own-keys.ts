// The keys that this node logs in with elsewhere: two, because archiving and base backups need different rights over there.
// One that is there is used as it is, and never written over.
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { exec, plainEnvironment } from '../../program/exec.ts';
import { fromSystemError, ProgramError } from '../../program/program-error.ts';

export interface KeyPaths {
  archiving: string;
  copying: string;
}

/** Of the user that this process acts as: the server's. */
export function keyPaths(): KeyPaths {
  const directory = join(userInfo().homedir, '.ssh');
  return { archiving: join(directory, 'twowarm_ed25519'), copying: join(directory, 'twowarm_copy_ed25519') };
}

/** Makes the key pair unless it is there; whether it made it. Without a passphrase, because nobody is there to type one. */
export async function makeKey(path: string, comment: string, signal: AbortSignal): Promise<boolean> {
  if (existsSync(path)) return false;
  try {
    mkdirSync(join(path, '..'), { mode: 0o700, recursive: true });
  } catch (error) {
    throw fromSystemError(error, `could not create the directory ${join(path, '..')}`);
  }
  const words = ['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', path];
  const { code, stdout, stderr } = await exec('ssh-keygen', words, {
    signal,
    environment: plainEnvironment(process.env),
  });
  if (code === 0) {
    // The umask of this process would keep the public half from those who are to put it elsewhere.
    chmodSync(`${path}.pub`, 0o644);
    return true;
  }
  throw new ProgramError('ssh-key', `could not make the key ${path}: ssh-keygen failed`, {
    detail: `${stderr}${stdout}`.trim().replaceAll('\n', ' ') || undefined,
  });
}
