// The records of .twowarm/epochs/: the n-th change of hands of an archive, a claim or one taken back. What follows from them
// is in claims.ts.
import { join } from 'node:path';
import { ProgramError } from '../program/program-error.ts';
import { readDirectory, readText, unlessMissing } from '../program/system-calls.ts';
import { claimIn, type Claim } from './ownership.ts';
import { createRecord, recordNames } from './record-file.ts';
import type { Identity } from './transport.ts';

/** One change of hands: a claim, or one taken back, which restores what was before it. */
export interface Change {
  /** Counted from 1, without a gap. */
  number: number;
  /** Who holds the archive since. */
  holder: Claim | undefined;
  /** Who made the change. */
  node: string;
  isRelease: boolean;
  /** The highest epoch that there has been. */
  highest: number;
}

const epochsIn = (directory: string): string => join(directory, '.twowarm', 'epochs');

type Fields = Partial<Record<string, unknown>>;

/** The fields of a JSON object; none of what is no such object. */
function parseObject(text: string): Fields {
  try {
    return (JSON.parse(text) as Fields | null) ?? {};
  } catch {
    return {};
  }
}

/** The change of that number; a `format-unknown` error where it cannot be understood. */
export async function readChange(directory: string, number: number): Promise<Change> {
  const path = join(epochsIn(directory), String(number));
  const value = parseObject(await readText(path, 'utf8'));
  const { node, released } = value;
  const isRelease = typeof released === 'number';
  const holder = claimIn(isRelease ? (value['restored'] ?? {}) : value);
  if (typeof node !== 'string' || holder === 'damaged' || (holder === undefined && !isRelease)) {
    throw new ProgramError('format-unknown', `${path} is damaged or of an unknown version`);
  }
  // Only the last claim of all is ever taken back.
  return { number, holder, node, isRelease, highest: isRelease ? released : holder!.epoch };
}

/** The last change of hands; undefined for an archive that nobody has ever claimed. */
export async function lastChange(directory: string): Promise<Change | undefined> {
  const entries = (await unlessMissing(readDirectory(epochsIn(directory)))) ?? [];
  const numbers = entries.map(({ name }) => name).filter((name) => /^[1-9][0-9]*$/.test(name));
  const last = Math.max(0, ...numbers.map(Number));
  return last === 0 ? undefined : readChange(directory, last);
}

/** Writes the change durably; false when somebody else was faster. */
export async function record(
  directory: string,
  number: number,
  change: object,
  { nodeId }: Identity,
): Promise<boolean> {
  const epochs = epochsIn(directory);
  // For what a call left unfinished that was killed here.
  await recordNames(epochs, nodeId);
  return createRecord(join(epochs, String(number)), `${JSON.stringify(change)}\n`, nodeId);
}
