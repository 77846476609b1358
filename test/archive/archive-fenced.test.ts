// archiveWALFile at an archive that belongs to somebody: who is refused, in which words, and what cures it.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { commandLine, makeNode, refused, silent, type NodeFixture } from '../harness/node-fixture.ts';
import { inTurn } from '../harness/share.ts';
import { segmentNamed } from '../harness/wal-files.ts';

const ownerIn = (node: NodeFixture): Record<string, string | number> =>
  JSON.parse(readFileSync(node.path('db2/.twowarm/owner'), 'utf8')) as Record<string, string | number>;

const idOf = (node: NodeFixture, home = 'twowarm'): string =>
  (JSON.parse(readFileSync(node.path(`${home}/state/node.json`), 'utf8')) as { id: string }).id;

/** As if another node had claimed db2. */
function claimForAnother(node: NodeFixture): string {
  const path = node.path('db2/.twowarm/owner');
  const at = '2026-01-31T12:00:00.000Z';
  const claim = { timeline: 2, node: 'fedcba9876543210', node_name: 'db2', epoch: 1, claimed_at: at };
  node.sandbox.file('db2/.twowarm/epochs/1', `${JSON.stringify(claim)}\n`);
  const { archive, system_identifier } = ownerIn(node);
  writeFileSync(path, `${JSON.stringify({ archive, system_identifier, ...claim })}\n`);
  return at;
}

const claim = (node: NodeFixture, ...words: string[]) =>
  node.sh(commandLine('twowarm', 'claim', '-D', node.dataDirectory, ...words));

describe('an archive of another node', () => {
  it('refuses every file in words that cure it, and twowarm claim --take-over does', async () => {
    await using node = await makeNode('fenced');
    const at = claimForAnother(node);
    const url = `file:${node.path('db2')}`;
    node.sandbox.file('data/pg_wal/00000002.history', '1\t0/500000\tx\n');
    node.segment(segmentNamed(2));
    for (const name of [segmentNamed(2), '00000002.history']) {
      const stderr =
        `archiveWALFile: ERROR:  cannot store ${name} at ${url}: the archive belongs to another node\n` +
        `DETAIL:  Node db2 (fedcba9876543210) holds it on timeline 2, epoch 1, since ${at}. Nothing was stored.\n` +
        `HINT:  If db2 is the primary now, stop this server: it is a second one. If this one is a restored copy, set archive_mode = off in it. If this one is the primary: twowarm claim --take-over ${url}\n`;
      expect(await node.archive(`pg_wal/${name}`, name)).toEqual(refused(40, stderr));
      expect(await node.archive('--dry-run', `pg_wal/${name}`, name)).toEqual(refused(40, stderr));
    }
    expect(await claim(node, 'db2')).toEqual(
      refused(
        40,
        `twowarm claim: ERROR:  cannot claim ${url}: it belongs to another node\n` +
          `DETAIL:  Node db2 (fedcba9876543210) holds it on timeline 2, epoch 1, since ${at}. Nothing was changed.\n` +
          `HINT:  If that node is no primary and will be none: twowarm claim --take-over ${url}\n`,
      ),
    );
    const taken = await claim(node, '--take-over', 'db2');
    expect({ ...taken, changed: [] }).toEqual({
      code: 0,
      stdout: `claimed ${url} for node ${ownerIn(node)['node_name']}: timeline 2, epoch 2, since ${ownerIn(node)['claimed_at']}, from node db2 (fedcba9876543210)\n`,
      stderr: '',
      changed: [],
    });
    expect(ownerIn(node)).toMatchObject({ node: idOf(node), epoch: 2, timeline: 2 });
    for (const name of [segmentNamed(2), '00000002.history'])
      expect(await node.archive(`pg_wal/${name}`, name)).toEqual(silent([`created db2/${name}`]));
  });

  it('is told of no gap, and the file is not given up', async () => {
    await using node = await makeNode('fenced');
    claimForAnother(node);
    node.sandbox.file('twowarm/state/archiving', 'discard\n');
    node.segment(segmentNamed(2));
    const { code, stderr, changed } = await node.archive(`pg_wal/${segmentNamed(2)}`, segmentNamed(2));
    expect(code).toBe(0);
    expect(stderr).toContain(
      `WARNING:  cannot record the gap ${segmentNamed(2)} at file:${node.path('db2')}: the archive belongs to another node; it will be recorded before the next file is archived\n`,
    );
    expect(changed.filter((change) => change.includes('db2/'))).toEqual([]);
  });

  it('is read all the same', async () => {
    await using node = await makeNode('fenced', {
      configuration: (path) =>
        `[destination.db2]\nurl = 'file:${path('db2')}'\n[restore]\nsources = ['file:${path('db2')}']\n`,
    });
    claimForAnother(node);
    expect(await node.restore(segmentNamed(1), 'pg_wal/RECOVERYXLOG')).toEqual(
      silent(['created data/pg_wal/RECOVERYXLOG']),
    );
  });
});

