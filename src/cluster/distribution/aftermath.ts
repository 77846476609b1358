// What a fault has left behind on a node, as a sentence: which version is in use there. Where the connection was lost in
// the moment of switching, the node is asked again.
import { describeError } from '../../program/print-error.ts';
import type { Progress, Work } from './distribute.ts';
import { FarSide } from './far-side.ts';
import type { FarNode } from './nodes.ts';

/** How long a node is asked again, in ms: somebody may have pressed Ctrl-C. */
const askLimitMs = 5000;

async function askAgain(node: FarNode, { login, directory }: Work): Promise<string | undefined> {
  const signal = AbortSignal.timeout(askLimitMs);
  const far = await FarSide.open(node, login, directory, signal);
  try {
    return (await far.look(signal)).current;
  } finally {
    far.close();
  }
}

/** Undefined where there is nothing to say: the node was not even looked at. */
export async function describeAftermath(
  node: FarNode,
  work: Work,
  { state, isSwitching }: Progress,
): Promise<string | undefined> {
  if (state === undefined || work.dryRun) return undefined;
  const { name } = node;
  const before = state.current;
  const asBefore =
    before === undefined
      ? `on ${name} nothing is in use, as before`
      : `on ${name} ${before} is still in use; nothing was switched`;
  if (isSwitching !== true) return asBefore;
  try {
    const now = await askAgain(node, work);
    return now === before ? asBefore : `on ${name} ${now ?? 'nothing'} is in use now`;
  } catch (error) {
    const { message } = describeError(error).report;
    return `whether ${name} was switched is not known (${message}); distrib2warm --list ${name} tells`;
  }
}
