// twowarm archiving: shows and sets the archiving state, with the gaps that it has made.
import { openThisNode } from '../postgres/this-node.ts';
import {
  archivingStates,
  readArchivingState,
  writeArchivingState,
  type ArchivingState,
} from '../program/archiving-state.ts';
import type { Command, ProgramCall } from '../program/command.ts';
import { ProgramError } from '../program/program-error.ts';
import type { GapRecord } from '../transport/transport.ts';
import { listGaps } from './gaps.ts';
import { archivingArguments, archivingOptions } from './options.ts';

const meanings: Record<ArchivingState, string> = {
  on: 'files are stored at every destination',
  hold: 'nothing is archived; PostgreSQL keeps the WAL in pg_wal',
  discard: 'files are given up, with a gap record for each; recovery cannot pass the gap',
};

interface Status {
  state: ArchivingState;
  /** Why the state counts as hold although nobody said so; null otherwise. */
  fault: string | null;
  gaps: GapRecord[];
}

function readStatus(home: string, stateDirectory: string): Status {
  const gaps = listGaps(stateDirectory);
  try {
    return { state: readArchivingState(home), fault: null, gaps };
  } catch (error) {
    if (error instanceof ProgramError) return { state: 'hold', fault: error.message, gaps };
    throw error;
  }
}

function describe({ state, fault, gaps }: Status): string {
  const lines = [`archiving is ${state}: ${meanings[state]}`];
  if (fault !== null) lines.push(`because ${fault}`);
  const [first, last] = [gaps[0], gaps.at(-1)];
  if (first !== undefined && last !== undefined) {
    const span = gaps.length === 1 ? first.name : `${first.name} to ${last.name}`;
    lines.push(
      `gaps: ${gaps.length} ${gaps.length === 1 ? 'file was' : 'files were'} discarded, ${span}, the last at ${last.at}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

async function run(call: ProgramCall): Promise<number> {
  const { settings, identity } = await openThisNode(call);
  const wanted = archivingStates.find((state) => state === call.positionals[0]);
  if (wanted !== undefined) writeArchivingState(settings.home, wanted, identity.nodeId);
  const status = readStatus(settings.home, identity.stateDirectory);
  call.voice.answer(call.options['json'] === true ? `${JSON.stringify(status)}\n` : describe(status));
  return 0;
}

export const command: Command = {
  name: 'twowarm archiving',
  summary: 'Shows or sets whether this node archives: on, hold or discard.',
  positionals: archivingArguments,
  options: archivingOptions,
  run,
};
