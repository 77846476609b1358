// What may be longer than a message of the protocol: lists of names. It travels as data, and is bounded all the same.
import { Message } from '../../transport/wire/messages.ts';
import { invalid } from './records.ts';

/** Of some millions of names, in bytes. */
const mostBytes = 64 * 1024 * 1024;

/** All that comes until its end; `protocol` for more than `limitBytes`. */
export async function allOf(pieces: AsyncIterable<Buffer>, limitBytes = mostBytes): Promise<Buffer> {
  const all: Buffer[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > limitBytes) throw invalid(`more than ${limitBytes} bytes`);
    all.push(Buffer.from(piece));
  }
  return Buffer.concat(all);
}

/** A message that came as data. */
export async function longMessage(pieces: AsyncIterable<Buffer>): Promise<Message> {
  return new Message((await allOf(pieces)).toString('utf8'));
}

export const longText = (value: object): Buffer => Buffer.from(JSON.stringify(value), 'utf8');

/** Names of files have everything but zeros in them. */
export const namesToBytes = (names: ReadonlySet<string>): Buffer =>
  Buffer.from([...names].join('\0'), 'utf8');

export const readNames = (bytes: Buffer): Set<string> =>
  new Set(bytes.length === 0 ? [] : bytes.toString('utf8').split('\0'));
