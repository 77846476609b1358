// Claims an archive or reserves a timeline as soon as the file `go` is there, and prints the outcome or the fault. With
// `killAt` it kills itself when the claim asks its signal that many times: between two steps of it.
import { existsSync, writeFileSync } from 'node:fs';
import { ProgramError } from '../../../src/program/program-error.ts';
import { openDestination } from '../../../src/transport/open.ts';
import type { Identity } from '../../../src/transport/transport.ts';

export interface OwnFacts {
  url: string;
  node: Identity;
  verb: 'claim' | 'reserve';
  timeline: number;
  takeOver?: boolean;
  /** The ancestors, with the LSN as text: JSON knows no bigint. */
  history?: { timeline: number; switchLsn: string }[];
  ready?: string;
  go?: string;
  killAt?: number;
}

const facts = JSON.parse(process.argv[2]!) as OwnFacts;
let asked = 0;
const dying = {
  throwIfAborted: () => {
    asked += 1;
    if (asked === facts.killAt) process.kill(process.pid, 'SIGKILL');
  },
} as AbortSignal;

const road = await openDestination(facts.url, facts.node);
const { timeline, takeOver = false } = facts;
const nodeName = `node-${facts.node.nodeId.slice(-2)}`;
const history = facts.history?.map((each) => ({ ...each, switchLsn: BigInt(each.switchLsn), reason: '' }));
if (facts.ready !== undefined) writeFileSync(facts.ready, '');
while (facts.go !== undefined && !existsSync(facts.go));
try {
  const outcome =
    facts.verb === 'claim'
      ? await road.claim({ timeline, nodeName, takeOver, ...(history && { history }) }, dying)
      : { outcome: await road.reserve({ timeline, nodeName }, dying) };
  process.stdout.write(JSON.stringify(outcome));
} catch (error) {
  if (!(error instanceof ProgramError)) throw error;
  const { kind, message, detail } = error;
  process.stdout.write(JSON.stringify({ kind, message, detail }));
}
