// A node that was triggered archives into its own archive, too: zero means that the file is durable there as well.
import { readFileSync, rmSync, symlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { beginOwnArchive } from '../../src/program/own-archive.ts';
import { mountTmpfs } from '../harness/mounts.ts';
import { commandLine, makeNode, refused, silent, type NodeFixture } from '../harness/node-fixture.ts';
import { giveToServerUser, runsAsRoot } from '../harness/server-user.ts';
import { anotherCluster, historyText, segmentBytes, segmentNamed } from '../harness/wal-files.ts';

const name = segmentNamed(0x21, 2);
const since = '2026-11-21T04:00:00.000Z';
const error = (...lines: string[]): string => `archiveWALFile: ERROR:  ${lines.join('\n')}\n`;
const whose = 'This is its own archive, which a node that was triggered archives into, too.';

function trigger(node: NodeFixture): void {
  beginOwnArchive(node.home, '0123456789abcdef', { since, timeline: 2 });
  giveToServerUser(node.path('twowarm/state/own-archive'));
}

async function triggered(configuration?: (path: (name: string) => string) => string): Promise<NodeFixture> {
  const node = await makeNode('archive-own', configuration === undefined ? {} : { configuration });
  trigger(node);
  // What the archive of its own notes at its first use is noted.
  const first = node.segment(segmentNamed(0x20, 2));
  const { code, stderr } = await node.archive(`pg_wal/${first}`, first);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  node.segment(name);
  return node;
}

const archive = (node: NodeFixture, ...options: string[]) => node.archive(...options, `pg_wal/${name}`, name);

describe('a node that was triggered', () => {
  it('stores every file at its destination and in its own archive', async () => {
    await using node = await triggered();
    expect(await archive(node, '--dry-run')).toEqual({
      ...silent(),
      stdout: `${name} would be stored at file:${node.path('db2')}\n${name} would be stored at file:${node.path('twowarm/archive')}\n`,
    });
    expect(await archive(node)).toEqual(silent([`created db2/${name}`, `created twowarm/archive/${name}`]));
    for (const directory of ['db2', 'twowarm/archive'])
      expect(readFileSync(node.path(`${directory}/${name}`)).equals(segmentBytes(name))).toBe(true);
    node.sandbox.file('data/pg_wal/00000002.history', historyText());
    expect(await node.archive('pg_wal/00000002.history', '00000002.history')).toEqual(
      silent(['created db2/00000002.history', 'created twowarm/archive/00000002.history']),
    );
  });

  it('archives into its own archive only, where no destination is configured', async () => {
    await using node = await makeNode('archive-own', { configuration: () => '', used: false });
    node.segment(name);
    expect(await archive(node)).toMatchObject({ code: 3 });
    trigger(node);
    expect(await archive(node)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(readFileSync(node.path(`twowarm/archive/${name}`)).equals(segmentBytes(name))).toBe(true);
  });

  it('does not archive there before it is triggered', async () => {
    await using node = await makeNode('archive-own');
    node.segment(name);
    expect(await archive(node)).toEqual(silent([`created db2/${name}`]));
  });

  it.each([
    ['the same path', (path: (name: string) => string) => `file:${path('twowarm/archive')}`],
    ['a link to it', (path: (name: string) => string) => `file:${path('link')}`],
  ])('stores a file once where a destination is its own archive, by %s', async (_, url) => {
    const link = (path: (name: string) => string): string => {
      symlinkSync(path('twowarm/archive'), path('link'));
      return `[destination.here]\nurl = '${url(path)}'\n`;
    };
    await using node = await triggered(link);
    const { stdout } = await archive(node, '--dry-run');
    expect(stdout).toBe(`${name} would be stored at ${url(node.path)}\n`);
    expect(await archive(node)).toEqual(silent([`created twowarm/archive/${name}`]));
  });

  it('tells its own archive of what it discards, too', async () => {
    await using node = await triggered();
    await node.sh(commandLine('twowarm', 'archiving', 'discard'));
    const { code, changed } = await archive(node);
    expect(code).toBe(0);
    for (const directory of ['db2', 'twowarm/archive'])
      expect(changed).toContain(`created ${directory}/.twowarm/gaps/${name}`);
  });
});

describe('a fault of the file itself', () => {
  it('is said once, and not as one of its own archive', async () => {
    await using node = await triggered();
    const missing = segmentNamed(0x22, 2);
    expect(await node.archive(`pg_wal/${missing}`, missing)).toEqual(
      refused(
        11,
        error(`could not open "${node.path(`data/pg_wal/${missing}`)}": No such file or directory`),
      ),
    );
    const short = segmentNamed(0x23, 2);
    node.sandbox.file(`data/pg_wal/${short}`, segmentBytes(short).subarray(0, 4096));
    node.ready(short);
    const detail = 'DETAIL:  It is 4096 bytes long, which is no segment size.';
    expect(await node.archive(`pg_wal/${short}`, short)).toEqual(
      refused(12, error(`cannot archive ${short}: it is not what its name says`, detail)),
    );
    const foreign = node.segment(segmentNamed(0x24, 2), { systemIdentifier: anotherCluster });
    const outcome = await node.archive(`pg_wal/${foreign}`, foreign);
    expect(outcome).toMatchObject({ code: 13, changed: [] });
    expect(outcome.stderr.match(/ERROR/g)).toHaveLength(1);
    expect(outcome.stderr).not.toContain(whose);
  });

  it('does not hide what is wrong with a destination', async () => {
    await using node = await triggered();
    rmSync(node.path('db2'), { recursive: true });
    const short = segmentNamed(0x23, 2);
    node.sandbox.file(`data/pg_wal/${short}`, segmentBytes(short).subarray(0, 4096));
    node.ready(short);
    const { code, stderr } = await node.archive(`pg_wal/${short}`, short);
    expect({ code, lines: stderr.match(/(?<=ERROR: {2}).*/g) }).toEqual({
      code: 20,
      lines: [
        `cannot archive ${short}: it is not what its name says`,
        `could not store ${short}: the archive directory ${node.path('db2')} does not exist`,
      ],
    });
  });
});

describe('its own archive', () => {
  it('that is missing fails the call; the destination has the file', async () => {
    await using node = await triggered();
    const directory = node.path('twowarm/archive');
    rmSync(directory, { recursive: true });
    const message = error(
      `could not store ${name}: the archive directory ${directory} does not exist`,
      `DETAIL:  ${whose}`,
      'HINT:  If it is a mount, mount it. No program creates it: make a new one with mode 0700 as the owner of the data directory.',
    );
    expect(await archive(node)).toEqual({ ...refused(20, message), changed: [`created db2/${name}`] });
  });

  it('that holds other content under the name fails the call, and neither copy is touched', async () => {
    await using node = await triggered();
    node.segment(name, { content: 0x22 }, 'twowarm/archive');
    const message = error(
      `${name} exists at file:${node.path('twowarm/archive')} with different content`,
      `DETAIL:  The archive's copy has 1048576 bytes, this one 1048576; they differ from byte 40 on. Neither was touched. ${whose}`,
      "HINT:  Two servers archive to one place, or a restored copy of the cluster does, or the archive's copy is damaged, or was archived by hand while PostgreSQL still wrote it. Find out which copy is right.",
    );
    expect(await archive(node)).toEqual({ ...refused(14, message), changed: [`created db2/${name}`] });
  });

  it.runIf(runsAsRoot())('that is full fails the call', async () => {
    await using node = await makeNode('archive-own');
    trigger(node);
    using disk = mountTmpfs(node.path('twowarm/archive'), 'size=512k');
    node.segment(name);
    await archive(node);
    const message = error(
      `could not store ${name} at file:${node.path('twowarm/archive')}: No space left on device`,
      `DETAIL:  ${whose}`,
      'HINT:  PostgreSQL keeps the file and tries again. Make room there before pg_wal is full, too.',
    );
    expect(await archive(node)).toEqual(refused(23, message));
    disk.remount('size=8m');
    expect(await archive(node)).toEqual(silent([`created twowarm/archive/${name}`]));
  });

  it('is not left out because the marker is damaged: nothing is archived, and everybody is told', async () => {
    await using node = await triggered();
    const marker = node.sandbox.file('twowarm/state/own-archive', '{"since"');
    const damaged = `the marker ${marker} is damaged`;
    expect(await archive(node)).toEqual(
      refused(
        28,
        error(
          damaged,
          'DETAIL:  It says that this node was triggered and archives into its own archive, too.',
          'HINT:  If it was, write {"since":"2026-01-31T12:00:00.000Z","timeline":2} into it, with the time and the timeline; if it never was, remove it.',
        ),
      ),
    );
    const { code, stdout } = await node.sh(commandLine('twowarm', 'archiving', 'status'));
    expect(code).toBe(2);
    expect(stdout).toBe(
      `CRITICAL: archiving is on hold: nothing is archived; PostgreSQL keeps the WAL in pg_wal\nbecause ${damaged}\n`,
    );
    expect((await node.sh(commandLine('configSetup'))).stdout).toContain(`\n# ${damaged}\n`);
    // The way out of a full pg_wal stays open.
    await node.sh(commandLine('twowarm', 'archiving', 'discard'));
    expect(await archive(node)).toMatchObject({ code: 0 });
  });

  it('is shown by twowarm archiving status and configSetup', async () => {
    await using node = await triggered();
    const directory = node.path('twowarm/archive');
    const status = await node.sh(commandLine('twowarm', 'archiving', 'status'));
    expect(status.stdout).toBe(
      `OK: archiving is on: archiveWALFile stores files at db2, its own archive ${directory}\nown archive: this node was triggered (timeline 2, ${since})\n`,
    );
    const json = await node.sh(commandLine('twowarm', 'archiving', 'status', '--json'));
    expect(JSON.parse(json.stdout)).toMatchObject({ ownArchive: { directory, since, timeline: 2 } });
    const shown = await node.sh(commandLine('configSetup'));
    expect(shown.stdout).toContain(
      `\n# this node was triggered (on timeline 2, ${since}): it archives into archive.directory, too\n`,
    );
    const settings = await node.sh(commandLine('configSetup', '--json'));
    expect(JSON.parse(settings.stdout)).toMatchObject({ ownArchive: { since, timeline: 2 } });
  });
});
