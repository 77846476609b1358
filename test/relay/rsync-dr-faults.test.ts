// rsyncDR where something is wrong: one file, one destination, the node, another call, a kill. Nothing is stored twice
// with other bytes, the others go on, and each fault is said once, by name.
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { commandLine, type NodeFixture } from '../harness/node-fixture.ts';
import { mountTmpfs } from '../harness/mounts.ts';
import { startProgram } from '../harness/run.ts';
import { inTurn } from '../harness/share.ts';
import { withSlowCalls } from '../harness/slow-calls.ts';
import { waitFor } from '../harness/wait-for.ts';
import { anotherCluster, megabyte, segmentBytes, segmentNamed } from '../harness/wal-files.ts';
import { arrive, isSame, leftovers, makeRelayNode, namesIn, passed, silence } from './fixture.ts';

const [first, second, third] = [segmentNamed(1), segmentNamed(2), segmentNamed(3)];
const error = (...lines: string[]): string => `rsyncDR: ERROR:  ${lines.join('\n')}\n`;

describe('rsyncDR tells of one file, and carries the others', () => {
  it('that the destination has with other content', async () => {
    await using node = await makeRelayNode('fault-duplicate', { destinations: ['dr', 'far'] });
    for (const name of [first, second, third]) arrive(node, name);
    arrive(node, second, { content: 0x55 }, 'dr');
    const before = readFileSync(node.path(`dr/${second}`));
    const stderr = error(
      `${second} exists at file:${node.path('dr')} with different content`,
      `DETAIL:  The archive's copy has ${megabyte} bytes, this one ${megabyte}; they differ from byte 40 on. Neither was touched.`,
      "HINT:  Two servers archive to one place, or a restored copy of the cluster does, or the archive's copy is damaged, or was archived by hand while PostgreSQL still wrote it. Find out which copy is right.",
    );
    // Also the next time: somebody has to look at it.
    for (let pass = 0; pass < 2; pass++) {
      expect(await passed(node)).toEqual({ code: 14, stdout: '', stderr });
      expect(namesIn(node, 'dr')).toEqual([first, second, third]);
      expect(readFileSync(node.path(`dr/${second}`)).equals(before)).toBe(true);
      expect(isSame(node, third)).toBe(true);
      expect(isSame(node, second, 'far')).toBe(true);
    }
    rmSync(node.path(`dr/${second}`));
    expect(await passed(node)).toEqual(silence);
    expect(isSame(node, second)).toBe(true);
  });

  it('that is of another cluster', async () => {
    await using node = await makeRelayNode('fault-foreign');
    arrive(node, first);
    // So that the archive is not judged by the first file that turns up.
    expect(await passed(node)).toEqual(silence);
    const owner = readFileSync(node.path('dr/.twowarm/owner'));
    node.sandbox.file('twowarm/archive/.twowarm/owner', owner);
    node.sandbox.file('twowarm/archive/.twowarm/format', 'twowarm archive 1\n');
    arrive(node, second, { systemIdentifier: anotherCluster });
    arrive(node, third);
    const stderr = error(
      `cannot relay ${second}: it belongs to another cluster`,
      `DETAIL:  It belongs to system identifier ${anotherCluster}; this cluster is 7311222333444555666.`,
    );
    expect(await passed(node)).toEqual({ code: 13, stdout: '', stderr });
    expect(namesIn(node, 'dr')).toEqual([first, third]);
  });

  it('that is damaged', async () => {
    await using node = await makeRelayNode('fault-damaged');
    arrive(node, first, segmentBytes(first).subarray(0, 100_000));
    arrive(node, second);
    const stderr = error(
      `cannot relay ${first}: it is not what its name says`,
      'DETAIL:  It is 100000 bytes long, which is no segment size.',
    );
    expect(await passed(node)).toEqual({ code: 12, stdout: '', stderr });
    expect(namesIn(node, 'dr')).toEqual([second]);
  });
});

