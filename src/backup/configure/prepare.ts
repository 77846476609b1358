// What a call of configStandby comes to before anything is written: may this directory be configured, can it follow, and what
// has to change.
import { realpathSync } from 'node:fs';
import { readControlRecovery } from '../../postgres/control-recovery.ts';
import { debianCluster, type DebianCluster } from '../../postgres/debian-layout.ts';
import { openThisNode, placeOf, type ThisNode } from '../../postgres/this-node.ts';
import { majorVersion } from '../../postgres/version.ts';
import type { ProgramCall } from '../../program/command.ts';
import { becomeOwnerOf } from '../../program/privileges.ts';
import type { Report } from '../../program/print-error.ts';
import { ProgramError } from '../../program/program-error.ts';
import { loadSettings } from '../../program/settings/load.ts';
import type { Settings } from '../../program/settings/settings.ts';
import { calledPrograms } from './called-programs.ts';
import { newestLine } from './newest-line.ts';
import { nextSteps } from './next-steps.ts';
import { ownFiles, ownTextIn } from './own-files.ts';
import { planFiles, type FilePlan, type Wanted } from './plan-files.ts';
import type { Mode } from './recovery-settings.ts';
import { originOf, refuseUnfit, type Origin } from './refusals.ts';
import { refuseDiverged, timelineOfNode } from './timeline-check.ts';
import { ofLeftOut, warningsOf } from './warnings.ts';

/** The oldest version whose functions and directories have the names that twowarm knows. */
const oldestMajor = 10;

export interface Prepared {
  node: ThisNode;
  wanted: Wanted;
  plan: FilePlan;
  origin: Origin;
  warnings: readonly Report[];
  next: readonly string[];
}

function modeOf({ options }: ProgramCall): Mode {
  const mode = (options['mode'] as string | undefined) ?? 'hot';
  if (mode !== 'hot' && mode !== 'warm')
    throw new ProgramError('usage', `--mode must be hot or warm, not "${mode}"`);
  if (mode === 'warm' && options['primary-conninfo'])
    throw new ProgramError('usage', 'cannot use --primary-conninfo with --mode warm', {
      detail: 'Only a standby streams; a warm one is a recovery that waits.',
    });
  return mode;
}

function conninfoOf({ options }: ProgramCall): string | undefined {
  const conninfo = options['primary-conninfo'] as string | undefined;
  if (conninfo !== undefined && /[\n\r\0]/.test(conninfo))
    throw new ProgramError('usage', 'cannot use --primary-conninfo: there is a line feed in it');
  return conninfo?.trim();
}

/** The directory's real path, once it is known that it may be looked at: what is refused is not even registered as a node. */
async function fitDirectory(call: ProgramCall): Promise<Settings> {
  const settings = await loadSettings(placeOf(call));
  becomeOwnerOf(settings.dataDirectory);
  refuseUnfit(realpathSync(settings.dataDirectory), settings);
  return settings;
}

function knownMajor(dataDirectory: string): number {
  const major = majorVersion(dataDirectory);
  if (major !== undefined && major >= oldestMajor) return major;
  throw new ProgramError(
    'data-directory',
    `cannot configure ${dataDirectory}: its PG_VERSION is none from ${oldestMajor} on`,
  );
}

/** Whether the node can follow; what could not be asked is a warning, or for a former primary a refusal. */
async function checkTimelines(
  node: ThisNode,
  dataDirectory: string,
  origin: Origin,
  stop: AbortSignal,
): Promise<Report[]> {
  const own = timelineOfNode(dataDirectory, origin);
  const { line, faults } = await newestLine(own, node, stop);
  if (line.timeline !== own) refuseDiverged(dataDirectory, origin, line);
  if (faults.length === 0) return [];
  const detail = faults.map(({ message }) => `${message}.`).join(' ');
  if (origin !== 'former-primary')
    return [{ message: 'whether there is a newer timeline, and where it begins, is not known', detail }];
  throw new ProgramError('source-unreachable', 'whether this former primary can follow is not known', {
    detail,
    hint: 'Its sources have to be reachable: restore.sources.',
  });
}

const elsewhereOf = (dataDirectory: string, debian: DebianCluster | undefined): string | undefined =>
  ownTextIn(dataDirectory, 'postgresql.conf') === undefined ? debian?.postgresqlConf : undefined;

/** Changes nothing in the data directory; throws what refuses it. */
export async function prepare(call: ProgramCall): Promise<Prepared> {
  const [mode, primaryConninfo] = [modeOf(call), conninfoOf(call)];
  const { dataDirectory: configured } = await fitDirectory(call);
  const dataDirectory = realpathSync(configured);
  const major = knownMajor(dataDirectory);
  const origin = originOf(dataDirectory, call.options['former-primary'] === true);
  const node = await openThisNode(call, call.options['dry-run'] !== true);
  const { settings } = node;
  const unknown = await checkTimelines(node, dataDirectory, origin, call.stop);
  const debian = debianCluster(dataDirectory, major);
  const limits = readControlRecovery(dataDirectory)?.limits ?? new Map<string, number>();
  const { changes: own, left } = ownFiles(dataDirectory, settings.home, limits);
  const wanted: Wanted = {
    ...{ dataDirectory, major, mode, settings, primaryConninfo, own },
    commands: calledPrograms(settings, call.options['keep-archive'] === true),
    elsewhere: elsewhereOf(dataDirectory, debian),
  };
  const plan = planFiles(wanted);
  return {
    ...{ node, wanted, plan, origin },
    warnings: [...unknown, ...ofLeftOut(left, settings.home), ...warningsOf(wanted, plan, origin, limits)],
    next: nextSteps(settings, mode, major, debian),
  };
}
