// What every way of copying has in common: the target made ready, the pace shown while it fills, and what is said of one that
// is left unfinished.
import type { Target } from '../copying/target.ts';
import { besideOf } from '../postgres/tablespaces.ts';
import { formatLsn } from '../wal/lsn.ts';
import type { Copied } from './copy-files.ts';
import type { Work } from './copy-to.ts';
import type { LookedAt } from './look-at-source.ts';
import { sizeOf } from './source/walk.ts';
import type { Telling } from './telling.ts';
import { copiedWords, roomWarning, withRoomHint } from './words.ts';

/** After this nothing can start at the target until finish(). */
export async function prepare(work: Work, looked: LookedAt, signal: AbortSignal): Promise<void> {
  const { target, telling } = work;
  const { cluster, outside } = looked;
  const { quarantined, warnings } = await target
    .prepare(cluster, outside, signal)
    .catch((error: unknown) => tellHalfPrepared(work, looked, error));
  for (const message of warnings) await telling.warn({ message });
  if (quarantined.length > 0)
    telling.step('quarantined', `WAL that was not archived there is kept in ${quarantined.join(', ')}`, {
      files: quarantined,
    });
  telling.step('prepared', `from now on nothing can start in ${target.url} until the copy is complete`);
}

/** Warns where the disk of the target is too small; one of a tablespace is not looked at. */
export async function warnOfRoom(
  { target, telling, stop }: Work,
  { source, found }: LookedAt,
): Promise<void> {
  if (found.roomBytes === undefined || besideOf(source.tablespaces).length > 0) return;
  const sizeBytes = await sizeOf(source, stop);
  telling.pace.totalBytes = sizeBytes;
  const warning = roomWarning(sizeBytes, found, target.url);
  if (warning !== undefined) await telling.warn(warning);
}

/** How long a look at what a preparation has left may take, in ms. */
const lookLimitMs = 5000;

/** One that has failed half-way has taken pg_control away already, perhaps. */
async function tellHalfPrepared(
  { target, telling, stop }: Work,
  { cluster, found }: LookedAt,
  error: unknown,
): Promise<never> {
  const nothingOutside = { tablespaces: [], walDirectory: undefined };
  const now =
    stop.aborted || found.state === 'unfinished'
      ? undefined
      : await target.look(cluster, nothingOutside, AbortSignal.timeout(lookLimitMs)).catch(() => undefined);
  if (now?.state === 'unfinished') await tellUnfinished(target, telling);
  throw withRoomHint(error);
}

const tellUnfinished = (target: Target, telling: Telling): Promise<void> =>
  telling.warn({
    message: `the copy in ${target.url} is not complete, and nothing can start from it`,
    hint: 'The same call again goes on from what is there. The primary leaves its backup mode with this call.',
  });

/** Copies while the pace is shown, and says what it has come to. */
export async function paced<Result extends { copied: Copied }>(
  { target, telling }: Work,
  { source, found: { state } }: LookedAt,
  signal: AbortSignal,
  copying: (progress: (bytes: number) => void) => Promise<Result>,
): Promise<Result> {
  // It is only shown: what cannot be counted is said by the copying.
  if (telling.pace.totalBytes === undefined)
    void sizeOf(source, signal).then(
      (bytes) => (telling.pace.totalBytes = bytes),
      () => undefined,
    );
  telling.startPacing();
  const result = await copying((bytes) => telling.pace.add(bytes)).finally(() => telling.stopPacing());
  const { files, directories, sizeBytes, removed, leftOut } = result.copied;
  const lineBytes = target.traffic.sentBytes + target.traffic.receivedBytes;
  const ms = Math.round(telling.pace.elapsedMs);
  const words = copiedWords(
    state === 'missing' || state === 'empty' ? 'copied' : 'compared',
    result.copied,
    ms,
    lineBytes,
  );
  const figures = { files, directories, bytes: sizeBytes, removed, ms, lineBytes };
  telling.step('copied', words, figures);
  for (const path of leftOut)
    await telling.warn({ message: `"${path}" is neither a file nor a directory, and was not copied` });
  return result;
}

/** pg_control into its place: the target can be started. */
export async function complete(
  { target, telling }: Work,
  control: Buffer,
  endLsn: bigint,
  signal: AbortSignal,
): Promise<void> {
  await target.finish(control, signal);
  telling.step('complete', `the copy is complete: ${target.url}`, { endLsn: formatLsn(endLsn) });
}

/** Runs what the target is unusable without: where it fails, or is stopped, whoever called hears what there is now. */
export async function tellingOfUnfinished<Result>(
  { target, telling }: Work,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    await tellUnfinished(target, telling);
    throw withRoomHint(error);
  }
}
