// Writes a directory with two small files in it, of `length` characters each, and prints the faults.
import { makeDirectoryDurably } from '../../../src/program/make-directory.ts';
import { ProgramError } from '../../../src/program/program-error.ts';
import { createSmallFile, ensureDirectory, replaceSmallFile } from '../../../src/program/small-file.ts';

export interface SmallFilesFacts {
  room: string;
  length: number;
}

const { room, length } = JSON.parse(process.argv[2]!) as SmallFilesFacts;
const node = '0123456789abcdef';
// Either way of making it.
await makeDirectoryDurably(`${room}/made`);
ensureDirectory(`${room}/made`);
for (const [name, write] of Object.entries({ created: createSmallFile, replaced: replaceSmallFile })) {
  try {
    write(`${room}/made/${name}`, 'x'.repeat(length), node);
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    process.stdout.write(`${error.message}\n`);
  }
}
