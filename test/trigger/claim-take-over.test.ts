// twowarm claim --take-over by an old primary, as a program: what it says of abandoned timelines and of its own line.
import { readdirSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openDestination } from '../../src/transport/open.ts';
import { commandLine, makeNode, type NodeFixture } from '../harness/node-fixture.ts';
import { historyText, ourCluster, segmentBytes, segmentNamed } from '../harness/wal-files.ts';
import { makeNode as makeIdentity, neverStopped } from '../transport/archives.ts';

const [five, six] = [segmentNamed(5), segmentNamed(6)];
const history = [{ timeline: 1, switchLsn: 0x50_0000n, reason: '' }];

/** A primary on timeline 1 whose destination was claimed for timeline 2, which left it before segment 5. */
async function makeScene(): Promise<NodeFixture> {
  const node = await makeNode('old-primary');
  for (const name of [five, six]) node.sandbox.file(`db2/${name}`, segmentBytes(name));
  const other = makeIdentity(node.sandbox, ourCluster.toString());
  const road = await openDestination(`file:${node.path('db2')}`, other);
  await road.claim({ timeline: 2, nodeName: 'db2', takeOver: true, history }, neverStopped);
  node.sandbox.file('db2/00000002.history', historyText('0/500000'));
  node.sandbox.file(`db2/${segmentNamed(5, 2)}`, segmentBytes(segmentNamed(5, 2)));
  return node;
}

const mark = (node: NodeFixture, name: string): string =>
  node.sandbox.file(`data/pg_wal/archive_status/${name}`, '');

const takeOver = (node: NodeFixture, ...words: string[]) =>
  node.sh(commandLine('twowarm', 'claim', '-D', node.dataDirectory, '--take-over', ...words));

const walIn = (node: NodeFixture): string[] =>
  readdirSync(node.path('db2'))
    .filter((name) => name !== '.twowarm')
    .sort();

describe('twowarm claim --take-over by an old primary', () => {
  it('moves the abandoned timeline aside, puts back its own line, and says both', async () => {
    await using node = await makeScene();
    mark(node, `${six}.done`);
    const { code, stdout, stderr } = await takeOver(node, 'db2');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(
      `in quarantine there, of abandoned timelines: 00000002.history to ${segmentNamed(5, 2)}, files: 2\n` +
        `put back there, of the line of timeline 1: ${five} to ${six}, files: 2\n`,
    );
    expect(walIn(node)).toEqual([segmentNamed(1), five, six]);
    const list = await node.sh(
      commandLine('twowarm', 'conflicts', 'list', '--archive', `file:${node.path('db2')}`),
    );
    expect(list.stdout).toMatch(
      /^quarantine\/00000001-2\/00000002\.history {2}\d+ bytes {2}of timeline 2, which a claim for timeline 1 abandoned; since /,
    );
    const accept = ['accept', '00000002.history', '--archive', `file:${node.path('db2')}`];
    expect((await node.sh(commandLine('twowarm', 'conflicts', ...accept))).stdout).toBe(
      'put quarantine/00000001-2/00000002.history back as 00000002.history\n',
    );
  });

  it('names what it does not put back, because the server is yet to archive it', async () => {
    await using node = await makeScene();
    for (const name of [`${six}.ready`, `${five}.done`]) mark(node, name);
    const { code, stderr } = await takeOver(node, 'db2');
    const url = `file:${node.path('db2')}`;
    const id = `quarantine/00000002-1/${six}`;
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr:
        `twowarm claim: WARNING:  ${id} at ${url} is of the line of timeline 1, and was not put back\n` +
        'DETAIL:  The archive lacks it. Either the server is yet to archive this segment itself, or it is kept more than once.\n' +
        `HINT:  If the server does not archive it: twowarm conflicts accept ${id} --archive ${url}\n`,
    });
    expect(walIn(node)).toEqual([segmentNamed(1), five]);
  });

  it('warns of each history that stays, where its own line is not known', async () => {
    await using node = await makeScene();
    node.sandbox.file('data/pg_wal/00000003.history', historyText('0/500000'));
    node.sandbox.file('db2/00000004.history', historyText('0/500000'));
    node.sandbox.file('data/pg_wal/00000003.history', 'no history\n');
    const { code, stderr } = await takeOver(node, 'db2');
    const url = `file:${node.path('db2')}`;
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr:
        `twowarm claim: WARNING:  00000004.history of the abandoned timeline stays at ${url}; standbys will follow it unless it is moved aside\n` +
        'DETAIL:  It is not known which line timeline 3 has: its history is not in pg_wal, or cannot be read.\n' +
        `HINT:  Put 00000003.history back into pg_wal, and run again: twowarm claim --take-over ${url}\n`,
    });
    expect(walIn(node)).toContain('00000004.history');
    rmSync(node.path('data/pg_wal/00000003.history'));
    node.sandbox.file('data/pg_wal/00000003.history', historyText('0/500000'));
    expect(await takeOver(node, url)).toMatchObject({ code: 0, stderr: '' });
    expect(walIn(node)).not.toContain('00000004.history');
  });

  it('has it all in one JSON object', async () => {
    await using node = await makeScene();
    mark(node, `${six}.done`);
    const { stdout } = await takeOver(node, '--json', 'db2');
    expect(JSON.parse(stdout)).toMatchObject({
      archives: [
        {
          quarantined: ['00000002.history', segmentNamed(5, 2)],
          putBack: [five, six],
          notPutBack: [],
          staying: [],
        },
      ],
    });
  });
});
