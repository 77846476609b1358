// A kept file gets its name back. Where the archive has the name already, whoever asked is told whether that is the same file.
import { ProgramError } from '../program/program-error.ts';
import { compareConflict } from '../transport/compare-conflict.ts';
import { acceptConflict, type Conflict } from '../transport/conflicts.ts';

/** Throws `conflict-unknown` where the name is not free; nothing is touched then. */
export async function putBack(directory: string, conflict: Conflict, signal: AbortSignal): Promise<void> {
  try {
    await acceptConflict(directory, conflict);
  } catch (error) {
    if (!(error instanceof ProgramError) || error.kind !== 'conflict-unknown') throw error;
    const { counterpart } = await compareConflict(directory, conflict, signal);
    throw counterpart === 'identical' ? sameIsThere(conflict, error) : error;
  }
}

const sameIsThere = ({ id, walName }: Conflict, cause: ProgramError): ProgramError =>
  new ProgramError('conflict-unknown', `need not put ${id} back: the archive has an identical ${walName}`, {
    detail: 'Both have the same content. Neither was touched.',
    hint: `To drop the kept one: twowarm conflicts discard ${id}`,
    cause,
  });
