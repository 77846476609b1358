// Whether PostgreSQL's archiver gets its files away: its statistics, and the marks in pg_wal/archive_status.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fromSystemError } from '../../program/program-error.ts';
import { count } from '../../program/count.ts';
import { critical, orOk, roughly, skipped, unknown, warning } from './findings.ts';
import type { Scene } from './scene.ts';
import type { Finding, Step } from './step.ts';

export interface ArchiverRow extends Record<string, unknown> {
  archived_count: string;
  last_archived_wal: string | null;
  archived_age: number | null;
  failed_count: string;
  last_failed_wal: string | null;
  failed_age: number | null;
}

export const archiverSql = `select archived_count, last_archived_wal, failed_count, last_failed_wal,
  extract(epoch from now() - last_archived_time)::float8 as archived_age,
  extract(epoch from now() - last_failed_time)::float8 as failed_age from pg_stat_archiver`;

/** Files that PostgreSQL has marked to be archived: how many, the first by name, and for how long the oldest mark is there, in ms. */
export function readyFiles(dataDirectory: string): { names: string[]; oldestMs: number } {
  const directory = join(dataDirectory, 'pg_wal', 'archive_status');
  let marks: string[];
  try {
    marks = readdirSync(directory).filter((name) => name.endsWith('.ready'));
  } catch (error) {
    throw fromSystemError(error, `could not read ${directory}`);
  }
  const times = marks
    .map((name) => statSync(join(directory, name), { throwIfNoEntry: false })?.mtimeMs)
    .filter((time) => time !== undefined);
  const oldestMs = times.length === 0 ? 0 : Math.max(0, Date.now() - Math.min(...times));
  return { names: marks.map((name) => name.slice(0, -'.ready'.length)).sort(), oldestMs };
}

/** The archiver tries three times, pauses up to a minute, and tries again: what waits for longer is stuck. */
const waitsForMs = 3 * 60_000;
const stuckForMs = 30 * 60_000;

const hint =
  'The log of the server says what archive_command said. By hand, in the data directory: archiveWALFile --dry-run pg_wal/SEGMENT SEGMENT';

function ofFailures(row: ArchiverRow): Finding[] {
  const { failed_age: failed, archived_age: archived, last_failed_wal: file } = row;
  if (failed === null || (archived !== null && archived <= failed)) return [];
  const since =
    archived === null ? 'nothing was archived yet' : `the last success was ${roughly(archived * 1000)} ago`;
  return [
    critical(`archive_command fails: ${file ?? 'a file'} ${roughly(failed * 1000)} ago, and ${since}`, {
      detail: `It has failed ${row.failed_count} times since the statistics began.`,
      hint,
    }),
  ];
}

function ofWaiting(
  { names, oldestMs }: ReturnType<typeof readyFiles>,
  row: ArchiverRow | undefined,
): Finding[] {
  if (names.length === 0 || oldestMs < waitsForMs) return [];
  const words = `${count(names.length, 'file waits', 'files wait')} in pg_wal to be archived, the first for ${roughly(oldestMs)}: ${names[0]!}`;
  const detail =
    row !== undefined && row.failed_age === null
      ? 'No failure is counted: PostgreSQL does not count a command that a signal ends, or that exits above 125.'
      : undefined;
  return [(oldestMs < stuckForMs ? warning : critical)(words, { detail, hint })];
}

/** Undefined: it cannot be asked. Or why it did not answer. */
async function ask({ server }: Scene): Promise<ArchiverRow | Error | undefined> {
  if (!server.letsUsIn) return undefined;
  try {
    return (await server.rows<ArchiverRow>(archiverSql))[0];
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

async function look(scene: Scene): Promise<Finding[]> {
  const ready = readyFiles(scene.node.settings.dataDirectory);
  const answer = await ask(scene);
  const row = answer instanceof Error ? undefined : answer;
  const figures = {
    ready: ready.names.length,
    oldestReadyS: Math.round(ready.oldestMs / 1000),
    archivedCount: row === undefined ? null : Number(row.archived_count),
    failedCount: row === undefined ? null : Number(row.failed_count),
    lastArchivedS: typeof row?.archived_age === 'number' ? Math.round(row.archived_age) : null,
  };
  const found = [...(row === undefined ? [] : ofFailures(row)), ...ofWaiting(ready, row)];
  if (found.length > 0) return found.map((each) => ({ ...each, figures }));
  if (answer instanceof Error)
    return [
      unknown(`the server does not say how its archiver does: ${answer.message}`, {
        hint: 'The log of the server says why. Run it again once it answers.',
        figures,
      }),
    ];
  if (row === undefined)
    return [
      skipped(
        `the server cannot be asked; ${count(ready.names.length, 'file waits', 'files wait')} in pg_wal`,
        { figures },
      ),
    ];
  const last =
    row.last_archived_wal === null
      ? 'nothing was archived yet'
      : `${row.last_archived_wal} was archived ${roughly((row.archived_age ?? 0) * 1000)} ago`;
  return orOk([], `${last}, and ${count(ready.names.length, 'file waits', 'files wait')}`, { figures });
}

const archiver: Step = {
  id: 'archiver',
  looksAt:
    "PostgreSQL's archiver: whether archive_command fails now (pg_stat_archiver), how long ago it succeeded, and for how long files have waited in pg_wal, which also shows failures that are not counted.",
  where: 'primary',
  needs: ['configuration'],
  after: ['connection'],
  doing: () => 'ask for the archiver',
  run: look,
};

export const archiverSteps = [archiver];
