// The way of a base backup: a login with a key of its own, to a receiver for the data directory. Whoever needs one has lost a node
// already; so the way is gone before, as far as that can be done without a change.
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { describeCluster } from '../../copying/describe-cluster.ts';
import { linksIn } from '../../copying/near/tablespaces.ts';
import type { Outside, SourceCluster, Target } from '../../copying/target.ts';
import { readControlFile } from '../../postgres/control-file.ts';
import { newestTimeline } from '../../postgres/newest-timeline.ts';
import { besideOf, type Tablespace } from '../../postgres/tablespaces.ts';
import { majorVersion } from '../../postgres/version.ts';
import { describeError } from '../../program/print-error.ts';
import { ProgramError } from '../../program/program-error.ts';
import { readRoadUrl } from '../../program/road-url.ts';
import type { SshRoad } from '../../program/ssh-url.ts';
import { ofFault, ok } from './findings.ts';
import type { Scene } from './scene.ts';
import type { Finding, Step } from './step.ts';

interface Way {
  road: SshRoad;
  /** Of the other node. */
  dataDirectory: string;
}

/** Undefined where no base backup can go there: by SFTP there is no receiver, and without the key nobody knows where to. */
function wayTo(scene: Scene, name: string): Way | undefined {
  const { url, dataDirectory } = scene.destination(name);
  const road = readRoadUrl(url);
  if (road.kind !== 'ssh' || road.isSftp === true || dataDirectory === undefined) return undefined;
  return { road, dataDirectory };
}

/** Whether what is there has more WAL counts when it is copied over, not before. */
const aheadOfAll = 0xffff_ffff_ffff_ffffn;

/** As its files tell: a standby that has never been started wants to know, too, and a node whose server is down. */
async function ownCluster({
  node,
}: Scene): Promise<{ cluster: SourceCluster; tablespaces: readonly Tablespace[] }> {
  const dataDirectory = realpathSync(node.settings.dataDirectory);
  const { systemIdentifier, catalogVersion } = readControlFile(dataDirectory);
  const major = majorVersion(dataDirectory);
  if (major === undefined)
    throw new ProgramError('data-directory', `could not read ${join(dataDirectory, 'PG_VERSION')}`);
  const versionDirectory = `PG_${major}_${catalogVersion}`;
  // A link that somebody has left there is no tablespace.
  const tablespaces = Array.from(linksIn(dataDirectory), ([oid, location]) => ({ oid, location })).filter(
    ({ location }) => existsSync(join(location, versionDirectory)),
  );
  const known = {
    ...{ dataDirectory, tablespaces, systemIdentifier: systemIdentifier.toString() },
    ...{ major, catalogVersion },
  };
  const timeline = newestTimeline(dataDirectory);
  return { cluster: await describeCluster(known, { timeline, lsn: aheadOfAll }), tablespaces };
}

const beside = (tablespaces: readonly Tablespace[], there: Outside['tablespaces']): Outside => ({
  tablespaces: besideOf(tablespaces).map(
    (each) => there.find(({ oid }) => oid === each.oid) ?? { oid: each.oid, location: each.location },
  ),
  walDirectory: undefined,
});

const nothingBeside: Outside = { tablespaces: [], walDirectory: undefined };

const wordsFor = {
  missing: 'nothing is there yet',
  empty: 'it is empty',
  unfinished: 'an interrupted copy is there',
  'data-directory': "it is this cluster's, and no server runs there",
} as const;

const running = "it is this cluster's, and its server runs: a copy needs it stopped";

/** Before the first copy nobody knows where that is going to put them. */
function orMapped(error: unknown): unknown {
  if (!(error instanceof ProgramError) || error.kind !== 'not-allowed') return error;
  const { kind, message, detail, hint } = error;
  const words = 'A first copy with --tablespace-mapping would not write there, but where it says.';
  return new ProgramError(kind, message, {
    detail: detail === undefined ? words : `${detail} ${words}`,
    hint,
    cause: error,
  });
}

async function judge(scene: Scene, target: Target, openMs: number, signal: AbortSignal): Promise<Finding[]> {
  const { cluster, tablespaces } = await ownCluster(scene);
  const figures = { openMs, tablespaces: tablespaces.length };
  const there = await target.look(cluster, nothingBeside, signal, true);
  // Where its tablespaces are over there its links say.
  await target.look(cluster, beside(tablespaces, there.tablespaces), signal, true).catch((error: unknown) => {
    throw there.state === 'missing' || there.state === 'empty' ? orMapped(error) : error;
  });
  const words = there.isRunning === true ? running : wordsFor[there.state];
  return [ok(`${target.url} opens within ${openMs} ms; ${words}`, { figures })];
}

export const baseBackupRoad: Step = {
  id: 'base-backup-road',
  looksAt:
    'The way of a base backup to each ssh destination whose data_directory is configured: the login with its own key, a receiver for that data directory, which may write into it and the tablespaces, and what is there. On a standby: the way back.',
  needs: ['configuration'],
  after: ['destination-road'],
  subjects: (scene) =>
    scene.node.settings.destinations
      .map(({ name }) => name)
      .filter((name) => wayTo(scene, name) !== undefined),
  doing: (_scene, name) => `go the way of a base backup to ${name}`,
  faultIs: () => 'warning',
  run: async (scene, signal, name) => {
    const { road, dataDirectory } = wayTo(scene, name)!;
    const { openFarTarget } = await import('../../copying/far/open-far-target.ts');
    const begun = performance.now();
    const { ssh } = scene.node.settings;
    const target = await openFarTarget(road, dataDirectory, nothingBeside, ssh, signal);
    try {
      return await judge(scene, target, Math.round(performance.now() - begun), signal);
    } catch (error) {
      signal.throwIfAborted();
      // A copy that is at work has gone this way.
      return [ofFault(error, describeError(error).kind === 'busy' ? 'skipped' : 'warning')];
    } finally {
      await target.close();
    }
  },
};
