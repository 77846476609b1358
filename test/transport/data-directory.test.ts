// What no archive may be: a data directory, a part of one, a pg_wal. Every road and every program says the same, once,
// and changes nothing; reading there goes on as ever.
import { mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refuseDataDirectory } from '../../src/transport/data-directory.ts';
import { program } from '../harness/installation.ts';
import { commandLine, makeNode, refused, silent, type NodeFixture } from '../harness/node-fixture.ts';
import { run } from '../harness/run.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { startSshd, type Sshd } from '../harness/sshd.ts';
import { segmentBytes, segmentNamed } from '../harness/wal-files.ts';
import { faultOf } from '../program/fault.ts';
import { sshNode, urlOf } from './ssh/ssh-node.ts';

const name = segmentNamed(0x21);
const hint = 'Choose a directory outside of every data directory.';
const lost = 'What is archived there is lost with it, or removed by its server.';

/** The data directory of somebody else, with all that a server needs to know it by. */
function dataDirectory(sandbox: Sandbox): string {
  for (const each of ['other/global', 'other/pg_wal/archive_status', 'other/archive'])
    sandbox.directory(each);
  sandbox.file('other/PG_VERSION', '15\n');
  sandbox.file('other/global/pg_control', 'x');
  return sandbox.directory('other');
}

describe('a directory', () => {
  it('is refused where it is a data directory, or lies within one, however it is named', async () => {
    await using sandbox = makeSandbox('data-directory');
    const other = dataDirectory(sandbox);
    symlinkSync(`${other}/pg_wal`, `${sandbox.path}/link`);
    for (const [directory, is] of [
      [other, 'is a data directory'],
      [`${other}/pg_wal`, `lies within the data directory ${other}`],
      [`${other}/pg_wal/archive_status`, `lies within the data directory ${other}`],
      [`${other}/archive/`, `lies within the data directory ${other}`],
      [`${sandbox.path}/link`, `lies within the data directory ${other}`],
    ] as const)
      expect(await faultOf(() => refuseDataDirectory(directory))).toEqual({
        kind: 'settings',
        message: `cannot use ${directory} as an archive: it ${is}`,
        detail: lost,
        hint,
      });
  });

  it('is refused where it is a pg_wal on a disk of its own', async () => {
    await using sandbox = makeSandbox('data-directory');
    const other = dataDirectory(sandbox);
    const wal = `${sandbox.directory('disk')}/wal`;
    renameSync(`${other}/pg_wal`, wal);
    symlinkSync(wal, `${other}/pg_wal`);
    for (const [directory, is] of [
      [wal, 'is the pg_wal of a server'],
      [`${other}/pg_wal`, 'is the pg_wal of a server'],
      [`${wal}/archive_status`, `lies within ${wal}, the pg_wal of a server`],
    ] as const)
      expect(await faultOf(() => refuseDataDirectory(directory))).toEqual({
        kind: 'settings',
        message: `cannot use ${directory} as an archive: it ${is}`,
        detail: `There is ${wal}/archive_status, as in no other directory.`,
        hint,
      });
  });

  it('is not refused for what lies beside it, for one of the two files, or for not being there', async () => {
    await using sandbox = makeSandbox('data-directory');
    const other = dataDirectory(sandbox);
    await refuseDataDirectory(sandbox.directory('twowarm/archive'));
    await refuseDataDirectory(sandbox.path);
    await refuseDataDirectory(`${other}2/gone`);
    for (const stray of ['version', 'control'])
      mkdirSync(`${sandbox.path}/${stray}/archive`, { recursive: true });
    sandbox.file('version/PG_VERSION', '15\n');
    sandbox.file('control/global/pg_control', 'x');
    for (const stray of ['version', 'control']) await refuseDataDirectory(`${sandbox.path}/${stray}/archive`);
  });
});

