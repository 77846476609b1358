// Is what an archive holds under a name the same as a new file? Judged by size and SHA-256 where those of the stored one are
// on record; the stored file is decoded only where they are not, or to say where two contents part.
import { ProgramError } from '../../program/program-error.ts';
import { syncDirectoryOf, syncOrFail, type Difference } from '../publish.ts';
import type { Identity } from '../transport.ts';
import { settleRecord, writeRecord } from './content-record.ts';
import { areSame, contentsOf, withForms, type Contents } from './contents.ts';
import { plaintextOf, type Stored } from './decode.ts';

/** A new file, open, and what it holds. */
export type Fresh = Stored & Contents;

/** A stored file that has the same content, and whether that is on record. */
interface Same {
  stored: Stored;
  isRecorded: boolean;
}

/**
 * 'already-stored' where every form that is there has the same content, which then is durable; where one has another
 * content, the difference; undefined where the name is free.
 */
export async function judge(
  target: string,
  fresh: Fresh,
  by: Identity,
  signal: AbortSignal,
): Promise<'already-stored' | Difference | undefined> {
  return withForms(target, async (forms) => {
    if (forms.length === 0) return undefined;
    const same: Same[] = [];
    for (const stored of forms) {
      const verdict = await compare(target, stored, fresh, signal);
      if ('differsAt' in verdict) return verdict;
      same.push(verdict);
    }
    for (const each of same) await settle(target, each, fresh, by);
    await syncDirectoryOf(target);
    return 'already-stored';
  });
}

async function compare(
  target: string,
  stored: Stored,
  fresh: Fresh,
  signal: AbortSignal,
): Promise<Same | Difference> {
  if (stored.form === 'plain') {
    const differsAt = await partAt(stored, stored.stats.size, fresh, signal);
    if (differsAt === undefined) return { stored, isRecorded: false };
    return { differsAt, existingBytes: stored.stats.size, newBytes: fresh.sizeBytes };
  }
  const contents = await contentsOf(target, stored, signal);
  if (areSame(contents, fresh)) return { stored, isRecorded: contents.isRecorded };
  const differsAt = await partAt(stored, contents.sizeBytes, fresh, signal);
  // The record was wrong, and the file itself is right.
  if (differsAt === undefined) return { stored, isRecorded: false };
  return { differsAt, existingBytes: contents.sizeBytes, newBytes: fresh.sizeBytes };
}

/** The offset of the first byte in which the plaintexts differ (the end of the shorter one counts). */
async function partAt(
  stored: Stored,
  storedBytes: number,
  fresh: Fresh,
  signal: AbortSignal,
): Promise<number | undefined> {
  const left = plaintextOf(stored, storedBytes, signal);
  const right = plaintextOf(fresh, fresh.sizeBytes, signal);
  try {
    for (let at = 0; ;) {
      const [a, b] = [(await left.next()).value, (await right.next()).value];
      if (a === undefined && b === undefined) return undefined;
      const shorter = Math.min(a?.length ?? 0, b?.length ?? 0);
      if (a === undefined || b === undefined || !a.equals(b)) {
        let offset = 0;
        while (offset < shorter && a![offset] === b![offset]) offset += 1;
        return at + offset;
      }
      at += shorter;
    }
  } finally {
    await left.return();
    await right.return();
  }
}

/** Makes a form durable that was found: its writer may have died before it could. */
export async function settle(target: string, same: Same, contents: Contents, by: Identity): Promise<void> {
  const { stored, isRecorded } = same;
  await syncOrFail(stored.descriptor, stored.path);
  if (stored.form === 'plain') return;
  if (isRecorded) await settleRecord(target);
  else await writeRecord(target, stored, contents, by);
}

/** What had the name was removed before it could be looked at: the next attempt finds the name free. */
export function vanished(target: string): never {
  throw new ProgramError('input-output', `${target} was removed while it was looked at`);
}
