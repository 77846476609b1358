// Gives its name to a file that is written already: by the encoder, or by a receiver while the bytes arrive. With the rules
// of publish.ts: never over another one, durable before it is answered. A compressed file has its record before its name.
import { closeFile, lstat, unlessMissing } from '../../program/system-calls.ts';
import { linkIfFree, settleName, type Fence, type Published } from '../publish.ts';
import { pathInForm, type Form } from '../stored-form.ts';
import type { Identity } from '../transport.ts';
import { removeUnfinished } from '../unfinished.ts';
import { writeRecord, readRecord } from './content-record.ts';
import { openForm, type Contents } from './contents.ts';
import { judge, vanished, type Fresh } from './judge.ts';

/** A whole, fsynced file under a temporary name of the archive's directory, and the plaintext that it holds. */
export interface Written extends Contents {
  temporary: string;
  form: Form;
}

/**
 * Publishes the file under `target` (the path of the plain form) in its form. The same bytes there in either form, made
 * durable, are 'already-stored'. The caller removes the temporary file, which is gone already where it was published.
 */
export async function publishWritten(
  target: string,
  written: Written,
  by: Identity,
  signal: AbortSignal,
  fence: Fence,
): Promise<Published> {
  const { temporary, form, sizeBytes, sha256 } = written;
  signal.throwIfAborted();
  const opened = (await openForm(temporary, 'plain')) ?? vanished(temporary);
  const fresh = { ...opened, form, sizeBytes, sha256 };
  try {
    return (await judge(target, fresh, by, signal)) ?? (await giveName(target, fresh, by, signal, fence));
  } finally {
    await closeFile(fresh.descriptor);
  }
}

async function giveName(
  target: string,
  fresh: Fresh,
  by: Identity,
  signal: AbortSignal,
  fence: Fence,
): Promise<Published> {
  const path = pathInForm(target, fresh.form);
  const other = pathInForm(target, fresh.form === 'plain' ? 'zstd' : 'plain');
  const isOtherThere = async (): Promise<boolean> => (await unlessMissing(lstat(other))) !== undefined;
  if (fresh.form === 'zstd') await writeRecord(target, fresh, fresh, by);
  const [otherForm] = await Promise.all([isOtherThere(), fence.before()]);
  if (otherForm || !(await linkIfFree(fresh.path, path)))
    return (await judge(target, fresh, by, signal)) ?? vanished(target);
  await removeUnfinished(by.stateDirectory, fresh.path);
  await settleName(path, fence);
  await keepRecord(target, fresh, by);
  // Whoever stores the other form at this moment looks for this one, too, once it has its name: one of the two sees both.
  if (!(await isOtherThere())) return 'stored';
  const verdict = (await judge(target, fresh, by, signal)) ?? vanished(target);
  return verdict === 'already-stored' ? 'stored' : { ...verdict, inBothForms: true };
}

/** Another writer of the name, who has lost it, may have put his record in place of this one. */
async function keepRecord(target: string, fresh: Fresh, by: Identity): Promise<void> {
  if (fresh.form === 'plain' || (await readRecord(target, fresh)) !== undefined) return;
  await writeRecord(target, fresh, fresh, by);
}
