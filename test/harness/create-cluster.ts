// How a cluster of the tests comes about: as by initdb, or empty for a base backup to fill.
import { existsSync } from 'node:fs';

import { initialise } from './cluster-template.ts';
import { Cluster } from './cluster.ts';
import { freePort } from './free-port.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';
import type { Sandbox } from './sandbox.ts';
import type { Settings } from './settings.ts';

export interface ClusterOptions {
  postgres: PostgresBinaries;
  /** Names the cluster's directory in the sandbox; short, as the path of a socket is limited to 107 bytes. */
  name: string;
  initdbArgs?: readonly string[];
  settings?: Settings;
}

/** A new cluster, not started: `<sandbox>/<name>/data`, superuser postgres, trust, loopback only, little memory. */
export async function createCluster(sandbox: Sandbox, options: ClusterOptions): Promise<Cluster> {
  const { postgres, name, initdbArgs = [], settings = {} } = options;
  const cluster = await placeCluster(sandbox, name, postgres);
  await initialise(postgres, initdbArgs, cluster.dataDirectory);
  cluster.setSettings({ shared_buffers: '16MB', max_connections: 30, ...cluster.address, ...settings });
  return cluster;
}

/** Directories and a port for a cluster whose data directory does not exist yet and comes from elsewhere. */
export async function placeCluster(
  sandbox: Sandbox,
  name: string,
  postgres: PostgresBinaries,
): Promise<Cluster> {
  const cluster = new Cluster(sandbox, name, postgres, await freePort());
  if (existsSync(cluster.dataDirectory)) throw new Error(`the sandbox already has a cluster ${name}`);
  return cluster;
}
