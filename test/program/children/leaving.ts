// Ends as it is told: by an exit code, by a signal, and both also while system calls hang on a FIFO nobody writes to.
import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { bounded } from '../../../src/program/bounded.ts';
import { dieOf, leave } from '../../../src/program/leave.ts';
import { ProgramError } from '../../../src/program/program-error.ts';

export interface LeavingFacts {
  code?: number;
  /** Dies of this one when it comes, instead of leaving. */
  signal?: NodeJS.Signals;
  /** Made once the signal may come. */
  ready?: string;
  fifo?: string;
}

const { code, signal, ready, fifo } = JSON.parse(process.argv[2]!) as LeavingFacts;

// More calls than libuv has threads: nothing that needs one works any more.
const hang = (path: string): Promise<unknown> => Promise.all([1, 2, 3, 4, 5, 6].map(() => open(path, 'r')));

process.stdout.write('last words\n');
if (signal !== undefined) {
  process.once(signal, () => dieOf(signal));
  void hang(fifo!);
  writeFileSync(ready!, '');
  setInterval(() => undefined, 1000);
} else {
  if (fifo !== undefined) {
    await bounded('open it', 50, new AbortController().signal, () => hang(fifo)).catch((error: unknown) => {
      process.stdout.write(`${(error as ProgramError).kind}\n`);
    });
  }
  leave(code!);
}
