// distrib2warm --back: the node uses the version again that it had before. That one is verified and run first; what was
// in use becomes the previous one, so that back twice is where it began.
import { noPrevious } from './far-faults.ts';
import { FarSide, type Switched } from './far-side.ts';
import type { FarState } from './far-state.ts';
import { describeState, type Progress, type Work } from './distribute.ts';
import { loginWords, type FarNode } from './nodes.ts';
import { requireUsable } from './suitable.ts';

export interface WentBack extends Partial<Switched> {
  outcome: 'went back' | 'would go back';
  directory: string;
}

function requirePrevious(name: string, { previous, current, versions }: FarState): string {
  const isThere = previous !== undefined && versions.some((each) => each.name === previous);
  if (isThere && previous !== current) return previous;
  throw noPrevious(name);
}

export async function goBack(node: FarNode, work: Work, progress: Progress): Promise<WentBack> {
  const { telling, stop } = work;
  const far = await FarSide.open(node, work.login, work.directory, stop);
  try {
    const state = (progress.state = await far.look(stop));
    telling.step(node.name, `${loginWords(node)}: ${describeState(state)}`);
    const previous = requirePrevious(node.name, state);
    requireUsable(node.name, state);
    if (work.dryRun) {
      telling.step(node.name, `would verify and run ${previous}, then switch to it`);
      return { outcome: 'would go back', directory: state.directory };
    }
    progress.isSwitching = true;
    const { report, ...switched } = await far.goBack(stop);
    telling.step(
      node.name,
      `every file of ${switched.after} is as it was sent, and it runs there: ${report}`,
    );
    telling.step(
      node.name,
      `switched from ${switched.before ?? 'nothing'} back to ${switched.after}; distrib2warm --back ${node.name} undoes it`,
    );
    return { outcome: 'went back', directory: state.directory, ...switched };
  } finally {
    far.close();
  }
}
