// What an archive directory holds beside its WAL files: gap records, and partial segments of other promotions. Only for
// the node that the directory belongs to: no road lists them.
import { join } from 'node:path';
import { fromSystemError } from '../program/program-error.ts';
import { readDirectory, unlessMissing } from '../program/system-calls.ts';
import { parseWalFileName } from '../wal/filename.ts';

export interface ArchiveExtras {
  /** Names of WAL files that were given up on purpose. */
  gaps: string[];
  /** '<segment>.partial.<sha256>' */
  versions: string[];
}

const versionPattern = /^([0-9A-F]{24}\.partial)\.[0-9a-f]{64}$/;

/** The name that a version is one of: '<segment>.partial'; undefined for any other name. */
export const nameOfVersion = (version: string): string | undefined => versionPattern.exec(version)?.[1];

/** Where a version's bytes are. */
export const pathOfVersion = (archive: string, version: string): string =>
  join(archive, '.twowarm', 'versions', version);

/** Both, in name order; none of what is not there. */
export async function listExtras(archive: string): Promise<ArchiveExtras> {
  const [gaps, versions] = await Promise.all(['gaps', 'versions'].map((each) => namesIn(archive, each)));
  return {
    gaps: gaps!.filter((name) => parseWalFileName(name) !== undefined),
    versions: versions!.filter((name) => nameOfVersion(name) !== undefined),
  };
}

async function namesIn(archive: string, what: string): Promise<string[]> {
  const path = join(archive, '.twowarm', what);
  const entries = await unlessMissing(readDirectory(path)).catch((error: unknown) => {
    throw fromSystemError(error, `could not read ${path}`);
  });
  return (entries ?? []).map(({ name }) => name).sort();
}
