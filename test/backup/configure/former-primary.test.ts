// Data directories that were a primary's, with real servers: a copy of a stopped one follows; one that has written past the
// point where its successor's timeline begins is refused, with both LSNs.
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { copyDataDirectory } from '../../harness/copy-data-directory.ts';
import { placeCluster } from '../../harness/create-cluster.ts';
import { findPostgres } from '../../harness/postgres-binaries.ts';
import { makeSandbox } from '../../harness/sandbox.ts';
import { giveToServerUser } from '../../harness/server-user.ts';
import { expectRows, shipRows, startPrimary, timelineOf, waitForRows } from '../../server/pair.ts';
import { configure, giveHomeTo } from './node-to-configure.ts';

describe('the data directory of a primary', { timeout: 120_000 }, () => {
  it('follows as a copy of a stopped one, and is refused where it has gone on beside its successor', async () => {
    await using sandbox = makeSandbox('former');
    const archive = sandbox.directory('archive');
    const primary = await startPrimary(sandbox, { postgres: findPostgres(), shipsTo: archive });
    await primary.stop();
    const standby = await placeCluster(sandbox, 'standby', primary.postgres);
    copyDataDirectory(primary.dataDirectory, standby.dataDirectory);
    standby.setSettings(standby.address);
    giveHomeTo(standby, archive);
    const refused = await configure(standby);
    expect(refused.code).toBe(90);
    expect(refused.stderr).toContain('pg_control says: shut down; there is no backup_label.');
    expect((await configure(standby, '--former-primary')).code).toBe(0);
    await primary.start();
    const rows = await shipRows(primary, 100);
    await standby.start();
    await waitForRows(standby, rows);
    await standby.promote();
    expect(await timelineOf(standby)).toBe(2);
    await expectRows(standby, rows);
    const history = '00000002.history';
    const archived = join(archive, history);
    copyFileSync(join(standby.dataDirectory, 'pg_wal', history), archived);
    giveToServerUser(archived);

    // The old one goes on for a while.
    await shipRows(primary, 1);
    await primary.stop();
    giveHomeTo(primary, archive);
    const { code, stderr, stdout } = await configure(primary, '--former-primary');
    expect({ code, stdout }).toEqual({ code: 90, stdout: '' });
    expect(stderr).toMatch(
      /ERROR: {2}.* cannot follow timeline 2\nDETAIL: {2}Timeline 2 left timeline 1 at 0\/[0-9A-F]+, and its last checkpoint is at 0\/[0-9A-F]+\.\nHINT: {2}Copy it again: /,
    );
  });
});
