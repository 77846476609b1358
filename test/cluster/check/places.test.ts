// twowarm check over destinations that are directories, each broken in another way.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { mountTmpfs } from '../../harness/mounts.ts';
import { commandLine, makeNode } from '../../harness/node-fixture.ts';
import { giveToServerUser } from '../../harness/server-user.ts';
import { anotherCluster } from '../../harness/wal-files.ts';
import { makeDead, missingHint, policyNode } from '../../archive/policies/policy-node.ts';
import { trace } from '../../faults/strace.ts';
import { found, freeAndApart, said } from './check.ts';

describe('a destination', () => {
  it("that is missing, or another cluster's, is named with what to do", async () => {
    await using node = await makeNode('check-missing');
    const directory = node.path('db2');
    renameSync(directory, `${directory}-away`);
    expect(await said(node, 'destination-road,destination-write')).toEqual({
      code: 2,
      lines: [
        ...found(
          'CRITICAL',
          'destination-road db2',
          `the archive directory ${directory} does not exist`,
          missingHint,
        ),
        ...found('skipped', 'destination-write db2', 'not judged: destination-road db2 is critical'),
      ],
    });
    mkdirSync(directory, { mode: 0o700 });
    giveToServerUser(directory);
    expect((await said(node, 'destination-road')).lines).toEqual(
      found(
        'CRITICAL',
        'destination-road db2',
        `the archive ${directory} has lost its .twowarm`,
        'DETAIL:  This node has seen it there before: an unmounted disk leaves an empty directory like this one.',
        `HINT:  Mount it. If it was emptied on purpose, remove ${node.path(`twowarm/state/archives/${encodeURIComponent(directory)}`)}.`,
      ),
    );
    node.sandbox.file('db2/.twowarm/format', 'twowarm archive 1\n');
    node.sandbox.file('db2/.twowarm/owner', `{"archive":"00","system_identifier":"${anotherCluster}"}\n`);
    expect((await said(node, 'destination-road')).lines).toEqual(
      found(
        'CRITICAL',
        'destination-road db2',
        `the archive ${directory} belongs to another cluster`,
        `DETAIL:  It holds WAL of system identifier ${anotherCluster}; this cluster is 7311222333444555666.`,
        'HINT:  Give each cluster an archive directory of its own.',
      ),
    );
  });

  it('that is claimed for another node refuses what this one archives', async () => {
    await using node = await makeNode('check-fenced');
    const owner = node.path('db2/.twowarm/owner');
    const at = '2026-01-31T12:00:00.000Z';
    const claim = { timeline: 2, node: 'fedcba9876543210', node_name: 'db2', epoch: 1, claimed_at: at };
    writeFileSync(
      owner,
      `${JSON.stringify({ ...(JSON.parse(readFileSync(owner, 'utf8')) as object), ...claim })}\n`,
    );
    const url = `file:${node.path('db2')}`;
    expect(await said(node, 'destination-owner')).toEqual({
      code: 2,
      lines: found(
        'CRITICAL',
        'destination-owner db2',
        `cannot store files at ${url}: the archive belongs to another node`,
        `DETAIL:  Node db2 (fedcba9876543210) holds it on timeline 2, epoch 1, since ${at}. archive_command is refused there.`,
        `HINT:  If db2 is the primary now, stop this server: it is a second one. If this one is a restored copy, set archive_mode = off in it. If this one is the primary: twowarm claim --take-over ${url}`,
      ),
    });
  });

  it('that is full, read-only, or has little room, is told apart', async () => {
    await using node = await makeNode('check-disk', { used: false });
    const directory = node.path('db2');
    using disk = mountTmpfs(directory, 'size=3m');
    const url = `file:${directory}`;
    expect(await said(node, 'destination')).toEqual({
      code: 2,
      lines: [
        expect.stringMatching(
          new RegExp(
            `^ok {8}destination-road db2: ${url} opens within \\d+ ms; it is empty, and becomes an archive with the first file$`,
          ),
        ) as string,
        ...freeAndApart,
        ...found(
          'CRITICAL',
          'destination-room db2',
          `3 MB (100 %) of the disk of ${url} are free: room for 3 segments`,
          'HINT:  Make room, or give it a larger disk. On an archive: twowarm consumers list says what is kept, and for whom.',
        ),
        expect.stringMatching(
          /^ok {8}destination-write db2: a file is durable there within \d+ ms, and hard links work$/,
        ) as string,
      ],
    });
    writeFileSync(`${directory}/filler`, Buffer.alloc(3 * 1024 * 1024 - 4096));
    expect(await said(node, 'destination-write')).toEqual({
      code: 2,
      lines: found(
        'CRITICAL',
        'destination-write db2',
        `could not make a file in ${directory}: No space left on device`,
        'HINT:  PostgreSQL keeps the file and tries again. Make room there before pg_wal is full, too.',
      ),
    });
    rmSync(`${directory}/filler`);
    disk.remount('ro');
    expect(await said(node, 'destination-write')).toEqual({
      code: 2,
      lines: found(
        'CRITICAL',
        'destination-write db2',
        `could not create the directory ${directory}/.twowarm: Read-only file system`,
        'HINT:  Mount it for writing. After a fault of the disk the kernel log says why it is not.',
      ),
    });
  });

  it('beside pg_wal is no second copy, and one of too little room is warned of', async () => {
    await using node = await makeNode('check-beside', {
      configuration: (path) =>
        `[archive]\nspace_warn_below = '100%'\n[destination.db2]\nurl = 'file:${path('db2')}'\n`,
    });
    expect((await said(node, 'destination-place')).lines).toEqual(
      found(
        'WARNING',
        'destination-place db2',
        `${node.path('db2')} is on the same file system as ${node.path('data/pg_wal')}`,
        'DETAIL:  Both are lost together, and a full disk stops both.',
        'HINT:  Use another disk, best of another machine (ssh://).',
      ),
    );
    const { code, lines } = await said(node, 'destination-room,wal-room');
    expect(code).toBe(1);
    expect(
      lines.filter((line) => line === '          DETAIL:  That is less than archive.space_warn_below.'),
    ).toHaveLength(2);
  });

  it('whose file system has no hard links cannot be one', async () => {
    await using node = await makeNode('check-links');
    const line = commandLine('twowarm', 'check', '--only', 'destination-write');
    const traced = trace(node, line, { inject: 'link,linkat:error=EPERM', threads: 4 });
    const { code, stdout } = await traced.program.result;
    expect(code).toBe(2);
    const lines = stdout.trimEnd().split('\n').slice(1);
    expect(lines[0]).toMatch(
      /^CRITICAL {2}destination-write db2: cannot publish \S+\/db2\/\.tmp\.checked\.\S+: the file system refuses hard links \(EPERM\)$/,
    );
    expect(lines.slice(1)).toEqual([
      '          DETAIL:  A hard link is the one way to give a file its name without ever replacing another.',
      '          HINT:  Put the archive on a file system that has hard links.',
    ]);
  });

  it('that hangs does not hold up the others', async () => {
    await using node = await policyNode('check-dead', { db2: [], db3: [] });
    await makeDead(node, 'db2');
    const { code, lines } = await said(node, 'destination-road,destination-write', '--timeout', '1s');
    expect(code).toBe(2);
    expect(lines.slice(0, 2)).toEqual(
      found(
        'CRITICAL',
        'destination-road db2',
        `could not open file:${node.path('db2')}: no answer within 1s`,
        'HINT:  It hangs: look at the disk or the machine behind it. To give it longer: --timeout.',
      ),
    );
    expect(lines.slice(2).join('\n')).toMatch(
      /^ok {8}destination-road db3: .*\nok {8}destination-write db3: .*\nskipped {3}destination-write db2: not judged: destination-road db2 is critical$/,
    );
  });
});
