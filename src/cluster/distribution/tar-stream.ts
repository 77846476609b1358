// Files as a tar archive (POSIX ustar), for the tar of the far side: plain files, in their order, and nothing of who owns
// them here. What is larger than the format knows (8 GB) is none of ours.
import { createReadStream } from 'node:fs';
import { fromSystemError, ProgramError } from '../../program/program-error.ts';
import type { PackageFile } from './package-files.ts';

const block = 512;
/** tar reads records of 20 blocks, and an archive ends with at least two empty ones. */
const record = 20 * block;

const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`;

/** The name and its prefix, where it has to be parted. */
function partName(path: string): [name: string, prefix: string] {
  if (path.length <= 100) return [path, ''];
  const at = path.lastIndexOf('/', 155);
  const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
  if (at > 0 && name.length <= 100) return [name, prefix];
  throw new ProgramError('bug', `cannot put ${path} into an archive: its name is too long`);
}

/** The header of a plain file, as POSIX.1-2001 has it under "ustar Interchange Format". */
function headerOf({ path, sizeBytes }: PackageFile): Buffer {
  const [name, prefix] = partName(path);
  const header = Buffer.alloc(block);
  const put = (text: string, at: number): void => void header.write(text, at, 'latin1');
  put(name, 0);
  put(octal(0o644, 8), 100);
  put(octal(0, 8), 108);
  put(octal(0, 8), 116);
  put(octal(sizeBytes, 12), 124);
  put(octal(0, 12), 136);
  put(' '.repeat(8), 148);
  put('0', 156);
  put('ustar\u000000', 257);
  put(prefix, 345);
  const sum = header.reduce((total, byte) => total + byte, 0);
  put(`${octal(sum, 7)} `, 148);
  return header;
}

const padding = (bytes: number, unit: number): Buffer => Buffer.alloc((unit - (bytes % unit)) % unit);

async function* contentOf({ from, sizeBytes }: PackageFile): AsyncGenerator<Buffer> {
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(from, {
      highWaterMark: 256 * 1024,
    }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes <= sizeBytes) yield chunk;
    }
  } catch (error) {
    throw fromSystemError(error, `could not read ${from}`);
  }
  if (bytes !== sizeBytes) {
    throw new ProgramError('input-output', `the file ${from} changed while it was copied`, {
      hint: 'Let the installation here come to an end first, then run this again.',
    });
  }
}

/** The archive; throws faults of reading as ProgramErrors: they are told from those of the line by that. */
export async function* tarOf(files: readonly PackageFile[]): AsyncGenerator<Buffer> {
  let bytes = 0;
  for (const file of files) {
    yield headerOf(file);
    yield* contentOf(file);
    const filling = padding(file.sizeBytes, block);
    yield filling;
    bytes += block + file.sizeBytes + filling.length;
  }
  yield Buffer.alloc(2 * block);
  yield padding(bytes + 2 * block, record);
}
