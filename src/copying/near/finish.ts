// The end of a copy: all names durable, then pg_control, then the note away. Before pg_control has its name no server can start
// in the directory, so nothing that is not durable yet can ever be used.
import { join } from 'node:path';
import { fewAtOnce } from '../../program/few-at-once.ts';
import { errnoOf, fromSystemError, ProgramError } from '../../program/program-error.ts';
import { closeFile, link, openFile, unlink, unlinkIfThere } from '../../program/system-calls.ts';
import { temporaryPath } from '../../program/temporary-name.ts';
import { writeAll } from '../../transport/copy.ts';
import { syncOrFail } from '../../transport/publish.ts';
import { noteName } from '../../program/lacking-data.ts';
import type { Preparation } from './prepare.ts';
import { noteBrought } from './saved-configuration.ts';

/** PG_CONTROL_FILE_SIZE (src/include/catalog/pg_control.h). */
const controlBytes = 8192;
/** As many as there are threads by default. */
const syncsAtOnce = 4;

/** As target.ts promises it; the lock is given back. */
export async function finish(
  { tree, home, source, lock }: Preparation,
  control: Buffer,
  nodeId: string,
  signal: AbortSignal,
): Promise<void> {
  requireControl(control, source.systemIdentifier, tree.root);
  await fewAtOnce(tree.directories(), syncsAtOnce, async (path) => {
    signal.throwIfAborted();
    await syncDirectory(path);
  });
  noteBrought(tree.root, home, nodeId);
  signal.throwIfAborted();
  await writeControl(join(tree.root, 'global', 'pg_control'), control, nodeId);
  await unlinkIfThere(join(tree.root, noteName)).catch((error: unknown) => {
    throw fromSystemError(error, `could not remove file "${join(tree.root, noteName)}"`);
  });
  lock.release();
  await syncDirectory(tree.root);
}

function requireControl(control: Buffer, systemIdentifier: string, root: string): void {
  const words = new BigUint64Array(1);
  Buffer.from(words.buffer).set(control.subarray(0, 8));
  if (control.length === controlBytes && words[0]!.toString() === systemIdentifier) return;
  throw new ProgramError('invalid-file', `cannot write the control file of ${root}: it is not the source's`, {
    detail: `It has ${control.length} bytes and system identifier ${words[0]}; expected were ${controlBytes} and ${systemIdentifier}.`,
  });
}

/** fsync of a directory; its failure is final. */
export async function syncDirectory(path: string): Promise<void> {
  const descriptor = await openFile(path, 'r').catch((error: unknown) => {
    throw fromSystemError(error, `could not open directory "${path}"`);
  });
  try {
    await syncOrFail(descriptor, `directory "${path}"`);
  } finally {
    await closeFile(descriptor);
  }
}

/** Whole and durable under another name first; it must not be there yet. */
async function writeControl(path: string, control: Buffer, nodeId: string): Promise<void> {
  const temporary = temporaryPath(path, nodeId);
  try {
    await writeNew(temporary, control);
    // Never over another one, as a rename would.
    await link(temporary, path);
  } catch (error) {
    throw errnoOf(error) === 'EEXIST'
      ? isThereAlready(path)
      : fromSystemError(error, `could not write file "${path}"`);
  } finally {
    // Whatever becomes of this name the other one counts.
    await unlink(temporary).catch(() => undefined);
  }
  await syncDirectory(join(path, '..'));
}

const isThereAlready = (path: string): ProgramError =>
  new ProgramError('target-in-use', `cannot finish the copy: "${path}" is there already`, {
    detail: 'It was removed when the copy began; something else has made it since.',
    hint: 'Find out what else writes into that directory, and start the copy again.',
  });

async function writeNew(path: string, bytes: Buffer): Promise<void> {
  const descriptor = await openFile(path, 'wx', 0o600);
  try {
    await writeAll(descriptor, bytes);
    await syncOrFail(descriptor, `file "${path}"`);
  } finally {
    await closeFile(descriptor);
  }
}
