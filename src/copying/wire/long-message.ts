// What may be longer than a message of the protocol: lists of names. It travels as data, and is bounded all the same.
import { Message } from '../../transport/wire/messages.ts';
import { NameSet } from '../name-set.ts';
import { invalid } from './records.ts';

/** Of some millions of names, in bytes. */
const mostBytes = 64 * 1024 * 1024;

/** NAME_MAX of Linux, several times. */
const mostNameBytes = 4096;

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

/** So much of the names is sent at once, in bytes. */
const pieceBytes = 32_768;

/** Names of files, which have everything but zeros in them, each ended by one: in pieces, however many there are. */
export function* namesInPieces(names: Iterable<string>): Generator<Buffer, void, undefined> {
  let piece: string[] = [];
  let length = 0;
  for (const name of names) {
    piece.push(name, '\0');
    length += name.length + 1;
    if (length < pieceBytes) continue;
    yield Buffer.from(piece.join(''), 'utf8');
    [piece, length] = [[], 0];
  }
  if (length > 0) yield Buffer.from(piece.join(''), 'utf8');
}

/** All names that come; `protocol` for more than `mostBytes`, and where the last one has no end. */
export async function readNames(pieces: AsyncIterable<Buffer>): Promise<NameSet> {
  const names = new NameSet();
  let bytes = 0;
  let rest = Buffer.alloc(0);
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > mostBytes) throw invalid(`more than ${mostBytes} bytes`);
    const all = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    let at = 0;
    for (let end = all.indexOf(0); end >= 0; end = all.indexOf(0, at)) {
      names.addBytes(all.subarray(at, end));
      at = end + 1;
    }
    rest = Buffer.from(all.subarray(at));
    if (rest.length > mostNameBytes) throw invalid('a name that is too long');
  }
  if (rest.length > 0) throw invalid('a name without its end');
  return names;
}
