// twowarm check over a base backup that configStandby was not called for: nobody may start its server yet.
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { commandLine, type NodeFixture } from '../../harness/node-fixture.ts';
import { makeCopy } from '../../backup/configure/node-to-configure.ts';
import { segmentNamed } from '../../harness/wal-files.ts';
import { found, said } from './check.ts';

let node: NodeFixture;
beforeAll(async () => {
  node = await makeCopy();
});
afterAll(() => node[Symbol.asyncDispose]());

const detail =
  'DETAIL:  There is a backup_label, but no standby.signal, recovery.signal or recovery.conf: a server that is started now does not find its checkpoint, or becomes a primary.';
const hint = (): string =>
  `HINT:  Do not start it. Configure it first: configStandby -D ${node.dataDirectory}`;
const message = (): string => `${node.dataDirectory} is a base backup that is not configured yet`;

it('says to configure it, and judges it as the standby that it will be', async () => {
  expect(await said(node, 'server,connection,restore-command,waiting')).toEqual({
    code: 2,
    lines: [
      ...found('CRITICAL', 'server', message(), detail, hint()),
      ...found('skipped', 'connection', 'not judged: server is critical'),
    ],
  });
  // An archive that the primary has claimed is no reason to take it over.
  node.configure(`[destination.db2]\nurl = 'file:${node.path('db2')}'\n`);
  const first = node.segment(segmentNamed(1));
  expect((await node.archive(`pg_wal/${first}`, first)).code).toBe(0);
  const owner = node.path('db2/.twowarm/owner');
  const at = '2026-01-31T12:00:00.000Z';
  const claim = { timeline: 2, node: 'fedcba9876543210', node_name: 'db2', epoch: 1, claimed_at: at };
  writeFileSync(owner, JSON.stringify({ ...(JSON.parse(readFileSync(owner, 'utf8')) as object), ...claim }));
  const { stdout } = await node.sh(commandLine('twowarm', 'check'));
  expect(stdout.split('\n')[0]).toContain(' (standby): ');
  expect(stdout).toContain('destination-owner db2: Node db2 (fedcba9876543210) holds it');
  expect(stdout).not.toMatch(/Start it|take-over/);
});

it.each(['triggerStandby', 'copyToStandby'])('%s says so, too', async (name) => {
  node.configure(`[destination.db2]\nurl = 'file:${node.path('db2')}'\ndata_directory = '/x'\n`);
  expect(await node.sh(commandLine(name))).toMatchObject({
    code: 50,
    stderr: `${name}: ERROR:  ${message()}\n${detail}\n${hint()}\n`,
  });
});

it('is not what a primary has left that crashed during an exclusive backup, nor what a standby has', async () => {
  const [start] = (await said(node, 'server')).lines;
  expect(start).toContain(message());
  node.sandbox.file('data/postmaster.pid', '4194305\n');
  const down = `the server in ${node.dataDirectory} is not running`;
  expect((await said(node, 'server')).lines[0]).toBe(found('CRITICAL', 'server', down)[0]);
  await node.sh('rm postmaster.pid');
  node.mode('standby');
  expect((await said(node, 'server')).lines[0]).toBe(found('CRITICAL', 'server', down)[0]);
  node.mode('none');
});
