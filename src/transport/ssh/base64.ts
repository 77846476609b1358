// Base64 as OpenSSH's files have it, read strictly: Node's own decoder takes anything.

/** The bytes, or undefined for what is not complete and canonical base64. */
export function decodeBase64(text: string): Buffer | undefined {
  if (text === '' || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}
