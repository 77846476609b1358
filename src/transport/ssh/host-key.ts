// Is the server the one that it should be? The check that a client makes before it says anything, against known_hosts
// files. There is no way to switch it off. The words of a refusal are host-key-faults.ts.
import type { ProgramError } from '../../program/program-error.ts';
import { hostKeyFault } from './host-key-faults.ts';
import { defaultKnownHostsFiles, readKnownHosts } from './known-hosts-files.ts';
import { judgeHostKey, keyTypesOf, type Server } from './known-hosts.ts';

export interface HostKeyCheck {
  /**
   * The server host key algorithms that the client should name first, so that a server with several keys shows one that
   * is recorded; empty where none is. RSA is only ever asked for with SHA-2 (RFC 8332).
   */
  readonly algorithms: readonly string[];
  /** Judges the key that the server shows (its bytes on the wire). Undefined: it is the server. Else: do not connect. */
  verify(key: Buffer): ProgramError | undefined;
}

/**
 * Reads the files once: the given ones in order, else those of the effective user and of the machine. The first one is
 * where a hint records a new key. Throws `permission-denied` or `input-output` when one of them cannot be read.
 */
export function hostKeyCheck(
  server: Server,
  files: readonly string[] = defaultKnownHostsFiles(),
): HostKeyCheck {
  const known = readKnownHosts(files);
  return {
    algorithms: keyTypesOf(known, server).flatMap(algorithmsOf),
    verify: (key) => {
      const answer = judgeHostKey(known, server, key);
      if (answer.state === 'known') return undefined;
      return hostKeyFault({ server, key, answer, recordIn: files[0] ?? defaultKnownHostsFiles()[0]!, known });
    },
  };
}

/** Of hardware keys and DSA no server has its host key. */
function algorithmsOf(keyType: string): string[] {
  if (keyType === 'ssh-rsa') return ['rsa-sha2-512', 'rsa-sha2-256'];
  return keyType === 'ssh-ed25519' || keyType.startsWith('ecdsa-sha2-nistp') ? [keyType] : [];
}
