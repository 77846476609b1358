// restoreWALFile as a reader that is known: what it puts on record at its sources and when, and what it says where it
// cannot, or where a segment was pruned.
import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';

import { makeNode, silent, type NodeFixture } from '../harness/node-fixture.ts';
import { segmentNamed } from '../harness/wal-files.ts';
import { fill, idOf, recordIn, register } from './archive-of-names.ts';

const target = 'pg_wal/RECOVERYXLOG';
const none = '0'.repeat(24);

/** A node whose sources are db2 and its own archive, both archives of this cluster; segments 1 to 5 are in db2. */
async function makeReader(mode: 'standby' | 'recovery' | 'none', more = ''): Promise<NodeFixture> {
  const node = await makeNode('reader', {
    configuration: (path) =>
      `[destination.db2]\nurl = 'file:${path('db2')}'\n[destination.own]\nurl = 'file:${path('twowarm/archive')}'\n[restore]\nwait = 'off'\nretry_limit = '100ms'\nsources = ['file:${path('db2')}', 'file:${path('twowarm/archive')}']\n${more}`,
  });
  for (let number = 2; number <= 5; number++) node.segment(segmentNamed(number), {}, 'db2');
  node.mode(mode);
  return node;
}

async function restore(node: NodeFixture, asked: number, restart?: string, timeline = 1) {
  rmSync(node.path(`data/${target}`), { force: true });
  return node.restore(segmentNamed(asked, timeline), target, ...(restart === undefined ? [] : [restart]));
}

const recordPath = (node: NodeFixture, directory = 'db2'): string =>
  node.path(`${directory}/.twowarm/consumers/${idOf(node)}`);

/** As if so much time had passed since the sources were told. */
function age(node: NodeFixture, ms: number): void {
  const note = node.path('twowarm/state/registered');
  const [from, until, key] = readFileSync(note, 'utf8').split('\n');
  writeFileSync(note, `${Number(from) - ms}\n${Number(until) - ms}\n${key}\n`);
  for (const directory of ['db2', 'twowarm/archive']) {
    const record = recordIn(node, idOf(node), directory);
    const seen = new Date(Date.parse(record['seen'] as string) - ms).toISOString();
    writeFileSync(recordPath(node, directory), `${JSON.stringify({ ...record, seen })}\n`);
  }
}

