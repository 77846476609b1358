// A server at work in a data directory is found by postmaster.pid and by its processes, whatever became of either.
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { refuseRunningServer } from '../../src/postgres/refuse-running.ts';
import type { Cluster } from '../harness/cluster.ts';
import { createCluster } from '../harness/create-cluster.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { allProcesses } from '../harness/process-table.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { waitFor } from '../harness/wait-for.ts';
import { faultOf } from '../program/fault.ts';

let sandbox: Sandbox;
let cluster: Cluster;
beforeAll(async () => {
  sandbox = makeSandbox('running');
  cluster = await createCluster(sandbox, { postgres: findPostgres(), name: 'one' });
});
afterAll(() => sandbox.dispose());

const childrenOf = (parent: number): number[] =>
  allProcesses()
    .filter((each) => each.parent === parent)
    .map(({ pid }) => pid)
    .sort((one, other) => one - other);

describe('a server at work in a data directory', () => {
  it('is none where nothing runs, and where there is no such directory', () => {
    expect(() => refuseRunningServer(cluster.dataDirectory)).not.toThrow();
    expect(() => refuseRunningServer(sandbox.directory('one/other'))).not.toThrow();
    expect(() => refuseRunningServer(join(sandbox.path, 'nowhere'))).not.toThrow();
  });

  it('is refused: by postmaster.pid, by its processes where that was removed, and where the postmaster alone has died', async () => {
    const data = cluster.dataDirectory;
    await cluster.start();
    const postmaster = cluster.postmasterPid()!;
    expect(await faultOf(() => refuseRunningServer(data))).toEqual({
      kind: 'server-running',
      message: `a server runs in ${data} (process ${postmaster})`,
      hint: `Stop it first: pg_ctl stop -D ${data}, or the way your system does it.`,
    });

    const kept = join(cluster.parent, 'postmaster.pid');
    renameSync(join(data, 'postmaster.pid'), kept);
    const found = await faultOf(() => refuseRunningServer(data));
    expect(found).toMatchObject({ kind: 'server-running' });
    expect(found.message).toMatch(`PostgreSQL is at work in ${data} (processes ${postmaster}, `);
    renameSync(kept, join(data, 'postmaster.pid'));

    // What stands still does not see that its postmaster has gone.
    const [child] = childrenOf(postmaster);
    process.kill(child!, 'SIGSTOP');
    process.kill(postmaster, 'SIGKILL');
    try {
      await waitFor('only the one that stands still to be left', async () => {
        const { message } = await faultOf(() => refuseRunningServer(data));
        return message === `PostgreSQL is at work in ${data} (process ${child})`;
      });
    } finally {
      process.kill(child!, 'SIGKILL');
    }
    await waitFor('nothing to be left', () => {
      refuseRunningServer(data);
      return true;
    });
  });
});