describe('rsyncDR tells of one destination, and carries to the others', () => {
  it('that is not there, and brings what it missed once it is back', async () => {
    await using node = await makeRelayNode('fault-missing', { destinations: ['dr', 'far'] });
    arrive(node, first);
    expect(await passed(node)).toEqual(silence);
    renameSync(node.path('dr'), node.path('away'));
    for (const name of [second, third]) arrive(node, name);
    const stderr = error(
      `the archive directory ${node.path('dr')} does not exist`,
      'HINT:  If it is a mount, mount it. No program creates it: make a new one with mode 0700 as the owner of the data directory.',
    );
    expect(await passed(node)).toEqual({ code: 20, stdout: '', stderr });
    expect(namesIn(node, 'far')).toEqual([first, second, third]);
    renameSync(node.path('away'), node.path('dr'));
    expect(await passed(node)).toEqual(silence);
    expect(namesIn(node, 'dr')).toEqual([first, second, third]);
  });

  it('that is of another cluster, and says how much is left', async () => {
    await using node = await makeRelayNode('fault-foreign-destination', { destinations: ['dr', 'far'] });
    for (const name of [first, second]) arrive(node, name);
    arrive(node, first, { systemIdentifier: anotherCluster }, 'dr');
    const { code, stderr } = await passed(node, '--verbose');
    expect(code).toBe(13);
    expect(stderr).toBe(
      `rsyncDR: LOG:  carried 0 files to dr (file:${node.path('dr')}); 2 files left\n` +
        `rsyncDR: LOG:  carried 2 files to far (file:${node.path('far')})\n` +
        error(
          `the archive ${node.path('dr')} belongs to another cluster`,
          `DETAIL:  It holds WAL of system identifier ${anotherCluster}; this cluster is 7311222333444555666.`,
          'HINT:  Give each cluster an archive directory of its own.',
        ),
    );
    expect(namesIn(node, 'dr')).toEqual([first]);
  });

  it('that is full: nothing half is there, and what fits now goes on later', async () => {
    await using node = await makeRelayNode('fault-full', { destinations: ['far'] });
    node.sandbox.directory('dr');
    node.configure(`[destination.dr]\nurl = 'file:${node.path('dr')}'\n`);
    using disk = mountTmpfs(node.path('dr'), 'size=2600k');
    const names = [1, 2, 3, 4].map((number) => arrive(node, segmentNamed(number)));
    const { code, stderr } = await passed(node);
    expect(code).toBe(23);
    expect(stderr).toMatch(
      /^rsyncDR: ERROR: {2}could not store 00000001000000000000000\d at file:\S+: No space left on device\nHINT: {2}PostgreSQL keeps the file and tries again\. Make room there before pg_wal is full, too\.\n$/,
    );
    for (const name of namesIn(node, 'dr')) expect(isSame(node, name), name).toBe(true);
    expect(leftovers(node)).toEqual([]);
    disk.remount('size=8m');
    expect(await passed(node)).toEqual(silence);
    expect(namesIn(node, 'dr')).toEqual(names);
  });

  it('that is mounted read-only', async () => {
    await using node = await makeRelayNode('fault-read-only');
    using disk = mountTmpfs(node.path('dr'), 'size=8m');
    arrive(node, first);
    expect(await passed(node)).toEqual(silence);
    arrive(node, second);
    disk.remount('ro');
    const { code, stderr } = await passed(node);
    expect(stderr).toBe(error(`could not store ${second} at file:${node.path('dr')}: Read-only file system`));
    expect(code).toBe(22);
    disk.remount('rw');
    expect(await passed(node)).toEqual(silence);
    expect(namesIn(node, 'dr')).toEqual([first, second]);
  });

  it('that this node may not write to', async () => {
    await using node = await makeRelayNode('fault-denied');
    arrive(node, first);
    expect(await passed(node)).toEqual(silence);
    arrive(node, second);
    chmodSync(node.path('dr'), 0o500);
    const hint = 'HINT:  The owner of the data directory must be able to read and write there.';
    const stderr = error(`could not store ${second} at file:${node.path('dr')}: Permission denied`, hint);
    expect(await passed(node)).toEqual({ code: 21, stdout: '', stderr });
    chmodSync(node.path('dr'), 0o700);
    expect(await passed(node)).toEqual(silence);
  });

  it('that hangs, after its time limit; the other has everything meanwhile', async () => {
    await using node = await makeRelayNode('fault-hangs', {
      destinations: ['dr', 'far'],
      more: "time_limit = '700ms'\n",
    });
    const names = [1, 2, 3, 4, 5, 6].map((number) => arrive(node, segmentNamed(number)));
    const line = withSlowCalls(commandLine('rsyncDR'), {
      calls: ['openat', 'open', 'newfstatat', 'stat', 'lstat', 'statx'],
      delayMs: 6000,
      path: node.path('dr'),
    });
    const { code, stderr } = await node.sh(line);
    expect(stderr).toMatch(
      new RegExp(
        `^rsyncDR: ERROR: {2}could not (open|store ${first} at) file:${node.path('dr')}: no answer within 700ms\n$`,
      ),
    );
    expect(code).toBe(27);
    expect(namesIn(node, 'far')).toEqual(names);
    expect(await passed(node)).toEqual(silence);
    expect(namesIn(node, 'dr')).toEqual(names);
  });
});

