// Who logs in where, and with which key: for refusals that authorized_keys on the far side decides.
import { ProgramError } from '../../program/program-error.ts';
import type { Target } from '../ssh.ts';
import { fingerprintOf } from './public-key.ts';

/** 'the key /home/postgres/.ssh/id_ed25519 (SHA256:…)'; without the fingerprint where the key does not tell its public part. */
export const keyWords = (path: string, publicKey: Buffer | undefined): string =>
  publicKey === undefined ? `the key ${path}` : `the key ${path} (${fingerprintOf(publicKey)})`;

/** The sentence; `key` as keyWords says it. */
export const loginWords = ({ user, host }: Pick<Target, 'user' | 'host'>, key: string): string =>
  `This node logs in as ${user} on ${host} with ${key}.`;

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
