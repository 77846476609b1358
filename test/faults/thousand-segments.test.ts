// A far side is down for a thousand segments and then back. All of them arrive without a person, oldest first, each once and
// with the right bytes; no call of archive_command meanwhile costs a time limit more than once.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Ledger } from '../../src/transport/ledger.ts';
import { bestEffort, fallbackFor } from '../archive/policies/policy-node.ts';
import type { Cluster } from '../harness/cluster.ts';
import { createCluster } from '../harness/create-cluster.ts';
import { program } from '../harness/installation.ts';
import { commandLine, makeNode, type NodeFixture } from '../harness/node-fixture.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { shell, startProgram, type RunningProgram } from '../harness/run.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { giveToServerUser } from '../harness/server-user.ts';
import { turnOf } from '../harness/share.ts';
import { startSshd, type Sshd } from '../harness/sshd.ts';
import { ensureSystemPackages } from '../harness/system-packages.ts';
import { waitFor } from '../harness/wait-for.ts';
import { megabyte, segmentBytes, segmentNamed } from '../harness/wal-files.ts';
import { makeArchive, makeStandby } from '../server/pair.ts';
import { sshSection, urlOf } from '../transport/ssh/ssh-node.ts';

/** Of the long outages that tests play a run has one of a thousand files. */
const count = turnOf([1000, 200, 200], 3)[0]!;

const isSegment = (name: string): boolean => /^[0-9A-F]{24}$/.test(name);
const segmentsIn = (directory: string): string[] => readdirSync(directory).filter(isSegment).sort();

const digest = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

/** Which of the names differ in their bytes between two directories. */
const differing = (names: readonly string[], one: string, other: string): string[] =>
  names.filter((name) => digest(join(one, name)) !== digest(join(other, name)));

/**
 * How far from its place each was published, at most: a link changes the inode's time, and nothing does after it. Several
 * are under way at a time, and which of those is published first is nobody's promise.
 */
function displacement(names: readonly string[], directory: string): number {
  const published = [...names].sort((one, other) => {
    const [before, after] = [one, other].map(
      (name) => statSync(join(directory, name), { bigint: true }).ctimeNs,
    );
    return before! < after! ? -1 : 1;
  });
  return Math.max(...published.map((name, at) => Math.abs(names.indexOf(name) - at)));
}

/** A real server with segments of 1 MB, whose archive_command publishes into the standby's archive at once. */
async function makePrimary(sandbox: Sandbox, archive: string): Promise<Cluster> {
  const publish = `cp "%p" "${archive}/.new" && mv "${archive}/.new" "${archive}/%f"`;
  const primary = await createCluster(sandbox, {
    postgres: findPostgres(15),
    name: 'primary',
    initdbArgs: ['--wal-segsize=1'],
    settings: { wal_level: 'replica', archive_mode: 'on', archive_command: publish, fsync: false },
  });
  await primary.start();
  return primary;
}

/** So many segments, no two of the same content; returns the last one. */
async function writeSegments(primary: Cluster, count: number): Promise<string> {
  const sql = 'select pg_logical_emit_message(false, $1, repeat(md5($1), 2000))';
  return primary.session(async (client) => {
    let last = '';
    for (let at = 0; at < count; at++) {
      await client.query(sql, [`segment ${at}`]);
      const { rows } = await client.query<{ name: string }>(
        'select pg_walfile_name(pg_switch_wal()) as name',
      );
      last = rows[0]!.name;
    }
    return last;
  });
}

const peakMb = (pid: number): number =>
  Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]) / 1024;

/** A standby whose server need not run: what its relay carries is what its archive has. */
async function startRelay(primary: Cluster, toml: string): Promise<{ home: string; relay: RunningProgram }> {
  const standby = await makeStandby(primary, { toml });
  const words = ['relay', '--json', '-D', standby.dataDirectory];
  return {
    home: join(standby.parent, 'twowarm'),
    relay: startProgram(program('twowarm'), words, { timeoutMs: 400_000 }),
  };
}

interface Event {
  event: string;
  file?: string;
  outcome?: string;
}

