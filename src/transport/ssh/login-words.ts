// Who logs in where, and with which key: for refusals that authorized_keys on the far side decides.
import { ProgramError } from '../../program/program-error.ts';
import type { Target } from './login-target.ts';
import { fingerprintOf } from './public-key.ts';

/**
 * 'the key /home/postgres/.ssh/id_ed25519 (SHA256:…)', or '(SHA256:…, line 3 of …)' where ssh_config names it; without the
 * fingerprint where the key does not tell its public part.
 */
export function keyWords(path: string, publicKey: Buffer | undefined, from?: string): string {
  const known = [
    ...(publicKey === undefined ? [] : [fingerprintOf(publicKey)]),
    ...(from === undefined ? [] : [from]),
  ];
  return known.length === 0 ? `the key ${path}` : `the key ${path} (${known.join(', ')})`;
}

/** The sentence, and those on what ssh_config says; `key` as keyWords says it. */
export const loginWords = (
  { user, host, notes }: Pick<Target, 'user' | 'host' | 'notes'>,
  key: string,
): string => [`This node logs in as ${user} on ${host} with ${key}.`, ...(notes ?? [])].join(' ');

/** What the line of a key does not allow says which key that is, and whose line. */
export function namingLogin(error: unknown, login: (() => string) | undefined): unknown {
  if (login === undefined || !(error instanceof ProgramError) || error.kind !== 'not-allowed') return error;
  const { kind, message, detail, hint } = error;
  const sentence = login();
  return new ProgramError(kind, message, {
    detail: detail === undefined ? sentence : `${detail} ${sentence}`,
    hint,
    cause: error,
  });
}