describe('as a destination at a file: URL', () => {
  const said = (directory: string, holder: string): string =>
    `archiveWALFile: ERROR:  could not store ${name}: cannot use ${directory} as an archive: it lies within the data directory ${holder}\n` +
    `DETAIL:  ${lost}\nHINT:  ${hint}\n`;
  const to = (node: NodeFixture, directory: string): void =>
    node.configure(`[destination.db2]\nurl = 'file:${directory}'\n`);

  it("another server's pg_wal is refused, also by a dry run, and nothing is made in it", async () => {
    await using node = await makeNode('data-directory');
    const other = dataDirectory(node.sandbox);
    to(node, `${other}/pg_wal`);
    node.segment(name);
    for (const words of [[], ['--dry-run']])
      expect(await node.archive(...words, `pg_wal/${name}`, name)).toEqual(
        refused(3, said(`${other}/pg_wal`, other)),
      );
    // The same file under its name there would have passed for the copy.
    node.sandbox.file(`other/pg_wal/${name}`, segmentBytes(name));
    expect(await node.archive(`pg_wal/${name}`, name)).toEqual(refused(3, said(`${other}/pg_wal`, other)));
  });

  it('one that calls itself an archive already is refused by a node that is new there', async () => {
    await using node = await makeNode('data-directory');
    const other = dataDirectory(node.sandbox);
    renameSync(node.path('db2'), `${other}/archive/db2`);
    to(node, `${other}/archive/db2`);
    node.segment(name);
    expect(await node.archive(`pg_wal/${name}`, name)).toEqual(
      refused(3, said(`${other}/archive/db2`, other)),
    );
    // And nothing is removed from it, which may be what a server still needs.
    node.configure(`[restore]\nsources = ['file:${other}/archive/db2']\n`);
    expect(await node.sh(commandLine('twowarm', 'prune', name))).toEqual(
      refused(
        3,
        `twowarm prune: ERROR:  cannot use ${other}/archive/db2 as an archive: it lies within the data directory ${other}\n` +
          `DETAIL:  ${lost}\nHINT:  ${hint}\n`,
      ),
    );
  });

  it("somebody's pg_wal can still be restored from", async () => {
    await using node = await makeNode('data-directory');
    dataDirectory(node.sandbox);
    node.sandbox.file(`other/pg_wal/${name}`, segmentBytes(name));
    node.configure(`[restore]\nsources = ['file:${node.path('other/pg_wal')}']\n`);
    const { code, stderr } = await node.restore(name, 'pg_wal/RECOVERYXLOG');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

describe('over ssh', { timeout: 120_000 }, () => {
  let sandbox: Sandbox;
  let sshd: Sshd;
  beforeAll(async () => {
    sandbox = makeSandbox('data-directory-ssh');
    sshd = await startSshd(sandbox);
  });
  afterAll(async () => {
    await sshd.stop();
    await sandbox.dispose();
  });

  it("the node's own pg_wal is refused: the file to archive is no copy of itself", async () => {
    await using node = await sshNode('own-pg-wal', sshd);
    node.segment(name);
    const wal = node.path('data/pg_wal');
    const url = urlOf(sshd, wal);
    node.use({ url });
    expect(await node.archive(`pg_wal/${name}`, name)).toEqual(
      refused(
        3,
        `archiveWALFile: ERROR:  could not store ${name}: could not open ${url}: cannot use ${wal} as an archive: it lies within the data directory ${node.dataDirectory}\n` +
          `DETAIL:  ${lost}\nHINT:  ${hint}\n`,
      ),
    );
    // To read there harms nobody.
    const created = ['created data/pg_wal/RECOVERYXLOG', 'created twowarm/state/unfinished'];
    expect(await node.restore(name, 'pg_wal/RECOVERYXLOG')).toEqual(silent(created));
  });

  it('the line for authorized_keys is not made for one', async () => {
    await using own = makeSandbox('data-directory-line');
    const other = dataDirectory(own);
    const words = ['receive', '--authorized-keys-line', '--directory', `${other}/archive`];
    expect(await run(program('twowarm'), words)).toMatchObject({
      code: 3,
      stdout: '',
      stderr:
        `twowarm receive: ERROR:  cannot use ${other}/archive as an archive: it lies within the data directory ${other}\n` +
        `DETAIL:  ${lost}\nHINT:  ${hint}\n`,
    });
  });
});
