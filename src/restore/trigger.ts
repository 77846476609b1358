// What a recovery makes of the trigger file. How it is read is program/told-to-stop.ts, what else can end a wait hear.ts.
import { existsSync } from 'node:fs';
import { readTriggerFile, type Told } from '../program/told-to-stop.ts';
import { triggerLockOf } from '../program/trigger-lock.ts';
import type { Asking } from './ask-sources.ts';

/** A writer that makes the file and then its word (a shell's >) is given this long, in ms. */
const settleMs = 50;

/** What the trigger file of this node tells; one that tells nothing although it is there is warned of once. */
export async function hearTriggerFile({ node, voice }: Asking): Promise<Told> {
  const path = node.settings.restore.triggerFile;
  let file = readTriggerFile(path);
  if (file.isEmpty) {
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    file = readTriggerFile(path);
  }
  if (file.ignored !== undefined) {
    const message = `ignored the trigger file ${path}: ${file.ignored}`;
    const { sayOnce } = await import('../program/say-once.ts');
    await sayOnce(node.identity.stateDirectory, 'trigger', `${message} ${file.changedAt}`, () =>
      voice.report('WARNING', { message, hint: 'Write "smart" or "fast" into it, or remove it.' }),
    );
  }
  return file.told;
}

/** The end of recovery is not ours to give: a standby asks again for ever, and after "fast" replays nothing more. */
const endsNoRecovery =
  'This file alone does not promote a standby: triggerStandby and pg_ctl promote do. If it is left over, remove it.';

/** How the server's log hears why an answer was "absent". `isAlone`: under a standby, without triggerStandby. */
export const toldToStop = (told: Told, at: string, isAlone = false): { message: string; hint?: string } => ({
  message: `restore_command stops waiting: it was told to by ${at}${told === 'fast' ? ' ("fast")' : ''}`,
  ...(isAlone && { hint: endsNoRecovery }),
});

/** As toldToStop, said in the server's log. */
export async function sayToldToStop(
  { mode, node, voice }: Asking,
  told: Told,
  at = node.settings.restore.triggerFile,
): Promise<void> {
  const byOurFile = mode === 'standby' && at === node.settings.restore.triggerFile;
  const isAlone = byOurFile && !existsSync(triggerLockOf(node.identity.stateDirectory));
  await voice.report('LOG', toldToStop(told, at, isAlone));
}

/** How often a look that takes long is interrupted to see whether there is still a reason for it, in ms. */
const listenEveryMs = 1000;

/**
 * Runs a look that the trigger file may end with "fast": a source that hangs must not hold up a failover. `look` gets
 * the request with a signal that also aborts then.
 */
export async function unlessToldFast<T>(
  asking: Asking,
  look: (asking: Asking) => Promise<T>,
): Promise<T | 'told fast'> {
  const told = new AbortController();
  const { triggerFile } = asking.node.settings.restore;
  const listening = setInterval(() => {
    if (readTriggerFile(triggerFile).told === 'fast') told.abort(new Error('told to stop'));
  }, listenEveryMs);
  try {
    return await look({ ...asking, stop: AbortSignal.any([asking.stop, told.signal]) });
  } catch (error) {
    if (told.signal.aborted && !asking.stop.aborted) return 'told fast';
    throw error;
  } finally {
    clearInterval(listening);
  }
}
