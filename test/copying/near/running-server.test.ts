// A directory in which a server runs, or of which processes are left, is refused: with a real server.
import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { expect, it } from 'vitest';
import { openNearTarget } from '../../../src/copying/near/near-target.ts';
import type { Outside, SourceCluster } from '../../../src/copying/target.ts';
import { readControlFile } from '../../../src/postgres/control-file.ts';
import { createCluster } from '../../harness/create-cluster.ts';
import { findPostgres } from '../../harness/postgres-binaries.ts';
import { makeSandbox } from '../../harness/sandbox.ts';
import { snapshot } from '../../harness/tree-snapshot.ts';
import { faultOf } from '../../program/fault.ts';
import { neverStopped, nodeId, nothingOutside, sourceOf } from './scene.ts';

/** Who copies has to be the owner. */
const giveToUs = (path: string): void => chownSync(path, process.geteuid!(), process.getegid!());

const look = (directory: string, source: SourceCluster, tablespaces: Outside['tablespaces'] = []) =>
  openNearTarget({ directory, allowed: 'any', nodeId }).look(
    source,
    { ...nothingOutside, tablespaces },
    neverStopped,
  );

it('a directory of a server that runs, or of which processes are left, is refused', async () => {
  await using sandbox = makeSandbox('near-server');
  const cluster = await createCluster(sandbox, { postgres: findPostgres(15), name: 'one' });
  await cluster.start();
  const directory = realpathSync(cluster.dataDirectory);
  const { systemIdentifier } = readControlFile(directory);
  const source = sourceOf({ systemIdentifier: systemIdentifier.toString(), lsn: 0xffffffffn });
  const pidFile = `${directory}/postmaster.pid`;
  const lines = readFileSync(pidFile, 'utf8').split('\n');
  const hint = `Unless it is the primary by now, and the one to copy from, stop it first: pg_ctl stop -D ${directory}`;
  const before = snapshot(`${directory}/global`);

  expect(await faultOf(() => look(directory, source))).toEqual({
    kind: 'target-in-use',
    message: `cannot copy into ${directory}: a server runs there`,
    detail: `Its process ID is ${lines[0]}, as postmaster.pid says.`,
    hint,
  });

  // A copy of its directory, made by cp, has its links.
  const copied = sandbox.directory('copied/data');
  const space = sandbox.directory('space');
  for (const name of ['global', 'pg_tblspc']) mkdirSync(`${copied}/${name}`);
  for (const name of ['PG_VERSION', 'global/pg_control'])
    copyFileSync(`${directory}/${name}`, `${copied}/${name}`);
  for (const data of [directory, copied]) symlinkSync(space, `${data}/pg_tblspc/16400`);
  for (const path of [copied, dirname(copied), space]) giveToUs(path);
  const theirs = (path: string, what: string) => ({
    kind: 'target-in-use',
    message: `cannot copy into ${path}: it belongs to the server that runs in ${directory}`,
    detail: `It is to be ${what} of the copy.`,
    hint: `Links of ${copied} lead to where that server has its own. Correct them, or remove them if nothing of the copy was there.`,
  });
  const tablespaces = [{ oid: '16400', location: space }];
  expect(await faultOf(() => look(copied, source, tablespaces))).toEqual(theirs(space, 'tablespace 16400'));
  rmSync(`${directory}/pg_tblspc/16400`);
  expect(await look(copied, source, tablespaces)).toMatchObject({ state: 'data-directory' });
  symlinkSync(`${directory}/pg_wal`, `${copied}/pg_wal`);
  expect(await faultOf(() => look(copied, source))).toEqual(theirs(`${directory}/pg_wal`, 'pg_wal'));

  // Somebody has removed the file under it: its processes still work there.
  rmSync(pidFile);
  const fault = await faultOf(() => look(directory, source));
  expect(fault).toEqual({
    kind: 'target-in-use',
    message: `cannot copy into ${directory}: a server runs there`,
    detail: fault.detail,
    hint,
  });
  expect(fault.detail).toMatch(/^Process \d+ is one of PostgreSQL and works in that directory\.$/);
  writeFileSync(pidFile, lines.join('\n'));
  expect(snapshot(`${directory}/global`)).toEqual(before);

  // Processes that are not to be seen, but have the shared memory of a postmaster that is gone.
  const notOurs = 'It is not empty, and is no data directory of PostgreSQL.';
  const left = sandbox.directory('left/data');
  const leftWith = (line: string): void =>
    writeFileSync(`${left}/postmaster.pid`, ['999999999', left, ...lines.slice(2, 6), line, ''].join('\n'));
  giveToUs(left);
  leftWith(lines[6]!);
  const [key, id] = lines[6]!.trim().split(/\s+/);
  expect(await faultOf(() => look(left, source))).toEqual({
    kind: 'target-in-use',
    message: `cannot copy into ${left}: a server has left processes there`,
    detail: `Its postmaster is gone, but its shared memory (key ${key}, ID ${id}) is still in use.`,
    hint: 'End all processes of that server first.',
  });
  // The number alone may be another server's since the machine was started again.
  leftWith(`${Number(key) + 1} ${id}`);
  expect((await faultOf(() => look(left, source))).detail).toBe(notOurs);

  // Who asks long before a copy hears of a server, and may not prepare one.
  const { uid, gid } = statSync(directory);
  for (const path of [directory, cluster.parent]) giveToUs(path);
  const target = openNearTarget({ directory, allowed: 'any', nodeId });
  expect(await target.look(source, nothingOutside, neverStopped, true)).toMatchObject({
    ...{ state: 'data-directory', databaseState: 'in production', isRunning: true },
  });
  const prepared = await faultOf(() => target.prepare(source, nothingOutside, neverStopped));
  expect(prepared.kind).toBe('target-in-use');
  // Nor has one begun.
  expect(
    [`${directory}/.twowarm-copying`, `${cluster.parent}/twowarm`].filter((path) => existsSync(path)),
  ).toEqual([]);
  for (const path of [directory, cluster.parent]) chownSync(path, uid, gid);
  await cluster.stop('immediate');
  leftWith(lines[6]!);
  expect((await faultOf(() => look(left, source))).detail).toBe(notOurs);
  // One that died has left its file.
  writeFileSync(pidFile, lines.join('\n'));
  for (const path of [directory, cluster.parent]) giveToUs(path);
  expect(await look(directory, source)).toMatchObject({
    state: 'data-directory',
    databaseState: 'in production',
  });
});
