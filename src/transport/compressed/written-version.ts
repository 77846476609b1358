// A partial segment that has arrived under a temporary name, kept as a version (versions.ts): plain, whatever form it came in.
import { join } from 'node:path';
import { makeDirectoryDurably } from '../../program/make-directory.ts';
import { ProgramError } from '../../program/program-error.ts';
import { closeFile } from '../../program/system-calls.ts';
import { temporaryPath } from '../../program/temporary-name.ts';
import { createFile, writeAll } from '../copy.ts';
import { syncOrFail, type Fence, type Published } from '../publish.ts';
import type { Identity } from '../transport.ts';
import { noteUnfinished, removeUnfinished } from '../unfinished.ts';
import { writerOf } from '../writer.ts';
import { areSame, openForm, Tally } from './contents.ts';
import { plaintextOf } from './decode.ts';
import { vanished } from './judge.ts';
import { publishWritten, type Written } from './publish-written.ts';

/** Keeps the written file as a version of `name`; its temporary file stays. */
export async function keepWrittenVersion(
  directory: string,
  name: string,
  written: Written,
  by: Identity,
  signal: AbortSignal,
  fence: Fence,
): Promise<Published> {
  await makeDirectoryDurably(directory);
  const target = join(directory, `${name}.${written.sha256}`);
  const temporary = temporaryPath(target, writerOf(by));
  noteUnfinished(by.stateDirectory, temporary);
  try {
    await createFile(temporary, (to) => writePlaintext(written, to, temporary, signal));
    return await publishWritten(target, { ...written, temporary, form: 'plain' }, by, signal, fence);
  } finally {
    await removeUnfinished(by.stateDirectory, temporary);
  }
}

async function writePlaintext(
  written: Written,
  to: number,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const opened = (await openForm(written.temporary, 'plain')) ?? vanished(written.temporary);
  try {
    const tally = new Tally();
    const stored = { ...opened, form: written.form };
    for await (const chunk of plaintextOf(stored, written.sizeBytes, signal)) {
      tally.add(chunk);
      await writeAll(to, chunk);
    }
    if (!areSame(tally.end(), written))
      throw new ProgramError('invalid-file', `${opened.path} does not hold what was said of it`);
    await syncOrFail(to, path);
  } finally {
    await closeFile(opened.descriptor);
  }
}