describe('a standby', () => {
  it('is on record at every source once it has asked with %r, also at those that it did not have to ask', async () => {
    await using node = await makeReader('standby');
    const id = idOf(node);
    expect(await restore(node, 5, segmentNamed(3))).toEqual(
      silent([
        `created data/${target}`,
        'created db2/.twowarm/consumers',
        `created db2/.twowarm/consumers/${id}`,
        'created twowarm/archive/.twowarm/consumers',
        `created twowarm/archive/.twowarm/consumers/${id}`,
        'created twowarm/state/registered',
      ]),
    );
    const record = recordIn(node);
    const { since, seen, ...rest } = record;
    const said = {
      version: 1,
      node: id,
      name: hostname(),
      kind: 'standby',
      oldest: segmentNamed(3),
      lsn: null,
    };
    expect(rest).toEqual(said);
    expect(seen).toBe(since);
    expect(Math.abs(Date.now() - Date.parse(seen as string))).toBeLessThan(60_000);
    expect(recordIn(node, id, 'twowarm/archive')).toMatchObject(said);
    expect(statSync(recordPath(node)).mode & 0o777).toBe(0o600);
  });

  it('says nothing more while its restart point stays, and says it anew after some minutes', async () => {
    await using node = await makeReader('standby');
    await restore(node, 5, segmentNamed(3));
    const { since } = recordIn(node);
    expect(await restore(node, 5, segmentNamed(3))).toEqual(silent([`created data/${target}`]));
    age(node, 10 * 60_000);
    const { changed } = await restore(node, 5, segmentNamed(3));
    expect(changed.filter((change) => change.includes('consumers'))).toHaveLength(2);
    expect(recordIn(node)).toMatchObject({ since, oldest: segmentNamed(3) });
    expect(Date.now() - Date.parse(recordIn(node)['seen'] as string)).toBeLessThan(60_000);
  });

  it('is on record before its segment comes, with each new restart point, also with an older one', async () => {
    await using node = await makeReader('standby');
    const seen = [];
    for (const restart of [3, 4, 2]) {
      await restore(node, 5, segmentNamed(restart));
      seen.push(recordIn(node)['oldest']);
    }
    expect(seen).toEqual([segmentNamed(3), segmentNamed(4), segmentNamed(2)]);
  });

  it('that asks for something older than its restart point needs that', async () => {
    await using node = await makeReader('standby');
    await restore(node, 2, segmentNamed(4));
    expect(recordIn(node)).toMatchObject({ oldest: segmentNamed(2) });
  });

  it('holds everything until its first restart point is known, and keeps it over a restart', async () => {
    await using node = await makeReader('standby');
    await restore(node, 3, none);
    expect(recordIn(node)).toMatchObject({ kind: 'standby', oldest: null });
    await restore(node, 5, segmentNamed(4));
    await restore(node, 4, none);
    expect(recordIn(node)).toMatchObject({ oldest: segmentNamed(4) });
    await restore(node, 3, none);
    expect(recordIn(node)).toMatchObject({ oldest: null });
  });

  it.each([
    ['%f %p without %r', undefined],
    ['a garbled %r', 'rubbish'],
  ])('that calls with %s is not registered', async (_title, restart) => {
    await using node = await makeReader('standby');
    expect(await restore(node, 5, restart)).toEqual(silent([`created data/${target}`]));
  });

  it('is not registered by asking for a history file', async () => {
    await using node = await makeReader('standby');
    const outcome = await node.restore('00000002.history', 'pg_wal/RECOVERYHISTORY', segmentNamed(3));
    expect(outcome).toEqual({ ...silent(), code: 1 });
  });

  it('goes on where an archive may only be read, and says so once', async () => {
    await using node = await makeReader('standby');
    chmodSync(node.path('db2/.twowarm'), 0o500);
    const first = await restore(node, 5, segmentNamed(3));
    const url = `file:${node.path('db2')}`;
    expect({ code: first.code, stderr: first.stderr }).toEqual({
      code: 0,
      stderr:
        `restoreWALFile: WARNING:  this node is not registered as a reader of ${url}: could not create the directory ${node.path('db2/.twowarm/consumers')}: Permission denied\n` +
        'DETAIL:  Restoring goes on, but who prunes that archive does not know what this node still needs.\n' +
        'HINT:  Let this node write in its .twowarm/consumers, or prune there only what this node has replayed.\n',
    });
    expect(recordIn(node, idOf(node), 'twowarm/archive')).toMatchObject({ oldest: segmentNamed(3) });
    expect(await restore(node, 5, segmentNamed(4))).toMatchObject({ code: 0, stderr: '' });
    chmodSync(node.path('db2/.twowarm'), 0o700);
    await restore(node, 5, segmentNamed(5));
    expect(recordIn(node)).toMatchObject({ oldest: segmentNamed(5) });
  });

  it('is not registered in a directory that any cp fills, and nothing is said of it', async () => {
    await using node = await makeReader('standby');
    rmSync(node.path('db2/.twowarm'), { recursive: true });
    rmSync(node.path('twowarm/state/archives'), { recursive: true });
    expect(await restore(node, 5, segmentNamed(3))).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(node.path('db2/.twowarm'))).toBe(false);
    expect(recordIn(node, idOf(node), 'twowarm/archive')).toMatchObject({ oldest: segmentNamed(3) });
  });

  it('with a source that is missing says what it always said, once', async () => {
    await using node = await makeReader('standby');
    rmSync(node.path('twowarm/archive'), { recursive: true });
    expect(await restore(node, 5, segmentNamed(3))).toMatchObject({ code: 0, stderr: '' });
    expect(recordIn(node)).toMatchObject({ oldest: segmentNamed(3) });
  });
});

describe('a recovery', () => {
  it('holds everything from where it began', async () => {
    await using node = await makeReader('recovery');
    const seen = [];
    for (const restart of [none, segmentNamed(2), segmentNamed(4)]) {
      await restore(node, 5, restart);
      const { kind, oldest } = recordIn(node);
      seen.push([kind, oldest]);
    }
    expect(seen).toEqual([
      ['restore', null],
      ['restore', segmentNamed(2)],
      ['restore', segmentNamed(2)],
    ]);
  });

  it("that waits, with wait = 'warm', is a standby", async () => {
    await using node = await makeReader('recovery');
    const path = 'twowarm/twowarm.toml';
    node.sandbox.file(path, readFileSync(node.path(path), 'utf8').replace("wait = 'off'", "wait = 'warm'"));
    await restore(node, 5, segmentNamed(3));
    expect(recordIn(node)).toMatchObject({ kind: 'standby', oldest: segmentNamed(3) });
  });

  it('that is over registers nobody', async () => {
    await using node = await makeReader('none');
    expect(await restore(node, 5, segmentNamed(3))).toEqual(silent([`created data/${target}`]));
  });
});

