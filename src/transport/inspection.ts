// The content check of a WAL file as the inspection of a transfer: problems become faults and nothing is published.
import { ProgramError } from '../program/program-error.ts';
import { checkContent, type Cluster, type ContentCheck, type Problem } from '../wal/content-check.ts';
import type { WalFileName } from '../wal/filename.ts';
import type { Inspect } from './transport.ts';

export interface Inspection {
  of: (sizeBytes: number) => Inspect;
  /** What deserves a warning although it blocked nothing, after the transfer. */
  warning(): string | undefined;
}

/** Refuses what is not the WAL file it claims to be; `refusal` begins the fault's first line ("cannot archive …"). */
export function inspectAs(name: WalFileName, cluster: Cluster, refusal: string): Inspection {
  let check: ContentCheck | undefined;
  const refuse = (problem: Problem | undefined): void => {
    if (problem === undefined) return;
    const [kind, reason] =
      problem.kind === 'foreign'
        ? (['wrong-cluster', 'it belongs to another cluster'] as const)
        : (['invalid-file', 'it is not what its name says'] as const);
    throw new ProgramError(kind, `${refusal}: ${reason}`, { detail: problem.sentence });
  };
  return {
    of: (sizeBytes) => {
      const started = checkContent(name, sizeBytes, cluster);
      check = started;
      return { add: (chunk) => refuse(started.add(chunk)), end: () => refuse(started.finish()) };
    },
    warning: () => check?.warning(),
  };
}
