// Keys for the tests of the ssh road, made by the real ssh-keygen as the server user.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { run } from './run.ts';
import type { Sandbox } from './sandbox.ts';

export type SshKeyType = 'ed25519' | 'ecdsa' | 'rsa';

export interface SshKey {
  /** The private key; the public one is beside it as `<path>.pub`. */
  path: string;
  /** 'ssh-ed25519 AAAA… comment', without a line feed. */
  publicLine: string;
}

/** Makes a key pair at a name in the sandbox, mode 0600. Throws when ssh-keygen refuses. */
export async function makeSshKey(
  sandbox: Sandbox,
  name: string,
  { type = 'ed25519', passphrase = '' }: { type?: SshKeyType; passphrase?: string } = {},
): Promise<SshKey> {
  const path = join(sandbox.path, name);
  sandbox.directory(join(name, '..'));
  const size = { ed25519: [], ecdsa: ['-b', '256'], rsa: ['-b', '2048'] }[type];
  await keygen(['-q', '-t', type, ...size, '-N', passphrase, '-C', 'twowarm-test', '-f', path]);
  return { path, publicLine: readFileSync(`${path}.pub`, 'utf8').trim() };
}

/** Runs ssh-keygen as the server user and returns what it prints. Throws when it fails. */
export async function keygen(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run('ssh-keygen', args);
  if (code !== 0) throw new Error(`ssh-keygen ${args.join(' ')} failed: ${stderr || stdout}`);
  return stdout;
}
