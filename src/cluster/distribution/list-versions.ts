// distrib2warm --list: which versions are on a node, which is in use, and what is not set there yet.
import type { FarState } from './far-state.ts';
import { FarSide } from './far-side.ts';
import { describeState, tellToSet, type Work } from './distribute.ts';
import { loginWords, type FarNode } from './nodes.ts';
import { whatToSet, type ToSet } from './to-set.ts';
import { megabytes } from '../../program/megabytes.ts';

export interface Listed {
  outcome: 'listed';
  directory: string;
  machine: string;
  current: string | null;
  previous: string | null;
  /** Copied and verified, and not switched to. */
  next: string | null;
  versions: { name: string; sizeBytes: number }[];
  toSet: ToSet[];
}

function roleOf(name: string, { current, previous, next }: FarState): string {
  if (name === current) return ', in use';
  if (name === next) return ', not switched to yet';
  return name === previous ? ', previous' : '';
}

export async function listVersions(node: FarNode, work: Work): Promise<Listed> {
  const far = await FarSide.open(node, work.login, work.directory, work.stop);
  try {
    const state = await far.look(work.stop);
    const { directory, system, machine, current, previous, next, versions } = state;
    const toSet = whatToSet(node, state, work.settings);
    const { telling } = work;
    telling.step(node.name, `${loginWords(node)}: ${describeState(state)}`);
    for (const each of versions)
      telling.step(node.name, `${each.name}: ${megabytes(each.sizeBytes)}${roleOf(each.name, state)}`);
    if (current !== undefined) tellToSet(node, toSet, telling);
    return {
      outcome: 'listed',
      directory,
      machine: `${system} ${machine}`,
      current: current ?? null,
      previous: previous ?? null,
      next: next ?? null,
      versions: [...versions],
      toSet,
    };
  } finally {
    far.close();
  }
}
