// What a file that should hold a private key holds, from its header: enough to say why it is of no use before anybody
// is asked to log in with it. Pure; decoding the key itself is the library's business.
import { decodeBase64 } from './base64.ts';
import { keyTypeOf } from './public-key.ts';

/** `unusable` says why as the end of "cannot use the key …: it …", and what cures it. */
export type KeyFile = { state: 'usable' } | { state: 'encrypted' } | Unusable;

interface Unusable {
  state: 'unusable';
  reason: string;
  cure: 'private-key' | 'convert' | 'another-key';
}

const unusable = (reason: string, cure: Unusable['cure']): Unusable => ({ state: 'unusable', reason, cure });
const damaged = unusable('is damaged', 'another-key');

/** Judges the text of a key file (latin1). */
export function inspectPrivateKey(text: string): KeyFile {
  if (/^\s*(ssh-|ecdsa-|sk-)\S+ /.test(text) || text.includes('-----BEGIN SSH2 PUBLIC KEY-----'))
    return unusable('is a public key', 'private-key');
  const [, label, body] = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----\r?\n(.*?)-----END \1-----/s.exec(text) ?? [];
  if (label === undefined) {
    return /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)
      ? damaged
      : unusable('is not a private key in a format of OpenSSH', 'another-key');
  }
  if (label === 'OPENSSH PRIVATE KEY') return inspectOpenSsh(body!.replace(/\s+/g, ''));
  if (label === 'ENCRYPTED PRIVATE KEY') return { state: 'encrypted' };
  if (label === 'PRIVATE KEY') return unusable('is in the format PKCS8', 'convert');
  return /^Proc-Type: 4,ENCRYPTED\b/m.test(body!) ? { state: 'encrypted' } : { state: 'usable' };
}

const magic = Buffer.from('openssh-key-v1\0', 'latin1');

interface OpenSshKey {
  cipher: string;
  publicKey: Buffer;
}

/** PROTOCOL.key: magic, cipher, key derivation and its options, number of keys, the public key, the private part. */
function readOpenSsh(encoded: string): OpenSshKey | undefined {
  const bytes = decodeBase64(encoded);
  if (bytes === undefined || !bytes.subarray(0, magic.length).equals(magic)) return undefined;
  let at = magic.length;
  const next = (): Buffer | undefined => {
    if (at + 4 > bytes.length) return undefined;
    const begin = at + 4;
    at = begin + bytes.readUInt32BE(at);
    return at > bytes.length ? undefined : bytes.subarray(begin, at);
  };
  const [cipher, derivation, options] = [next(), next(), next()];
  at += 4;
  const [publicKey, privatePart] = [next(), next()];
  if (!cipher || !derivation || !options || !publicKey || !privatePart) return undefined;
  return { cipher: cipher.toString('latin1'), publicKey };
}

/**
 * The public key (its bytes on the wire) that the text of a key file tells without a passphrase: of a public key, or of
 * a private one in OpenSSH's own format.
 */
export function publicPartOf(text: string): Buffer | undefined {
  const [, type, encoded] = /^\s*((?:ssh|ecdsa|sk)-\S+)\s+([A-Za-z0-9+/=]+)/.exec(text) ?? [];
  if (encoded !== undefined) {
    const key = decodeBase64(encoded);
    return key !== undefined && keyTypeOf(key) === type ? key : undefined;
  }
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----(.*?)-----END/s.exec(text)?.[1];
  return body === undefined ? undefined : readOpenSsh(body.replace(/\s+/g, ''))?.publicKey;
}

function inspectOpenSsh(encoded: string): KeyFile {
  const found = readOpenSsh(encoded);
  const type = found && keyTypeOf(found.publicKey);
  if (found === undefined || type === undefined) return damaged;
  if (type.startsWith('sk-'))
    return unusable('belongs to a hardware key, which somebody must touch', 'another-key');
  return found.cipher === 'none' ? { state: 'usable' } : { state: 'encrypted' };
}
