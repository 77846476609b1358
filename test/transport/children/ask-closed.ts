// Closes a part of an archive to its own user and prints what every verb answers then.
import { chmodSync } from 'node:fs';
import { ProgramError } from '../../../src/program/program-error.ts';
import { openDestination, openSource } from '../../../src/transport/open.ts';
import type { Identity } from '../../../src/transport/transport.ts';

export interface ClosedFacts {
  url: string;
  node: Identity;
  name: string;
  source: string;
  target: string;
  /** What nobody may do anything with. */
  closed: string;
  /** Whether to try to remove the file too. */
  remove: boolean;
}

const { url, node, name, source, target, closed, remove } = JSON.parse(process.argv[2]!) as ClosedFacts;
const acceptAll = () => ({ add: () => undefined, end: () => undefined });
const { signal } = new AbortController();
const answers: Record<string, string> = {};

async function ask(verb: string, call: () => Promise<unknown>): Promise<void> {
  try {
    answers[verb] = JSON.stringify(await call());
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    answers[verb] = `${error.kind}: ${error.message}`;
  }
}

const road = await openDestination(url, node);
chmodSync(closed, 0);
await ask('stat', () => road.stat(name, signal));
await ask('get', () => road.get(name, target, acceptAll, signal));
await ask('list', () => road.list(signal));
await ask('put', () => road.put(name, source, acceptAll, signal));
if (remove) await ask('remove', () => road.remove(name, signal));
await ask('open', () => openSource(url, node));
chmodSync(closed, 0o700);
process.stdout.write(JSON.stringify(answers));