const nameOf = (number: number): string =>
  `00000001${Math.floor(number / 4096)
    .toString(16)
    .padStart(8, '0')}${(number % 4096).toString(16).padStart(8, '0')}`.toUpperCase();
const numberOf = (name: string): number =>
  Number.parseInt(name.slice(8, 16), 16) * 4096 + Number.parseInt(name.slice(16), 16);

describe(`a DR node that was down for ${count} segments`, () => {
  it(
    'gets them from the relay of the standby, oldest first and each once',
    { timeout: 400_000 },
    async () => {
      await using sandbox = makeSandbox('thousand');
      await using sshd = await startSshd(sandbox);
      const [archive, dr] = [makeArchive(sandbox), sandbox.directory('far/archive')];
      const primary = await makePrimary(sandbox, archive);
      const url = urlOf(sshd, dr);
      const toml = `[destination.dr]\nurl = '${url}'\n${sshSection(sshd)}`;
      const { home, relay } = await startRelay(primary, toml);
      const first = await writeSegments(primary, 1);
      await waitFor('the first one at the DR node', () => existsSync(join(dr, first)));
      await sshd.stop();
      const had = segmentsIn(dr).length;
      const last = await writeSegments(primary, count);
      expect(numberOf(last) - numberOf(first)).toBe(count);
      await waitFor('the last one at the standby', () => existsSync(join(archive, last)), {
        limitMs: 120_000,
      });
      await primary.stop();
      expect(segmentsIn(dr)).toHaveLength(had);

      await sshd.restart();
      await waitFor('the last one at the DR node', () => existsSync(join(dr, last)), { limitMs: 200_000 });
      const names = segmentsIn(archive);
      // The server's end may have added one.
      expect(names.filter((name) => name > first && name <= last)).toEqual(
        Array.from({ length: count }, (_, at) => nameOf(numberOf(first) + 1 + at)),
      );
      const known = `${names[0]}-${names.at(-1)}`;
      await waitFor('all of them on record', () => {
        const [, line] = readFileSync(join(home, 'state/ledger/dr/has'), 'utf8').split('\n');
        return line === known;
      });
      // A queue of a gigabyte is names, not bytes.
      expect(peakMb(relay.pid)).toBeLessThan(320);
      relay.kill('SIGTERM');
      const { code, stderr, stdout } = await relay.result;
      expect({ code, stderr }).toEqual({
        code: 0,
        stderr: expect.stringMatching(saidOf(archive, url)) as string,
      });
      expect(segmentsIn(dr)).toEqual(names);
      expect(differing(names, archive, dr)).toEqual([]);
      expect(displacement(names, dr)).toBeLessThan(64);

      const events = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Event);
      const carried = events.filter(({ event, file }) => event === 'carried' && isSegment(file!));
      expect(carried.map(({ file }) => file).sort()).toEqual(names);
      // One whose answer the stop of sshd cut off may have been stored.
      const again = carried.filter(({ outcome }) => outcome !== 'stored');
      expect(again.filter(({ file }) => file! > first)).toEqual([]);
      const ledger = readFileSync(join(home, 'state/ledger/dr/has'), 'utf8').trimEnd().split('\n');
      expect(ledger[0]).toMatch(
        /^twowarm ledger 1, segments of 1048576 bytes, epoch \d+ of archive [0-9a-f]+$/,
      );
      expect(ledger[1]).toBe(known);
      expect(readdirSync(join(home, 'state/ledger/dr')).sort()).toEqual(['has', 'place']);
      expect(unfinishedBelow(sandbox.path)).toEqual([]);
    },
  );
});

/** What a relay has to say about such a time, each thing once: the pauses between its tries grow to seconds meanwhile. */
/** Where all were written before it tried again it has seen nothing but the cut. */
const saidOf = (archive: string, url: string): RegExp => {
  const cut = `twowarm relay: WARNING:  could not (store \\S+ at|open) ${url}: the connection was cut\n(DETAIL: .*\n)+`;
  const refused =
    `twowarm relay: WARNING:  could not open ${url}: Connection refused\n` +
    'DETAIL:  It lacks .*; it is tried again with growing pauses\\.\n' +
    'HINT:  Check that sshd runs on 127\\.0\\.0\\.1 and listens on port \\d+\\.\n';
  return new RegExp(
    `^twowarm relay: LOG:  relaying what arrives in ${archive} to dr\n` +
      `(${cut}(${refused})?|${refused})` +
      'twowarm relay: LOG:  dr takes files again: \\d+ more wait for it\n$',
  );
};

