// Puts one file and prints the outcome or the fault. With `blockAt` it stops for ever at that chunk and makes the file
// `ready`: somebody else then kills it.
import { writeFileSync } from 'node:fs';
import { ProgramError } from '../../../src/program/program-error.ts';
import { openDestination } from '../../../src/transport/open.ts';
import type { Identity } from '../../../src/transport/transport.ts';

export interface PutFacts {
  url: string;
  node: Identity;
  name: string;
  source: string;
  compression?: 'none' | 'zstd';
  blockAt?: number;
  ready?: string;
}

const facts = JSON.parse(process.argv[2]!) as PutFacts;
let chunks = 0;
const add = (): void => {
  chunks += 1;
  if (chunks !== facts.blockAt) return;
  writeFileSync(facts.ready!, '');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
};
const inspectOf = () => ({ add, end: () => undefined });
try {
  const road = await openDestination(facts.url, facts.node, facts);
  process.stdout.write(await road.put(facts.name, facts.source, inspectOf, new AbortController().signal));
} catch (error) {
  if (!(error instanceof ProgramError)) throw error;
  const { kind, message, hint } = error;
  process.stdout.write(`${kind}: ${message}${hint === undefined ? '' : ` HINT: ${hint}`}`);
}
