// What is still to be carried to a destination: what is in this node's own archive and not known to be there. By the
// archive's listing and the ledger, when somebody asks; the destination is not asked.
import { join } from 'node:path';
import { bounded } from '../program/bounded.ts';
import { describeError } from '../program/print-error.ts';
import { ProgramError } from '../program/program-error.ts';
import type { Settings } from '../program/settings/settings.ts';
import { stat, unlessMissing } from '../program/system-calls.ts';
import { parseWalFileName } from '../wal/filename.ts';
import { listExtras } from './archive-extras.ts';
import { Ledger, type LedgerPlace } from './ledger.ts';
import { openSource } from './open.ts';
import { othersThanOwn } from './own-directory.ts';
import type { Identity } from './transport.ts';

export interface Lag {
  /** Whole segments. */
  segments: number;
  /** Those, histories, partial segments, backups and gap records. */
  files: number;
  /** In name order; null where nothing is left. */
  first: string | null;
  last: string | null;
  /** When the first one came here, ISO 8601; null where that is not known. */
  since: string | null;
}

/** How long the own archive may take to be listed, in ms; it may hold a million names. */
const lookLimitMs = 120_000;

/** Everything that a relay carries, in name order. */
async function listAll(
  url: string,
  directory: string,
  identity: Identity,
  signal: AbortSignal,
): Promise<string[]> {
  const source = await openSource(url, identity, signal);
  try {
    const [names, { gaps, versions }] = await Promise.all([source.list(signal), listExtras(directory)]);
    return [...names, ...gaps.map((name) => `${name}.gap`), ...versions].sort();
  } finally {
    await source.close();
  }
}

/** When the file came; it may be stored compressed. */
async function arrivalOf(directory: string, name: string | undefined): Promise<string | null> {
  if (name === undefined) return null;
  for (const file of [name, `${name}.zst`]) {
    const stats = await unlessMissing(stat(join(directory, file))).catch(() => undefined);
    if (stats !== undefined) return stats.mtime.toISOString();
  }
  return null;
}

async function lagOf(names: readonly string[], directory: string, ledger: Ledger): Promise<Lag> {
  const lacking = ledger.lacking(names);
  const segments = lacking.filter((name) => parseWalFileName(name)?.kind === 'segment').length;
  const [first, last] = [lacking[0], lacking.at(-1)];
  const since = await arrivalOf(directory, first);
  return { segments, files: lacking.length, first: first ?? null, last: last ?? null, since };
}

/** Of each destination by its name, without the own archive; a fault of the own archive is that of each. */
export async function readLags(
  settings: Settings,
  identity: Identity,
  place: LedgerPlace,
  stop: AbortSignal,
): Promise<Map<string, Lag | { fault: string }>> {
  const directory = settings.archiveDirectory;
  const url = `file:${directory}`;
  const others = await othersThanOwn(settings, stop);
  try {
    const list = (signal: AbortSignal): Promise<string[]> => listAll(url, directory, identity, signal);
    const names = await bounded(`list ${url}`, lookLimitMs, stop, list);
    const all = others.map(
      async ({ name }) => [name, await lagOf(names, directory, new Ledger(name, place))] as const,
    );
    return new Map(await Promise.all(all));
  } catch (error) {
    stop.throwIfAborted();
    if (!(error instanceof ProgramError)) throw error;
    const fault = describeError(error).report.message;
    return new Map(others.map(({ name }) => [name, { fault }]));
  }
}

/** What a person reads of it. */
export function describeLag(lag: Lag | { fault: string }): string {
  if ('fault' in lag) return `what is still to be carried is not known: ${lag.fault}`;
  const { segments, files, first, last, since } = lag;
  if (files === 0) return 'nothing is still to be carried';
  const [more, are] = [files - segments, segments === 1 ? 'segment' : 'segments'];
  const others = more === 0 ? '' : ` and ${more} other ${more === 1 ? 'file' : 'files'}`;
  const span = files === 1 ? first : `${first} to ${last}`;
  return `still to be carried: ${segments} ${are}${others}, ${span}${since === null ? '' : `, the first one here since ${since}`}`;
}
