// The warning of one who prunes and is held up by a consumer that does not come back, or while room runs out: in the
// server's log, once for as long as the matter stays the same.
import type { ThisNode } from '../../postgres/this-node.ts';
import type { Voice } from '../../program/command.ts';
import { forgetSaid, sayOnce } from '../../program/say-once.ts';
import type { Consumer } from '../../transport/consumer-record.ts';
import { noteNameOf } from '../../transport/known-archives.ts';
import { roomOf } from '../../transport/room.ts';
import { findingsOf } from './findings.ts';

/** Warns of the consumers that kept something from being pruned at an archive. Does not fail for lack of a figure. */
export async function warnOfHolders(
  archive: { url: string; directory: string },
  keptFor: readonly Consumer[],
  { identity, settings }: ThisNode,
  voice: Voice,
): Promise<void> {
  const { stateDirectory } = identity;
  const topic = `kept-${noteNameOf(archive.directory)}`;
  const others = keptFor.filter(({ node }) => node !== identity.nodeId);
  const room = await roomOf(archive.directory).catch(() => ({ freeBytes: 0, totalBytes: 0 }));
  const state = { url: archive.url, consumers: others, room };
  const findings = others.length === 0 ? [] : findingsOf(state, settings.consumers, Date.now());
  if (findings.length === 0) return forgetSaid(stateDirectory, topic);
  const [first, ...more] = findings.map(({ words }) => words);
  const report = {
    message: `pruning is held up: ${first}`,
    detail: more.length === 0 ? undefined : `${more.join('; ')}.`,
    hint: 'twowarm consumers list shows who needs what; one that is gone for good: twowarm consumers remove NAME',
  };
  const text = findings.map((finding) => finding.topic).join('\n');
  await sayOnce(stateDirectory, topic, text, () => voice.report('WARNING', report));
}
