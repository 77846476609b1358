// Closes a path to its own user and prints how opening the archive as a source and as a destination ends then.
import { chmodSync } from 'node:fs';
import { ProgramError } from '../../../src/program/program-error.ts';
import { openDestination, openSource } from '../../../src/transport/open.ts';
import type { Identity } from '../../../src/transport/transport.ts';

export interface OpenClosedFacts {
  url: string;
  node: Identity;
  closed: string;
  mode: number;
}

const { url, node, closed, mode } = JSON.parse(process.argv[2]!) as OpenClosedFacts;
chmodSync(closed, mode);
for (const open of [openSource, openDestination]) {
  try {
    await open(url, node);
    process.stdout.write('opened\n');
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    process.stdout.write(`${error.kind}: ${error.message}\n`);
  }
}
chmodSync(closed, 0o700);
