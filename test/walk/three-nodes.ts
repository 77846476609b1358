// Three machines of the README as three directories of this one: each with a data directory, a home and a server. A command of
// the README is run as it stands there, but for the names of places.
import { join } from 'node:path';

import type { Cluster } from '../harness/cluster.ts';
import { createCluster, placeCluster } from '../harness/create-cluster.ts';
import { program } from '../harness/installation.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { shell } from '../harness/run.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { settingsText } from '../harness/settings.ts';
import { nodes, type Node } from './readme.ts';

/** Where the README has PostgreSQL 15's clusters, on each of its machines. */
const there = '/var/lib/postgresql/15/';

export interface ThreeNodes extends AsyncDisposable {
  clusters: Readonly<Record<Node, Cluster>>;
  /** Runs a line; throws unless it ends with 0, or is a check and ends with 0 or 1. What it printed. */
  run(node: Node, command: string): Promise<string>;
  /** What the README says for several nodes on one machine: each gets a port of its own. */
  givePort(node: Node): void;
}

/** A running primary, and room for the two others. */
export async function makeThreeNodes(everywhere: readonly string[]): Promise<ThreeNodes> {
  const sandbox = makeSandbox('walk');
  const postgres = findPostgres(15);
  const clusters = {
    db1: await createCluster(sandbox, { postgres, name: 'db1' }),
    db2: await placeCluster(sandbox, 'db2', postgres),
    dr: await placeCluster(sandbox, 'dr', postgres),
  };
  await clusters.db1.start();
  return {
    clusters,
    run: (node, command) => runOn(sandbox, clusters[node], [...everywhere, command]),
    givePort: (node) =>
      void sandbox.file(`${node}/twowarm/node/postgresql.conf`, settingsText(clusters[node].address)),
    async [Symbol.asyncDispose]() {
      for (const node of nodes) await clusters[node].pgCtl('stop', '-m', 'immediate');
      await sandbox.dispose();
    },
  };
}

/** Directories for roads over ssh, for which no keys are needed; pg_ctl for Debian's program, which knows only its own places. */
function translated({ path }: Sandbox, { name, logFile }: Cluster, command: string): string {
  const main = (text: string): string => text.replaceAll(/\/main(?![\w/])/g, '/data');
  return main(
    command
      .replaceAll(new RegExp(`ssh://postgres@(\\w+)${there}`, 'g'), `file:${path}/$1/`)
      .replaceAll(new RegExp(`(\\w+)=${there}`, 'g'), (whole, of: string) =>
        (nodes as readonly string[]).includes(of) ? `${of}=${path}/${of}/` : whole,
      )
      .replaceAll(there, `${path}/${name}/`)
      .replaceAll(/ --generate-key(?![\w-])/g, ''),
  ).replaceAll(/pg_ctlcluster 15 main (\w+)/g, `pg_ctl -w -D "$PGDATA" -l ${logFile} $1`);
}

async function runOn(sandbox: Sandbox, cluster: Cluster, lines: readonly string[]): Promise<string> {
  const command = lines.at(-1)!;
  const sql = /^psql -c '([^']*)'$/.exec(command)?.[1];
  // Not every PostgreSQL that the tests run on has psql.
  if (sql !== undefined) return JSON.stringify(await cluster.query(sql));
  const line = lines.map((each) => translated(sandbox, cluster, each)).join('\n');
  const path = [join(program('twowarm'), '..'), cluster.postgres.bindir, '/usr/bin', '/bin'].join(':');
  const { code, stdout, stderr } = await shell(line, { env: { PATH: path, PGUSER: 'postgres' } });
  const isWell = code === 0 || (code === 1 && command.startsWith('twowarm check'));
  if (isWell) return stdout;
  throw new Error(`on ${cluster.name}: ${command}\nas: ${line}\nended with ${code}\n${stdout}${stderr}`);
}
