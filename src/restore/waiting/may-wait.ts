// Whether a call may wait at all. While restore_command waits, PostgreSQL can neither stream nor, from 15 on with
// prefetching, replay what it already has (trap T11): wait = 'auto' then behaves as 'off', and says so once.
import { setTimeout as pause } from 'node:timers/promises';
import { whatSpeaksAgainstWaiting } from '../../postgres/against-waiting.ts';
import type { RecoveryMode } from '../../postgres/recovery-mode.ts';
import type { Level, Report } from '../../program/print-error.ts';
import { forgetSaid, sayOnce } from '../../program/say-once.ts';
import type { Settings } from '../../program/settings/settings.ts';
import type { ThisNode } from '../../postgres/this-node.ts';
import type { Asking } from '../ask-sources.ts';
import { haveSameSettings, unsettledForMs } from './configuration.ts';

interface Waiting {
  waits: boolean;
  /** What the configuration of PostgreSQL contradicts; to be said once. */
  notice?: { level: Level; report: Report };
}

/** Decides from the mode, restore.wait, and PostgreSQL's configuration. */
function mayWait(mode: RecoveryMode, { restore, dataDirectory }: Settings): Waiting {
  if (mode === 'none' || restore.wait === 'off') return { waits: false };
  if (mode === 'recovery' && restore.wait !== 'warm') return { waits: false };
  const [first] = whatSpeaksAgainstWaiting(dataDirectory, mode);
  if (first === undefined) return { waits: true };
  const insists = restore.wait === 'warm';
  const message = insists
    ? `restore.wait = 'warm' contradicts the configuration of PostgreSQL: ${first.reason}`
    : `restore_command does not wait for segments: ${first.reason}`;
  return {
    waits: insists,
    notice: { level: insists ? 'WARNING' : 'LOG', report: { message, hint: first.hint } },
  };
}

/** As mayWait; what PostgreSQL's configuration contradicts is said once, and again when it has been right in between. */
export async function waitsHere({ mode, node, voice }: Asking): Promise<boolean> {
  const { waits, notice } = mayWait(mode, node.settings);
  const { stateDirectory } = node.identity;
  if (notice === undefined) forgetSaid(stateDirectory, 'waiting');
  else
    await sayOnce(stateDirectory, 'waiting', notice.report.message, () =>
      voice.report(notice.level, notice.report),
    );
  return waits;
}

/**
 * The node by a twowarm.toml that nobody is writing any more, which may take seconds; undefined where the call had it
 * right. Under recovery.signal an answer that rests on half a file would open the database.
 */
export async function settledNode(
  { node, stop }: Asking,
  reload: () => Promise<ThisNode>,
): Promise<ThisNode | undefined> {
  for (let leftMs = unsettledForMs(node); leftMs > 0; leftMs = unsettledForMs(node)) {
    await pause(leftMs, undefined, { signal: stop }).catch(() => stop.throwIfAborted());
  }
  const settled = await reload();
  return haveSameSettings(settled, node) ? undefined : settled;
}
