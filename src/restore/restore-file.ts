// restore_command: one requested file from the first source that has it. Three answers: it is there; every source says
// that it is absent, or recovery was told to stop; or it cannot be known, which is thrown.
import type { RecoveryMode } from '../postgres/recovery-mode.ts';
import type { ThisNode } from '../postgres/this-node.ts';
import type { Voice } from '../program/command.ts';
import { ProgramError } from '../program/program-error.ts';
import { sweepUnfinished } from '../transport/unfinished.ts';
import { parseWalFileName, type WalFileName } from '../wal/filename.ts';
import { retryWithinMs } from './answer.ts';
import { askWithin, targetOf, type Asking } from './ask-sources.ts';
import { hearTriggerFile, sayToldToStop, unlessToldFast } from './trigger.ts';
import type { Told } from '../program/told-to-stop.ts';

/** %f and %p, as PostgreSQL gives them. */
export interface Request {
  fileName: string;
  path: string;
  workingDirectory: string;
  mode: RecoveryMode;
  /** %r */
  restartFile?: string | undefined;
  /** Opens the node again, for a call that waits while its configuration changes. */
  reload: () => Promise<ThisNode>;
}

/** The name that is asked for. */
export function requireName({ fileName, path }: Request): WalFileName {
  const name = parseWalFileName(fileName);
  if (name !== undefined) return name;
  const swapped = parseWalFileName(path) !== undefined;
  throw new ProgramError('invalid-name', `"${fileName}" is not the name of a file that PostgreSQL restores`, {
    hint: swapped ? 'Are %f and %p swapped? The order is %f %p.' : undefined,
  });
}

/** Restores the file, or says that it is absent; a segment may be waited for. */
export async function restoreFile(
  request: Request,
  node: ThisNode,
  voice: Voice,
  stop: AbortSignal,
): Promise<'restored' | 'absent'> {
  const name = requireName(request);
  // Timeline 1 has no history; PostgreSQL never writes this file (timeline.c).
  if (name.kind === 'history' && name.timeline === 1) return 'absent';
  const { mode, path, restartFile, workingDirectory } = request;
  const target = targetOf(workingDirectory, path);
  const asking: Asking = { name, target, mode, node, voice, stop, restartFile };
  await sweepUnfinished(node.identity.stateDirectory, node.identity.nodeId, stop);
  const answer = await (name.kind === 'segment' && heedsTrigger(asking)
    ? restoreSegment({ asking, name, reload: request.reload })
    : restoreOther(asking));
  if (answer === 'absent' && name.kind === 'segment' && mode === 'recovery' && !heedsTrigger(asking)) {
    // This answer ends the recovery. It must not come from a configuration that was half written when this call began.
    const { settledNode } = await import('./waiting/may-wait.ts');
    const settled = await settledNode(asking, request.reload);
    if (settled !== undefined) return restoreFile(request, settled, voice, stop);
  }
  await voice.event(`${name.name}: ${answer}`, { file: name.name, answer, mode });
  return answer;
}

const limitOf = ({ mode, name, node }: Asking): number =>
  retryWithinMs(mode, name.kind === 'history', node.settings.restore.retryLimitMs);

/** Point-in-time recovery ends by itself, and a promotion that has begun must find every file. */
const heedsTrigger = ({ mode, node }: Asking): boolean =>
  mode === 'standby' || (mode === 'recovery' && node.settings.restore.wait === 'warm');

/**
 * Any other file; by a history that is not there the server ends its look for new timelines, which is noted. Under
 * standby.signal it takes "cannot know" for the same, and otherwise stops.
 */
async function restoreOther(asking: Asking): Promise<'restored' | 'absent'> {
  let answer: 'restored' | 'absent' | 'unknown' = 'unknown';
  try {
    return (answer = await askWithin(asking, limitOf(asking)));
  } finally {
    const { name, mode, stop } = asking;
    const isTakenForAbsent = answer === 'absent' || (answer === 'unknown' && mode === 'standby');
    if (name.kind === 'history' && mode !== 'none' && isTakenForAbsent && !stop.aborted) {
      const { noteProbe } = await import('./timelines/note-probe.ts');
      await noteProbe(asking);
    }
  }
}

/** A segment, under a recovery that can be told to stop and may wait. */
async function restoreSegment(wait: {
  asking: Asking;
  name: Extract<WalFileName, { kind: 'segment' | 'partial' }>;
  reload: () => Promise<ThisNode>;
}): Promise<'restored' | 'absent'> {
  const { asking } = wait;
  const { restore } = asking.node.settings;
  const told = await hearTriggerFile(asking);
  const stopped = async (by: Told): Promise<'absent'> => {
    await sayToldToStop(asking, by);
    return 'absent';
  };
  if (told === 'fast') return stopped('fast');
  const first = await unlessToldFast(asking, (until) => firstAnswer(until, told));
  if (first === 'told fast') return stopped('fast');
  if (first === 'restored') return first;
  if (first === 'absent' && told === 'smart') return stopped('smart');
  if (first === 'absent' && restore.wait === 'off') return first;
  if (first === 'absent') {
    // Loaded before the watches: most standbys whose PostgreSQL streams end here at each miss.
    const { waitsHere } = await import('./waiting/may-wait.ts');
    if (!(await waitsHere(asking))) return first;
  }
  const { waitForSegment } = await import('./waiting/wait-for-segment.ts');
  return waitForSegment(wait);
}

/**
 * The first look; where only a person may end the wait, what cannot be known is waited through. An answer that was sought
 * before "smart" was told is none: it would end recovery without what could not be read, or has arrived meanwhile.
 */
async function firstAnswer(asking: Asking, told: Told): Promise<'restored' | 'absent' | 'unknown'> {
  const mayThrow = asking.mode === 'standby' && told !== 'smart';
  const toldMeanwhile = async (): Promise<boolean> =>
    told === 'nothing' && (await hearTriggerFile(asking)) !== 'nothing';
  try {
    const answer = await askWithin(asking, mayThrow ? limitOf(asking) : 0);
    return answer === 'absent' && (await toldMeanwhile()) ? 'unknown' : answer;
  } catch (error) {
    if (asking.stop.aborted) throw error;
    if (mayThrow && !(await toldMeanwhile())) throw error;
    return 'unknown';
  }
}
