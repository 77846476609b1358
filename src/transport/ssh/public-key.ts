// SSH public keys as bytes: the type, whether the structure is that type's, and the fingerprint as ssh-keygen prints
// it. Pure; no mathematics: whether a key is a good one is the library's business.
import { createHash } from 'node:crypto';

/**
 * Key types that OpenSSH knows and their number of fields after the type (RFC 4253 6.6, RFC 5656 3.1, RFC 8709 4,
 * PROTOCOL.u2f). The name in capitals is what ssh-keygen and people call it.
 */
const types: Record<string, { fields: number; name: string }> = {
  'ssh-ed25519': { fields: 1, name: 'ED25519' },
  'ecdsa-sha2-nistp256': { fields: 2, name: 'ECDSA' },
  'ecdsa-sha2-nistp384': { fields: 2, name: 'ECDSA' },
  'ecdsa-sha2-nistp521': { fields: 2, name: 'ECDSA' },
  'ssh-rsa': { fields: 2, name: 'RSA' },
  'ssh-dss': { fields: 4, name: 'DSA' },
  'sk-ssh-ed25519@openssh.com': { fields: 2, name: 'ED25519-SK' },
  'sk-ecdsa-sha2-nistp256@openssh.com': { fields: 3, name: 'ECDSA-SK' },
};

/** The fields of a key: each one a length of 4 bytes and as many bytes. Undefined if that does not come out even. */
function fieldsOf(key: Buffer): Buffer[] | undefined {
  const fields: Buffer[] = [];
  for (let at = 0; at < key.length;) {
    if (at + 4 > key.length) return undefined;
    const end = at + 4 + key.readUInt32BE(at);
    if (end > key.length) return undefined;
    fields.push(key.subarray(at + 4, end));
    at = end;
  }
  return fields;
}

/** The type that the bytes name ('ssh-ed25519'), or undefined for what is not a public key of a known type. */
export function keyTypeOf(key: Buffer): string | undefined {
  const fields = fieldsOf(key);
  const type = fields?.[0]?.toString('latin1') ?? '';
  const known = Object.hasOwn(types, type) ? types[type] : undefined;
  return known !== undefined && known.fields === fields!.length - 1 ? type : undefined;
}

/** 'ED25519' for 'ssh-ed25519'; a type that is not known stays as it is. */
export const nameOfType = (type: string): string => (Object.hasOwn(types, type) ? types[type]!.name : type);

/** 'SHA256:…' as ssh-keygen -lf prints it. */
export function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** How long the modulus of an RSA key is, in bits; undefined for other keys. */
export function rsaBitsOf(key: Buffer): number | undefined {
  const modulus = keyTypeOf(key) === 'ssh-rsa' ? fieldsOf(key)?.[2] : undefined;
  if (modulus === undefined) return undefined;
  const first = modulus.findIndex((byte) => byte !== 0);
  return first < 0 ? 0 : (modulus.length - first) * 8 - (Math.clz32(modulus[first]!) - 24);
}
