// Is the server the one that it should be? The check that a client makes before it says anything, against known_hosts
// files. There is no way to switch it off. The words of a refusal are host-key-faults.ts.
import type { ProgramError } from '../../program/program-error.ts';
import { hostKeyFault, shortKeyFault } from './host-key-faults.ts';
import { defaultKnownHostsFiles, readKnownHosts } from './known-hosts-files.ts';
import { judgeHostKey, keyTypesOf, type Server } from './known-hosts.ts';
import { rsaBitsOf } from './public-key.ts';

export interface HostKeyCheck {
  /**
   * The server host key algorithms that the client should name first, so that a server with several keys shows one that
   * is recorded; empty where none is. RSA is only ever asked for with SHA-2 (RFC 8332).
   */
  readonly algorithms: readonly string[];
  /** Judges the key that the server shows (its bytes on the wire). Undefined: it is the server. Else: do not connect. */
  verify(key: Buffer): ProgramError | undefined;
}

/** What ssh_config adds to a check. */
export interface Circumstances {
  /** How the server is reached, and what is known of it by which lines; sentences for a refusal. */
  notes?: readonly string[];
  /** The command of a hint that asks the server for its key runs there: `ssh bastion`. */
  askedFrom?: string | undefined;
  /** RequiredRSASize. */
  leastRsaBits?: { bits: number; from: string } | undefined;
}

/**
 * Reads the files once: the given ones in order, else those of the effective user and of the machine. The first one is
 * where a hint records a new key. Throws `permission-denied` or `input-output` when one of them cannot be read.
 */
export function hostKeyCheck(
  server: Server,
  files: readonly string[] = defaultKnownHostsFiles(),
  { notes = [], askedFrom, leastRsaBits }: Circumstances = {},
): HostKeyCheck {
  const known = readKnownHosts(files);
  // /dev/null, as people write it for "none", keeps nothing.
  const recordIn = files.find((file) => file !== '/dev/null') ?? defaultKnownHostsFiles()[0]!;
  return {
    algorithms: keyTypesOf(known, server).flatMap(algorithmsOf),
    verify: (key) => {
      const answer = judgeHostKey(known, server, key);
      if (answer.state !== 'known')
        return hostKeyFault({ server, key, answer, recordIn, known, notes, askedFrom });
      const bits = rsaBitsOf(key);
      if (leastRsaBits === undefined || bits === undefined || bits >= leastRsaBits.bits) return undefined;
      return shortKeyFault({ server, key, notes }, { ...leastRsaBits, found: bits });
    },
  };
}

/** Of hardware keys and DSA no server has its host key. */
function algorithmsOf(keyType: string): string[] {
  if (keyType === 'ssh-rsa') return ['rsa-sha2-512', 'rsa-sha2-256'];
  return keyType === 'ssh-ed25519' || keyType.startsWith('ecdsa-sha2-nistp') ? [keyType] : [];
}