describe('a copy of a node', () => {
  it('does not pass for the owner, not even with its home and all it knows', async () => {
    await using node = await makeNode('copied');
    await claim(node);
    node.segment(segmentNamed(2));
    expect(await node.archive(`pg_wal/${segmentNamed(2)}`, segmentNamed(2))).toEqual(
      silent([`created db2/${segmentNamed(2)}`]),
    );
    // The whole node, elsewhere, as a restored test copy is; its configuration names the copy.
    for (const part of ['data', 'twowarm'])
      cpSync(node.path(part), node.path(`copy/${part}`), { recursive: true });
    const configuration = readFileSync(node.path('twowarm/twowarm.toml'), 'utf8');
    node.sandbox.file(
      'copy/twowarm/twowarm.toml',
      configuration.replace(node.dataDirectory, node.path('copy/data')),
    );
    rmSync(node.path('copy/twowarm/state/settings.json'), { force: true });
    for (const part of ['copy', 'copy/twowarm', 'copy/twowarm/state']) node.sandbox.directory(part);
    await node.sh(`chown -R --reference=${node.dataDirectory} ${node.path('copy')}`, { user: 'self' });
    node.segment(segmentNamed(3), {}, 'copy/data/pg_wal');
    node.sandbox.file(`copy/data/pg_wal/archive_status/${segmentNamed(3)}.ready`, '');
    const call = commandLine('archiveWALFile', `pg_wal/${segmentNamed(3)}`, segmentNamed(3));
    const outcome = await node.sh(call, { cwd: node.path('copy/data') });
    expect(outcome.code).toBe(40);
    expect(outcome.stderr).toContain('the archive belongs to another node\n');
    expect(outcome.changed.filter((change) => !change.includes('copy/twowarm/state'))).toEqual([]);
    expect(idOf(node, 'copy/twowarm')).not.toBe(idOf(node));
    node.segment(segmentNamed(3));
    expect(await node.archive(`pg_wal/${segmentNamed(3)}`, segmentNamed(3))).toEqual(
      silent([`created db2/${segmentNamed(3)}`]),
    );
  });
});

describe('twowarm claim', () => {
  it('claims the own archive and all destinations, and again changes nothing', async () => {
    await using node = await makeNode('claim');
    const urls = ['twowarm/archive', 'db2'].map((name) => `file:${node.path(name)}`);
    const dry = await claim(node, '--dry-run');
    expect(dry).toEqual({
      ...silent(),
      stdout: urls.map((url) => `would claim ${url} for timeline 1\n`).join(''),
    });
    const first = await claim(node, '--json');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    const { archives } = JSON.parse(first.stdout) as { archives: Record<string, unknown>[] };
    expect(archives.map(({ url, outcome, epoch, timeline }) => [url, outcome, epoch, timeline])).toEqual(
      urls.map((url) => [url, 'claimed', 1, 1]),
    );
    const again = await claim(node);
    const lines = archives.map(
      ({ url, at }) => `${String(url)} is this node's already: timeline 1, epoch 1, since ${String(at)}\n`,
    );
    expect(again).toEqual({ ...silent(), stdout: lines.join('') });
    expect((await claim(node, '--dry-run')).stdout).toBe(lines.join(''));
  });

  it('claims what can be reached, and says what could not', async () => {
    await using node = await makeNode('claim');
    rmSync(node.path('twowarm/archive'), { recursive: true });
    const { code, stdout, stderr } = await claim(node);
    expect(code).toBe(20);
    expect(stdout).toMatch(new RegExp(`^claimed file:${node.path('db2')} for node .*\n$`));
    expect(stderr).toContain(
      `ERROR:  the archive directory ${node.path('twowarm/archive')} does not exist\n`,
    );
  });

  it('is nothing for a standby, whose primary it would keep away', async () => {
    await using node = await makeNode('claim');
    node.mode('standby');
    expect(await claim(node)).toEqual(
      refused(
        43,
        `twowarm claim: ERROR:  the server in ${node.dataDirectory} is no primary: it recovers\n` +
          'DETAIL:  Its primary could not archive there any more. Nothing was changed.\n' +
          'HINT:  To promote it, which claims its archives: triggerStandby\n',
      ),
    );
  });

  inTurn(2).each([
    ['db3', '"db3" is neither a destination nor a URL; did you mean "db2"?'],
    ['/mnt/archive', '"/mnt/archive" is neither a destination nor a URL'],
  ])('does not know the archive %s', async (word, message) => {
    await using node = await makeNode('claim');
    expect(await claim(node, word)).toEqual(refused(2, `twowarm claim: ERROR:  ${message}\n`));
  });

  it('moves what lies past the fork of the timeline into quarantine', async () => {
    await using node = await makeNode('claim');
    for (const number of [4, 5, 6]) node.segment(segmentNamed(number), {}, 'db2');
    node.sandbox.file('data/pg_wal/00000002.history', '1\t0/500000\tx\n');
    const { code, stdout } = await claim(node, `file:${node.path('db2')}`);
    expect(code).toBe(0);
    expect(stdout.split('\n')[1]).toBe(
      `in quarantine there, past the forks of timeline 2: ${segmentNamed(5)} to ${segmentNamed(6)}, files: 2`,
    );
  });
});
