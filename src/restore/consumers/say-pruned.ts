// The word that a segment is absent because it was pruned: whoever still needs it has come too late, or was not known.
// Said once a segment, not at every probe for it.
import { sayOnce } from '../../program/say-once.ts';
import type { Asking, PrunedAt } from '../ask-sources.ts';

/** Says of a segment that no source has where it was pruned. */
export async function sayPruned({ name, node, voice }: Asking, pruned: readonly PrunedAt[]): Promise<void> {
  for (const [index, { url, range }] of pruned.entries()) {
    const report =
      'message' in range
        ? range
        : {
            message: `${name.name} was pruned from ${url} at ${range.at} by ${range.name}`,
            detail: `With it went ${range.first} to ${range.last}, what lay before the restart point ${range.restart}: no registered reader needed them.`,
            hint: 'Whatever recovers from before that point needs another source, or a newer base backup.',
          };
    const topic = `pruned-${name.name.slice(0, 8)}-${index}`;
    const text = `${name.name} ${report.message}`;
    await sayOnce(node.identity.stateDirectory, topic, text, () => voice.report('WARNING', report));
  }
}