const unfinishedBelow = (directory: string): string[] =>
  readdirSync(directory, { recursive: true })
    .map(String)
    .filter((path) => path.includes('.tmp.') || path.includes('/spool/'));

/** What a call costs: in time, and at the peak of its resident set. */
interface Cost {
  code: number | null;
  stderr: string;
  ms: number;
  peakMb: number;
}

/** A call of archive_command for a new segment, which PostgreSQL recycles after it. */
async function costOf(node: NodeFixture, name: string): Promise<Cost> {
  node.segment(name, { content: contentOf(name) });
  const said = node.path('cost');
  const line = `exec /usr/bin/time -q -f %M -o '${said}' ${commandLine('archiveWALFile', `pg_wal/${name}`, name)}`;
  const { code, stderr, ms } = await shell(line, { cwd: node.dataDirectory });
  rmSync(join(node.dataDirectory, 'pg_wal', name));
  return { code, stderr, ms, peakMb: Number(readFileSync(said, 'utf8')) / 1024 };
}

async function costsOf(node: NodeFixture, names: readonly string[]): Promise<Cost[]> {
  const costs: Cost[] = [];
  for (const name of names) costs.push(await costOf(node, name));
  return costs;
}

const longest = (costs: readonly Cost[]): number => Math.max(...costs.map(({ ms }) => ms));
const median = (costs: readonly Cost[]): number =>
  costs.map(({ ms }) => ms).sort((one, other) => one - other)[costs.length >> 1]!;
const largest = (costs: readonly Cost[]): number => Math.max(...costs.map(({ peakMb }) => peakMb));
const silent = (costs: readonly Cost[]) =>
  costs.map(() => expect.objectContaining({ code: 0, stderr: '' }) as Cost);

/** Of each destination; less than that is what a call costs otherwise, on however busy a machine. */
const limitMs = 6000;

/** Another byte in each of many segments. */
const contentOf = (name: string): number => 1 + (Number.parseInt(name.slice(16), 16) % 251);

/** A primary whose standby and DR node are over ssh; a directory here stands in for the standby. */
const makeArchivingNode = (sshd: Sshd): Promise<NodeFixture> =>
  makeNode('thousand', {
    configuration: (path) => {
      const destinations = [
        ['db2', urlOf(sshd, path('db2')), `time_limit = '${limitMs}ms'`],
        ['spare', `file:${path('spare')}`, ...fallbackFor('db2')],
        ['dr', urlOf(sshd, path('dr')), `time_limit = '${limitMs}ms'`, ...bestEffort],
      ];
      const toml = destinations.map(([name, url, ...lines]) =>
        [`[destination.${name}]`, `url = '${url}'`, ...lines, ''].join('\n'),
      );
      return `${toml.join('')}${sshSection(sshd)}`;
    },
    directories: ['db2', 'spare', 'dr', 'twowarm/archive'],
  });

function giveAll(path: string): void {
  for (const entry of ['', ...readdirSync(path, { recursive: true })])
    giveToServerUser(join(path, String(entry)));
}

const owed = turnOf([200, 100, 100], 3, 1)[0]!;