describe('a segment that was pruned', () => {
  /** Segments 2 and 3 were pruned from db2 by n7. */
  async function withPruned(): Promise<NodeFixture> {
    const node = await makeReader('standby');
    await restore(node, 5, segmentNamed(4));
    const at = '2026-01-02T03:04:05.000Z';
    const range = {
      ...{ first: segmentNamed(2), last: segmentNamed(3), since: at, at },
      ...{ node: 'n7', name: 'db7', restart: segmentNamed(4) },
    };
    const stored = { version: 1, segmentSize: 1024 * 1024, ranges: [range] };
    node.sandbox.file('db2/.twowarm/pruned/00000001.x', JSON.stringify(stored));
    for (const number of [2, 3]) rmSync(node.path(`db2/${segmentNamed(number)}`));
    return node;
  }
  const said = (node: NodeFixture, number: number): string =>
    `restoreWALFile: WARNING:  ${segmentNamed(number)} was pruned from file:${node.path('db2')} at 2026-01-02T03:04:05.000Z by db7\n` +
    `DETAIL:  With it went ${segmentNamed(2)} to ${segmentNamed(3)}, what lay before the restart point ${segmentNamed(4)}: no registered reader needed them.\n` +
    'HINT:  Whatever recovers from before that point needs another source, or a newer base backup.\n';

  it('is absent, and said to be pruned once, not at every probe', async () => {
    await using node = await withPruned();
    expect(await restore(node, 3)).toMatchObject({ code: 1, stdout: '', stderr: said(node, 3) });
    expect(await restore(node, 3)).toEqual({ ...silent(), code: 1 });
    expect(await restore(node, 2)).toMatchObject({ code: 1, stderr: said(node, 2) });
  });

  it('is no matter where another source has it, or where it is there again', async () => {
    await using node = await withPruned();
    node.segment(segmentNamed(3), {}, 'twowarm/archive');
    expect(await restore(node, 3)).toMatchObject({ code: 0, stderr: '' });
    node.segment(segmentNamed(2), {}, 'db2');
    expect(await restore(node, 2)).toMatchObject({ code: 0, stderr: '' });
  });

  it('is told from one that was lost', async () => {
    await using node = await withPruned();
    rmSync(node.path(`db2/${segmentNamed(4)}`));
    expect(await restore(node, 4)).toEqual({ ...silent(), code: 1 });
    expect(await restore(node, 3, undefined, 2)).toEqual({ ...silent(), code: 1 });
  });

  it('cannot be told from one that was lost where the record is damaged: absent all the same', async () => {
    await using node = await withPruned();
    const path = node.sandbox.file('db2/.twowarm/pruned/00000001.x', '{');
    const warning =
      `restoreWALFile: WARNING:  the record ${path} of what was pruned is damaged or of a newer version\n` +
      'DETAIL:  What was pruned cannot be told from what was lost.\n' +
      'HINT:  Move it away: the next pruning then begins a new record.\n';
    expect(await restore(node, 3)).toMatchObject({ code: 1, stderr: warning });
    expect(await restore(node, 3)).toEqual({ ...silent(), code: 1 });
  });
});

describe('restoreWALFile with prune = true', () => {
  it('leaves what a slower reader needs, and takes it once that has gone on', async () => {
    await using node = await makeReader('standby', 'prune = true\n');
    fill(node, 6, 20);
    node.segment(segmentNamed(20), {}, 'db2');
    register(node, 'slow', segmentNamed(8));
    const left = (): number[] => {
      const all = Array.from({ length: 20 }, (_, index) => index + 1);
      return all.filter((number) => existsSync(node.path(`db2/${segmentNamed(number)}`)));
    };
    expect(await restore(node, 20, segmentNamed(18))).toMatchObject({ code: 0, stderr: '' });
    expect(left()[0]).toBe(8);
    register(node, 'slow', segmentNamed(15));
    expect(await restore(node, 20, segmentNamed(18))).toMatchObject({ code: 0, stderr: '' });
    expect(left()).toEqual([15, 16, 17, 18, 19, 20]);
  });

  it('prunes nothing and warns where the need of one reader cannot be read', async () => {
    await using node = await makeReader('standby', 'prune = true\n');
    const path = node.sandbox.file('db2/.twowarm/consumers/slow', '');
    const { code, stderr } = await restore(node, 5, segmentNamed(4));
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr:
        `restoreWALFile: WARNING:  the record ${path} of a consumer is damaged or of a newer version\n` +
        'DETAIL:  What that consumer needs is not known; nothing is pruned there.\n' +
        'HINT:  A consumer that lives writes it again. One that is gone for good: twowarm consumers remove slow\n',
    });
    expect(existsSync(node.path(`db2/${segmentNamed(1)}`))).toBe(true);
  });
});