describe('several calls of rsyncDR', () => {
  it('at once: one works, the others end with success', async () => {
    await using node = await makeRelayNode('two-at-once');
    const names = Array.from({ length: 30 }, (_, index) => arrive(node, segmentNamed(index + 1)));
    // By one shell: the fixture looks at the whole sandbox after each call, in which the others must not be at work.
    const five = `all=; for each in 1 2 3 4 5; do ${commandLine('rsyncDR')} & all="$all $!"; done`;
    const { code, stdout, stderr } = await node.sh(`${five}; for each in $all; do wait $each || exit; done`);
    expect({ code, stdout, stderr }).toEqual(silence);
    expect(await passed(node)).toEqual(silence);
    expect(namesIn(node, 'dr')).toEqual(names);
    expect(leftovers(node)).toEqual([]);
  });

  it('say on request who is at work', async () => {
    await using node = await makeRelayNode('who-works');
    const stat = readFileSync('/proc/self/stat', 'latin1');
    const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    await passed(node);
    node.sandbox.file('twowarm/state/relay.lock', `${process.pid} ${start} relay\n`);
    arrive(node, first);
    expect(await passed(node)).toEqual(silence);
    const stderr = `rsyncDR: LOG:  another relay is at work: process ${process.pid}\n`;
    expect(await passed(node, '--verbose')).toEqual({ ...silence, stderr });
    expect(namesIn(node, 'dr')).toEqual([]);
    // A process of that number, but another one: the lock is left over.
    node.sandbox.file('twowarm/state/relay.lock', `${process.pid} 1 relay\n`);
    expect(await passed(node)).toEqual(silence);
    expect(namesIn(node, 'dr')).toEqual([first]);
  });
});

/** So often a pass may be over before the signal reaches it, on a machine that has much to do. */
const mostPasses = 5;

/** A node of which a pass was ended by the signal, with its files, once `isFar` was true of it; the caller closes it. */
async function signalled(
  title: string,
  signal: 'SIGKILL' | 'SIGTERM',
  isFar: (node: NodeFixture) => boolean,
): Promise<{ node: NodeFixture; names: string[] }> {
  for (let count = 1; ; count++) {
    const node = await makeRelayNode(`${title}-${count}`);
    const names = Array.from({ length: 24 }, (_, index) => arrive(node, segmentNamed(index + 1)));
    mkdirSync(node.path('dr'), { recursive: true });
    const program = startProgram('/bin/sh', ['-c', `exec ${commandLine('rsyncDR')}`], {
      cwd: node.dataDirectory,
    });
    await waitFor('the pass to be so far', () => isFar(node), { everyMs: 1 });
    program.kill(signal);
    const result = await program.result;
    if (result.signal === null && count < mostPasses) {
      await node[Symbol.asyncDispose]();
      continue;
    }
    expect(result).toMatchObject({ signal, stdout: '', stderr: '' });
    return { node, names };
  }
}

/** What is in the destination under its own name. */
const carried = (node: NodeFixture): string[] => namesIn(node, 'dr').filter((name) => !name.startsWith('.'));

describe('rsyncDR that is killed', () => {
  inTurn(2).each([0, 1, 7, 19])(
    'after %i files goes on where it was, and nothing half is ever there',
    async (count) => {
      const isFar = (node: NodeFixture): boolean => carried(node).length >= count;
      const killed = await signalled(`killed-${count}`, 'SIGKILL', isFar);
      await using node = killed.node;
      for (const name of carried(node)) expect(isSame(node, name), name).toBe(true);
      expect(await passed(node)).toEqual(silence);
      expect(namesIn(node, 'dr')).toEqual(killed.names);
      for (const name of killed.names) expect(isSame(node, name), name).toBe(true);
      expect(leftovers(node)).toEqual([]);
    },
  );

  it('by SIGTERM dies of it, and leaves nothing', async () => {
    const terminated = await signalled('terminated', 'SIGTERM', (node) => carried(node).includes(first));
    await using node = terminated.node;
    expect(leftovers(node)).toEqual([]);
  });
});

describe('the ledger', () => {
  it('that cannot be read or written costs time, no file; but that nobody knows what is owed is a fault', async () => {
    await using node = await makeRelayNode('ledger-closed');
    arrive(node, first);
    expect(await passed(node)).toEqual(silence);
    const ledger = node.path('twowarm/state/ledger');
    rmSync(ledger, { recursive: true });
    writeFileSync(ledger, 'in the way');
    arrive(node, second);
    const warnings = ['owed', 'has'].map(
      (part) =>
        `rsyncDR: WARNING:  could not read ${ledger}/dr/${part}: Not a directory\nDETAIL:  What was carried will be sent again.\n`,
    );
    expect(await passed(node)).toEqual({
      code: 20,
      stdout: '',
      stderr: `${warnings.join('')}rsyncDR: ERROR:  could not read ${ledger}/dr/owed: Not a directory\n`,
    });
    expect(namesIn(node, 'dr')).toEqual([first, second]);
  });
});
