// twowarm consumers: the list as monitoring reads it, and the removal of a reader that is gone.
import { rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { commandLine, refused, silent, type NodeFixture, type Outcome } from '../harness/node-fixture.ts';
import { megabyte, segmentNamed } from '../harness/wal-files.ts';
import { fill, makePruner, named, namesIn, recordIn, register } from './archive-of-names.ts';

const day = 86_400_000;
const consumers = (node: NodeFixture, ...words: string[]): Promise<Outcome> =>
  node.sh(commandLine('twowarm', 'consumers', ...words));
/** The disk of the tests may be full or not: room is judged only where a test says so. */
const anyRoom = "[archive]\nspace_warn_below = '0%'\n";

async function makeArchive(more = anyRoom): Promise<NodeFixture> {
  const node = await makePruner(false, more);
  rmSync(node.path('twowarm/archive'), { recursive: true });
  fill(node, 2, 30);
  return node;
}

const urlOf = (node: NodeFixture): string => `file:${node.path('db2')}`;
const roomLine = (node: NodeFixture): string => `${urlOf(node)}: NN % of its disk is free\n`;
/** An outcome whose figure of the disk is not the test's matter. */
const withoutRoom = ({ stdout, ...rest }: Outcome): Outcome => ({
  ...rest,
  stdout: stdout.replace(/\d+ % of its disk/, 'NN % of its disk'),
});
const line = (node: NodeFixture, id: string, needs: string, kind = 'standby'): string => {
  const { seen, since } = recordIn(node, id) as Record<string, string>;
  return `  ${id}  ${kind} node-${id}, needs ${needs}; seen ${seen}, registered ${since}\n`;
};

describe('twowarm consumers list', () => {
  it('is OK where nobody is registered', async () => {
    await using node = await makeArchive();
    expect(withoutRoom(await consumers(node, 'list'))).toEqual({
      ...silent(),
      stdout: `OK: nobody is registered\n${roomLine(node)}  nobody is registered\n`,
    });
  });

  it('shows who needs what', async () => {
    await using node = await makeArchive();
    register(node, 'one', segmentNamed(3));
    register(node, 'two', null, { kind: 'relay' });
    const everything = 'everything: its restart point is not known';
    expect(withoutRoom(await consumers(node, 'list'))).toEqual({
      ...silent(),
      stdout:
        `OK: 2 consumers, and each has come back\n${roomLine(node)}` +
        line(node, 'one', `${segmentNamed(3)} and later`) +
        line(node, 'two', everything, 'relay'),
    });
    const { stdout } = await consumers(node, 'list', '--json');
    const { since, seen } = recordIn(node, 'one');
    expect(JSON.parse(stdout)).toEqual({
      status: 'OK',
      archives: [
        {
          url: urlOf(node),
          freeBytes: expect.any(Number) as number,
          totalBytes: expect.any(Number) as number,
          consumers: [
            {
              ...{ id: 'one', node: 'one', name: 'node-one', kind: 'standby', since, seen },
              ...{ timeline: 1, oldest: segmentNamed(3), lsn: null },
            },
            expect.objectContaining({ id: 'two', timeline: null, oldest: null }) as object,
          ],
          findings: [],
        },
      ],
    });
  });

  it('is WARNING for a reader that has not come back, after a day or what is configured', async () => {
    await using node = await makeArchive();
    register(node, 'gone', segmentNamed(3), { agoMs: day + 60_000 });
    const { seen } = recordIn(node, 'gone') as Record<string, string>;
    const warning = `WARNING: node-gone (standby gone) has not come back to ${urlOf(node)} since ${seen}; it keeps ${segmentNamed(3)} and later\n`;
    expect(withoutRoom(await consumers(node, 'list'))).toEqual({
      ...{ code: 1, stderr: '', changed: [] },
      stdout: `${warning}${roomLine(node)}${line(node, 'gone', `${segmentNamed(3)} and later`)}`,
    });
    await using patient = await makeArchive(`${anyRoom}consumer_warn_after = '2d'\n`);
    register(patient, 'gone', segmentNamed(3), { agoMs: day + 60_000 });
    expect(await consumers(patient, 'list')).toMatchObject({ code: 0 });
  });

  it('is WARNING for a reader whose need stays unknown', async () => {
    await using node = await makeArchive();
    register(node, 'new', null, { agoMs: 3_600_000 });
    const { since } = recordIn(node, 'new') as Record<string, string>;
    const { code, stdout } = await consumers(node, 'list');
    expect(code).toBe(1);
    expect(stdout.split('\n')[0]).toBe(
      `WARNING: node-new (standby new) keeps everything at ${urlOf(node)}: its restart point is not known since ${since}`,
    );
  });

  it('is CRITICAL for a record that cannot be read: nothing is pruned any more', async () => {
    await using node = await makeArchive();
    node.sandbox.file('db2/.twowarm/consumers/odd', '');
    expect(withoutRoom(await consumers(node, 'list'))).toEqual({
      ...{ code: 2, stderr: '', changed: [] },
      stdout:
        `CRITICAL: the consumer odd of ${urlOf(node)} cannot be read: nothing is pruned there\n` +
        `${roomLine(node)}  odd  cannot be read\n`,
    });
  });

  it('is WARNING where room runs out, and CRITICAL where a reader is away meanwhile', async () => {
    await using node = await makeArchive("[archive]\nspace_warn_below = '100%'\n");
    const low = (more: string): RegExp =>
      new RegExp(`^only \\d+ % of the disk of ${urlOf(node).replaceAll(/[.+]/g, '\\$&')} is free${more}$`);
    const first = await consumers(node, 'list');
    expect(first.code).toBe(1);
    expect(first.stdout.split('\n')[0]!.replace('WARNING: ', '')).toMatch(low(''));
    register(node, 'gone', segmentNamed(3), { agoMs: 2 * day });
    const second = await consumers(node, 'list');
    expect(second.code).toBe(2);
    expect(second.stdout.split('\n')[0]!.replace('CRITICAL: ', '')).toMatch(
      low(', and a consumer that has not come back'),
    );
    expect(second.stdout.split('\n')[1]).toMatch(/^WARNING: node-gone/);
  });

  it('is UNKNOWN where an archive cannot be read, and for every fault', async () => {
    await using node = await makeArchive();
    rmSync(node.path('db2'), { recursive: true });
    const missing = `the archive directory ${node.path('db2')} does not exist`;
    expect(await consumers(node, 'list')).toEqual({
      ...{ code: 3, stderr: '', changed: [] },
      stdout: `UNKNOWN: ${missing}\n`,
    });
    const json = await consumers(node, 'list', '--json');
    expect(JSON.parse(json.stdout)).toEqual({
      status: 'UNKNOWN',
      archives: [{ url: urlOf(node), fault: missing }],
    });
    node.configure('[restore]\nprun = 1\n');
    expect(await consumers(node, 'list')).toMatchObject({ code: 3 });
    expect(await consumers(node, 'list', 'x')).toMatchObject({ code: 3 });
  });

  it('--directory shows one archive', async () => {
    await using node = await makeArchive();
    const { code, stdout } = await consumers(node, 'list', '--directory', '../db2');
    expect(code).toBe(0);
    expect(stdout).toContain(`${urlOf(node)}: `);
    expect(await consumers(node, 'list', '--directory', '../data')).toMatchObject({ code: 3 });
    const byUrl = await consumers(node, 'list', '--directory', urlOf(node));
    // Other tests fill the same disk meanwhile.
    const withoutShare = (text: string): string => text.replace(/\d+ %/g, 'some %');
    expect({ code: byUrl.code, stdout: withoutShare(byUrl.stdout) }).toEqual({
      code: 0,
      stdout: withoutShare(stdout),
    });
    expect(await consumers(node, 'list', '--directory', 'ssh://db2/srv/archive')).toEqual(
      refused(
        3,
        'twowarm consumers: ERROR:  --directory must be a directory of this machine, not ssh://db2/srv/archive\n' +
          'HINT:  Ask on the node that has the archive.\n',
      ),
    );
  });
});

describe('twowarm consumers remove', () => {
  it('takes a reader off by its exact name and says what becomes prunable', async () => {
    await using node = await makeArchive();
    register(node, 'gone', segmentNamed(3));
    register(node, 'lives', segmentNamed(20));
    const { seen } = recordIn(node, 'gone') as Record<string, string>;
    const words = (removed: string): string =>
      `node-gone (standby gone) ${removed} removed from the consumers of ${urlOf(node)}: it needed ${segmentNamed(3)} and later, and was seen ${seen}\n` +
      `17 segments, ${17 * megabyte} bytes, from ${segmentNamed(3)} to ${segmentNamed(19)} are needed by no registered consumer then: pruning may remove them.\n`;
    expect(await consumers(node, 'remove', '--dry-run', 'gone')).toEqual({
      ...silent(),
      stdout: words('would be'),
    });
    const json = await consumers(node, 'remove', '--dry-run', '--json', 'gone');
    const ends = { first: segmentNamed(3), last: segmentNamed(19) };
    expect(JSON.parse(json.stdout)).toEqual({
      dryRun: true,
      removed: [
        {
          ...{ url: urlOf(node), consumer: 'gone', others: ['lives'] },
          released: { segments: 17, bytes: 17 * megabyte, ...ends },
        },
      ],
    });
    expect(await consumers(node, 'remove', 'gone')).toEqual({
      ...silent(['removed db2/.twowarm/consumers/gone']),
      stdout: words('was'),
    });
    expect(namesIn(node)).toEqual(named(1, 30));
    await node.sh(commandLine('twowarm', 'prune', segmentNamed(25)));
    expect(namesIn(node)).toEqual(named(20, 30));
  });

  it('says so where nothing becomes prunable, and where nobody is left', async () => {
    await using node = await makeArchive();
    register(node, 'gone', segmentNamed(9));
    register(node, 'lives', segmentNamed(5));
    const second = async (id: string): Promise<string | undefined> =>
      (await consumers(node, 'remove', id)).stdout.split('\n')[1];
    expect(await second('gone')).toBe(
      'Nothing becomes prunable: node-lives (standby lives) may need all of it.',
    );
    expect(await second('lives')).toBe(
      'Nobody else is registered: the next pruning removes whatever lies before its restart point.',
    );
  });

  it('takes off a record that cannot be read', async () => {
    await using node = await makeArchive();
    node.sandbox.file('db2/.twowarm/consumers/odd', '{');
    register(node, 'lives', segmentNamed(5));
    expect(await consumers(node, 'remove', 'odd')).toEqual({
      ...silent(['removed db2/.twowarm/consumers/odd']),
      stdout:
        `odd was removed from the consumers of ${urlOf(node)}: what it needed is not known\n` +
        'What may be pruned then cannot be said: a record cannot be read.\n',
    });
  });

  it.each([
    ...['gon', 'GONE', 'node-gone'].map((id) => [id, '; did you mean gone (standby node-gone)?'] as const),
    ['../consumers/gone', ''] as const,
    ['', ''] as const,
  ])('refuses %j: it is not the name%s', async (id, meant) => {
    await using node = await makeArchive();
    register(node, 'gone', segmentNamed(9));
    const message =
      id === ''
        ? 'twowarm consumers: ERROR:  argument NAME is empty\nHINT:  Usage: twowarm consumers [OPTION]... ACTION [NAME]; see twowarm consumers --help.\n'
        : `twowarm consumers: ERROR:  no archive of this node has a consumer "${id}"${meant}\nHINT:  twowarm consumers list shows the names: the first word of each line.\n`;
    expect(await consumers(node, 'remove', id)).toEqual(refused(id === '' ? 2 : 10, message));
  });

  it('needs a name', async () => {
    await using node = await makeArchive();
    const message =
      'twowarm consumers: ERROR:  missing argument NAME\nHINT:  It is the first word of a line of twowarm consumers list.\n';
    expect(await consumers(node, 'remove')).toEqual(refused(2, message));
  });
});
