// Lists of algorithms in ssh_config: Ciphers, MACs and so on, with +, - and ^ before them (ssh_config(5), Ciphers). They
// choose among what twowarm has; nothing weaker comes in by them. Pure.
import { matchList } from '../host-pattern.ts';

/** What twowarm has of each kind, its own preference first. */
export const ours = {
  kex: [
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'ecdh-sha2-nistp256',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
    'diffie-hellman-group-exchange-sha256',
    'diffie-hellman-group14-sha256',
    'diffie-hellman-group15-sha512',
    'diffie-hellman-group16-sha512',
    'diffie-hellman-group17-sha512',
    'diffie-hellman-group18-sha512',
  ],
  cipher: [
    'aes128-gcm@openssh.com',
    'aes256-gcm@openssh.com',
    'aes128-ctr',
    'aes192-ctr',
    'aes256-ctr',
    'chacha20-poly1305@openssh.com',
  ],
  hmac: [
    'hmac-sha2-256-etm@openssh.com',
    'hmac-sha2-512-etm@openssh.com',
    'hmac-sha1-etm@openssh.com',
    'hmac-sha2-256',
    'hmac-sha2-512',
    'hmac-sha1',
  ],
  serverHostKey: [
    'ssh-ed25519',
    'ecdsa-sha2-nistp256',
    'ecdsa-sha2-nistp384',
    'ecdsa-sha2-nistp521',
    'rsa-sha2-512',
    'rsa-sha2-256',
  ],
} as const;

/** Those of `all` that the list leaves, in its order; none where twowarm has none of them. */
export function chooseAlgorithms(list: string, all: readonly string[]): string[] {
  const sign = /^[-+^]/.exec(list)?.[0];
  const names = list.slice(sign?.length ?? 0);
  // What is added to the default is none of ours, or there already.
  if (sign === '+') return [...all];
  if (sign === '-') return all.filter((name) => !matchList(names, name));
  const named = names.split(',').flatMap((pattern) => all.filter((name) => matchList(pattern, name)));
  return [...new Set(sign === '^' ? [...named, ...all] : named)];
}
