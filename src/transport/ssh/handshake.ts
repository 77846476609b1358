// Which algorithms a connection is made with, as ssh2 takes them: the fastest first, nothing weak; what ssh_config
// chooses among them goes before that.
import type { Target } from './login-target.ts';

/** The fastest key exchange and cipher first: a handshake with a group of primes takes 60 ms more. */
const byDefault = {
  kex: {
    prepend: ['curve25519-sha256', 'curve25519-sha256@libssh.org'],
    append: [],
    remove: [
      'diffie-hellman-group1-sha1',
      'diffie-hellman-group14-sha1',
      'diffie-hellman-group-exchange-sha1',
    ],
  },
  cipher: {
    prepend: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'],
    append: [],
    remove: ['3des-cbc', 'aes128-cbc', 'aes192-cbc', 'aes256-cbc'],
  },
  // What travels is compressed already.
  compress: ['none'],
};

/** The library's own type has no lists without a change to them. */
export function handshakeAlgorithms({ algorithms = {}, hostKeyAlgorithms }: Target): object {
  const { serverHostKey: allowed, ...chosen } = algorithms;
  const known = hostKeyAlgorithms.filter((name) => allowed?.includes(name) !== false);
  const hostKeys =
    allowed !== undefined
      ? [...new Set([...known, ...allowed])]
      : known.length > 0 && { prepend: known, append: [], remove: [] };
  return { ...byDefault, ...chosen, ...(hostKeys && { serverHostKey: hostKeys }) };
}
