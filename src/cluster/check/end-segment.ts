// The first leg of --full: the current segment is ended, and the archiver calls archive_command with it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { notAllowed, sqlState } from '../../postgres/client.ts';
import { readArchivingState } from '../../program/archiving-state.ts';
import { exec } from '../../program/exec.ts';
import { installedProgram } from '../../program/installation.ts';
import { ProgramError } from '../../program/program-error.ts';
import { formatDuration } from '../../program/settings/quantities.ts';
import { archiverSql, readyFiles, type ArchiverRow } from './archiver.ts';
import { contentOf } from './content.ts';
import { count } from '../../program/count.ts';
import { critical, ok, skipped, unknown } from './findings.ts';
import type { Scene } from './scene.ts';
import type { Finding, Step } from './step.ts';

export const pathInPgWal = ({ node }: Scene, name: string): string =>
  join(node.settings.dataDirectory, 'pg_wal', name);

/** Undefined where PostgreSQL has removed the file already: it was archived. */
async function hashOf(path: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await contentOf(path, signal)).sha256;
  } catch (error) {
    if (error instanceof ProgramError && error.kind === 'source-missing') return undefined;
    throw error;
  }
}

async function endSegment(scene: Scene, signal: AbortSignal): Promise<Finding[]> {
  const { server } = scene;
  // A segment that holds nothing is not ended; the message changes nothing, and is replayed by nobody.
  await server.rows("select pg_logical_emit_message(false, 'twowarm', 'check')");
  const [row] = await server.rows<{ name: string }>('select pg_walfile_name(pg_switch_wal()) as name');
  const endedAt = performance.now();
  const { name } = row!;
  scene.followed = { name, sha256: await hashOf(pathInPgWal(scene, name), signal), endedAt };
  return [ok(`${name} was ended to be followed`, { figures: { segment: name } })];
}

const end: Step = {
  id: 'segment-end',
  looksAt:
    'A message of a few bytes is written into the WAL, and the segment ended (pg_switch_wal), so that there is one to follow. Needs a superuser, or the right to call that function.',
  where: 'primary',
  isFull: true,
  needs: ['connection', 'archive-mode', 'archive-command', 'archiver', 'archiving-state'],
  doing: () => 'end the current segment',
  run: async (scene, signal) => {
    if (readArchivingState(scene.node.settings.home) !== 'on')
      return [skipped('no segment was ended: archiving is not on')];
    try {
      return await endSegment(scene, signal);
    } catch (error) {
      if (sqlState(error) !== notAllowed) throw error;
      return [
        unknown('could not end the current segment: this user may not call pg_switch_wal()', {
          hint: 'As a superuser: grant execute on function pg_switch_wal() to the user of node.conninfo, or let the check connect as a superuser.',
        }),
      ];
    }
  },
};

const everyMs = 10;

/** What our program says of the segment, where PostgreSQL does not tell what it heard. */
async function saysNow(scene: Scene, name: string, signal: AbortSignal): Promise<string | undefined> {
  const { dataDirectory, configurationFile } = scene.node.settings;
  const words = ['--config', configurationFile, '--dry-run', `pg_wal/${name}`, name];
  const environment = { ...scene.server.environment };
  // It may hang in the same place.
  const brief = AbortSignal.any([signal, AbortSignal.timeout(scene.limitMs * 0.1)]);
  const ran = await exec(installedProgram('archiveWALFile'), words, {
    ...{ signal: brief, environment, workingDirectory: dataDirectory },
  }).catch(() => undefined);
  if (ran === undefined || ran.code === 0) return undefined;
  return `archiveWALFile says now: ${ran.stderr.trim().replaceAll('\n', ' ')}`;
}

const failuresOf = async (scene: Scene): Promise<number> => {
  const [row] = await scene.server.rows<ArchiverRow>(archiverSql);
  return Number(row!.failed_count);
};

async function waitForArchiver(scene: Scene, signal: AbortSignal): Promise<Finding[]> {
  const { name, endedAt } = scene.followed!;
  const mark = join(scene.node.settings.dataDirectory, 'pg_wal', 'archive_status', name);
  const failedBefore = await failuresOf(scene);
  const hint = 'The log of the server says what archive_command said.';
  // A moment is left for the words.
  const until = performance.now() + scene.limitMs * 0.8;
  for (let turn = 1; performance.now() < until; turn++) {
    // One that was recycled meanwhile has neither mark.
    if (existsSync(`${mark}.done`) || !existsSync(`${mark}.ready`)) {
      const ms = Math.round(performance.now() - endedAt);
      scene.hops.push({ segment: name, from: 'pg_wal', to: 'archive_command', ms });
      return [ok(`archive_command succeeded with it within ${ms} ms`, { figures: { ms } })];
    }
    await pause(everyMs, undefined, { signal });
    if (turn % 50 === 0 && (await failuresOf(scene)) > failedBefore)
      return [
        critical(`archive_command fails with ${name}`, { detail: await saysNow(scene, name, signal), hint }),
      ];
  }
  scene.hops.push({ segment: name, from: 'pg_wal', to: 'archive_command', ms: null });
  const { names } = readyFiles(scene.node.settings.dataDirectory);
  const before = names.filter((each) => each < name).length;
  const first =
    before === 0 ? undefined : `${count(before, 'file is', 'files are')} to be archived before it.`;
  return [
    critical(`${name} was not archived within ${formatDuration(Math.round(scene.limitMs * 0.8))}`, {
      detail: first ?? (await saysNow(scene, name, signal)),
      hint,
    }),
  ];
}

const archived: Step = {
  id: 'segment-archived',
  looksAt: 'The archiver: how long after the end of the segment archive_command has succeeded with it.',
  where: 'primary',
  isFull: true,
  needs: ['segment-end'],
  doing: () => 'wait for the archiver',
  run: waitForArchiver,
};

export const endSteps = [end, archived];
