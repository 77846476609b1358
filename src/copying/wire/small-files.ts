// Small files of one directory on the line, many at once: a list of them as JSON, after its length, and their bytes one after the
// other, which may be a zstd frame. What comes is checked here, before memory is set aside for it.
import { Message } from '../../transport/wire/messages.ts';
import { proofBytes } from '../proof.ts';
import { chunkBytes, mostSeveral } from '../target.ts';
import { invalid, type Encoding } from './records.ts';

/** One of them, with its proof (proof.ts). */
export interface ListedFile {
  name: string;
  /** Permission bits. */
  mode: number;
  sizeBytes: number;
  proof: string;
}

const mostListBytes = 256 * 1024;
/** What allOf() takes of such a conversation. */
export const mostSmallBytes = mostListBytes + chunkBytes + 8;

const isProof = (text: string): boolean => new RegExp(`^[0-9a-f]{${2 * proofBytes}}$`).test(text);

const listText = (files: readonly ListedFile[], encoding: Encoding): Buffer =>
  Buffer.from(
    JSON.stringify({
      encoding,
      files: files.map(({ name, mode, sizeBytes, proof }) => ({ name, mode, size: sizeBytes, proof })),
    }),
    'utf8',
  );

/** `payload` may be empty: the files are only offered. */
export function smallFilesToBytes(
  files: readonly ListedFile[],
  encoding: Encoding = 'none',
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const list = listText(files, encoding);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(list.length);
  return Buffer.concat([length, list, payload]);
}

const readFile = (each: Message): ListedFile => {
  const proof = each.text('proof');
  if (!isProof(proof)) throw invalid('"proof" is none');
  const mode = each.count('mode');
  if (mode > 0o7777) throw invalid(`a mode of ${mode}`);
  return { name: each.text('name'), mode, sizeBytes: each.count('size'), proof };
};

export interface ArrivedFiles {
  files: readonly ListedFile[];
  encoding: Encoding;
  payload: Buffer;
  /** Of all files. */
  sizeBytes: number;
}

export function readSmallFiles(bytes: Buffer): ArrivedFiles {
  const length = bytes.length < 4 ? Infinity : bytes.readUInt32BE(0);
  if (length > mostListBytes || bytes.length < 4 + length) throw invalid('a list of files without its end');
  const list = new Message(bytes.toString('utf8', 4, 4 + length));
  const files = (list.maybeParts('files') ?? []).map(readFile);
  if (files.length === 0 || files.length > mostSeveral.files)
    throw invalid(`${files.length} small files at once`);
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  if (sizeBytes > mostSeveral.bytes) throw invalid(`small files of ${sizeBytes} bytes`);
  const encoding = list.oneOf('encoding', ['none', 'zstd'] as const);
  return { files, encoding, payload: bytes.subarray(4 + length), sizeBytes };
}