describe(`archive_command with a standby and a DR node that are down for ${owed} segments`, () => {
  it('costs little meanwhile, and brings both of them what they lack', { timeout: 400_000 }, async () => {
    ensureSystemPackages({ time: 'time' });
    await using sandbox = makeSandbox('thousand-sshd');
    await using sshd = await startSshd(sandbox);
    await using node = await makeArchivingNode(sshd);
    const names = Array.from({ length: owed }, (_, at) => segmentNamed(0x100 + at));
    const ledgerOf = (name: string): Ledger =>
      new Ledger(name, { stateDirectory: node.path('twowarm/state'), nodeId: '00', segmentSize: megabyte });

    // They hang: that costs their time limit once, and is told then.
    sshd.pause();
    const [hung, ...hanging] = await costsOf(node, names.slice(0, 10));
    sshd.resume();
    expect(hung).toMatchObject({ code: 0, stderr: toldOf(node, sshd, names[0]!) });
    expect(hung!.ms).toBeGreaterThan(limitMs);
    // Nothing listens.
    await sshd.stop();
    const refused = await costsOf(node, names.slice(10, 40));
    for (const costs of [hanging, refused]) {
      expect(costs).toEqual(silent(costs));
      expect(longest(costs)).toBeLessThan(limitMs);
    }
    // Most do not try at all: a try now and then is a short one, of 2.5 s.
    expect(median(hanging)).toBeLessThan(2000);
    expect(largest([hung!, ...hanging, ...refused])).toBeLessThan(120);

    // As more such calls would have left it.
    for (const name of names.slice(40)) {
      ledgerOf('db2').owe(name);
      node.segment(name, { content: contentOf(name) }, 'twowarm/spool/held/db2');
    }
    giveAll(node.path('twowarm/state/ledger'));
    expect(ledgerOf('db2').debt()).toEqual({ count: owed, first: names[0], last: names.at(-1), aside: 0 });
    expect(ledgerOf('dr').debt()).toEqual({ count: 40, first: names[0], last: names[39], aside: 0 });

    await sshd.restart();
    const paying: Cost[] = [];
    for (let at = 0x1000; ledgerOf('db2').debt().count + ledgerOf('dr').debt().count > 0; at++) {
      paying.push(await costOf(node, segmentNamed(at)));
      for (const name of ['db2', 'dr']) {
        const there = names.filter((each) => existsSync(node.path(`${name}/${each}`)));
        expect(there).toEqual(names.slice(0, there.length));
      }
      expect(paying.length).toBeLessThan(1000);
    }
    // A second for what is owed, what the file itself takes, and what a busy machine adds.
    expect(longest(paying)).toBeLessThan(20_000);
    expect(largest(paying)).toBeLessThan(200);
    expect(paying.filter(({ code }) => code !== 0)).toEqual([]);
    expect(paying.map(({ stderr }) => stderr).join('')).toMatch(toldAtTheEnd);
    for (const [directory, most] of [
      ['db2', 400],
      ['dr', 40],
    ] as const)
      for (const name of names.slice(0, most)) {
        const bytes = readFileSync(node.path(`${directory}/${name}`));
        expect(bytes.equals(segmentBytes(name, { content: contentOf(name) })), name).toBe(true);
      }
    expect(readdirSync(node.path('twowarm/spool/held/db2'))).toEqual([]);
    for (const name of ['db2', 'dr'])
      expect(readdirSync(node.path(`twowarm/state/ledger/${name}`)).sort()).toEqual(['has', 'owed', 'place']);
    expect(readdirSync(node.path('twowarm/state/ledger/db2/owed'))).toEqual([]);
    expect(unfinishedBelow(sandbox.path)).toEqual([]);
  });
});

const toldOf = (node: NodeFixture, sshd: Sshd, name: string): string => {
  const late = (directory: string): string =>
    `archiveWALFile: WARNING:  could not store ${name} at ${urlOf(sshd, node.path(directory))}: no answer within 6s`;
  return (
    `${late('db2')}; spare stands in for db2\n` +
    'DETAIL:  What db2 lacks is on record and is brought to it when it is back, and a copy is kept on this node until then.\n' +
    `${late('dr')}; dr is owed it\n`
  );
};

/** Which of the two is paid in full first depends on how fast the machine is. */
const toldAtTheEnd =
  /^archiveWALFile: LOG: {2}db2 takes files again: spare, which stood in since \S+Z, is no longer asked\narchiveWALFile: LOG: {2}dr takes files again, after it failed since \S+Z\narchiveWALFile: LOG: {2}(dr|db2) has everything that it was owed\narchiveWALFile: LOG: {2}(?!\1)(dr|db2) has everything that it was owed\n$/;
