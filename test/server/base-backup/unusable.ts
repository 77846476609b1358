// What an interrupted copy has to leave behind: a primary whose backup mode has ended, and a target that nobody can start, or one
// that is complete.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Cluster } from '../../harness/cluster.ts';
import { run } from '../../harness/run.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { expectAccepted } from './verify-copy.ts';
import { archiveIn } from './copied-pair.ts';

/** No session with a backup is left: the server ends the backup of a session that is gone. */
export async function expectNoBackup(primary: Cluster): Promise<void> {
  const sessions = "select count(*)::int from pg_stat_activity where application_name = 'copyToStandby'";
  await waitFor(
    'the session of the backup to be gone',
    async () => (await primary.value<number>(sessions)) === 0,
  );
  if (primary.postgres.major < 15) expect(await primary.value('select pg_is_in_backup()')).toBe(false);
}

interface Refusal {
  stdout: string;
  stderr: string;
  log: string;
}

/** What pg_ctl start says, and the server that it starts, for a directory that is less than a cluster. */
function refusalFor(root: string): Refusal {
  const has = (name: string): boolean => existsSync(join(root, name));
  if (!has('PG_VERSION'))
    return {
      stdout: '',
      stderr: `pg_ctl: directory "${root}" is not a database cluster directory\n`,
      log: '',
    };
  const inVain = {
    stdout: 'waiting for server to start.... stopped waiting\n',
    stderr: 'pg_ctl: could not start server\nExamine the log output.\n',
  };
  // A file that was being written when the copy ended.
  if (readFileSync(join(root, 'PG_VERSION'), 'latin1') === '')
    return {
      ...inVain,
      log: `FATAL:  "${root}" is not a valid data directory\nDETAIL:  File "${root}/PG_VERSION" does not contain valid data.\nHINT:  You might need to initdb.\n`,
    };
  const log = has('postgresql.conf')
    ? `postgres: could not find the database system\nExpected to find it in the directory "${root}",\nbut could not open file "${root}/global/pg_control": No such file or directory\n`
    : `postgres: could not access the server configuration file "${root}/postgresql.conf": No such file or directory\n`;
  return { ...inVain, log };
}

/** No server starts there, and an attempt says why; the directory may not be there yet, too. */
export async function expectUnusable({ dataDirectory: root, postgres, sandbox }: Cluster): Promise<void> {
  expect(existsSync(join(root, 'global/pg_control'))).toBe(false);
  if (!existsSync(root)) return;
  const log = sandbox.file('refused.log', '');
  const words = ['start', '-w', '-t', '30', '-D', root, '-l', log];
  const { code, stdout, stderr } = await run(join(postgres.bindir, 'pg_ctl'), words);
  expect(code).toBe(1);
  const logged = readFileSync(log, 'utf8').replaceAll(/^\d{4}-\S+ \S+ \S+ \[\d+\] /gm, '');
  // How often it has looked depends on the machine.
  const said = { stdout: stdout.replace(/\.{4,}/, '....'), stderr, log: logged };
  expect(said).toEqual(refusalFor(root));
}

/** Either it was complete before it was interrupted, or it cannot be used. True where it was complete. */
export async function expectSafe(primary: Cluster, copied: Cluster): Promise<boolean> {
  await expectNoBackup(primary);
  const isComplete = existsSync(join(copied.dataDirectory, 'global/pg_control'));
  if (isComplete) await expectAccepted(copied, archiveIn(copied));
  else await expectUnusable(copied);
  return isComplete;
}
