// A destination that is gone is suspended: archiving goes on without it as long as somebody else has each file, what it
// misses is owed by name, and it gets that when it is resumed.
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { beginOwnArchive } from '../../../src/program/own-archive.ts';
import { commandLine, refused, silent, type NodeFixture, type Outcome } from '../../harness/node-fixture.ts';
import { giveToServerUser } from '../../harness/server-user.ts';
import { inTurn } from '../../harness/share.ts';
import { segmentNamed } from '../../harness/wal-files.ts';
import {
  archive,
  bestEffort,
  fallbackFor,
  isWhole,
  missing,
  missingHint,
  policyNode,
  recycle,
  statusOf,
  takeAway,
} from './policy-node.ts';

const [one, two, three] = [0x21, 0x22, 0x23].map((at) => segmentNamed(at)) as [string, string, string];

const destination = (node: NodeFixture, ...words: string[]): Promise<Outcome> =>
  node.sh(commandLine('twowarm', 'destination', ...words));
const error = (...lines: string[]): string => `twowarm destination: ERROR:  ${lines.join('\n')}\n`;

async function sh(node: NodeFixture, line: string): Promise<string> {
  const [name, ...words] = line.split(' ') as [string, ...string[]];
  return (await node.sh(commandLine(name, ...words))).stdout;
}

describe.concurrent('a suspended destination', () => {
  it('is not asked, is owed every file by name, and gets all of it when it is resumed', async () => {
    await using node = await policyNode('suspend', { db2: [], db3: [] });
    const bringBack = takeAway(node, 'db2');
    expect(await archive(node, one)).toMatchObject({ code: 20 });
    expect(await destination(node, 'suspend', 'db2')).toMatchObject({
      code: 0,
      stdout:
        'db2 is suspended: archive_command succeeds without it; the files go to db3, and each is owed to db2\n',
      stderr: '',
    });
    expect(await destination(node, 'suspend', 'db2')).toEqual({
      ...silent(),
      stdout: 'db2 is suspended already\n',
    });
    for (const name of [one, two]) {
      expect(await archive(node, name)).toMatchObject({ code: 0, stdout: '', stderr: '' });
      recycle(node, name);
    }
    // A copy for one that may be gone for weeks would fill the disk.
    expect(existsSync(node.path('twowarm/spool/held'))).toBe(false);
    const status = await statusOf(node, 'db2');
    expect(status).toMatchObject({ state: 'suspended', debt: { count: 2, first: one, last: two, aside: 0 } });
    bringBack();
    expect(await archive(node, three)).toMatchObject({ code: 0 });
    expect(readdirSync(node.path('db2'))).not.toContain(three);
    expect((await destination(node, 'resume', 'db2')).stdout).toBe(
      `db2 has files again; it is owed 3 files, ${one} to ${three}, which the next calls of archiveWALFile, or twowarm relay, bring\n`,
    );
    const next = segmentNamed(0x24);
    expect(await archive(node, next)).toMatchObject({
      code: 0,
      stderr: 'archiveWALFile: LOG:  db2 has everything that it was owed\n',
    });
    for (const name of [one, two, three, next]) expect(isWhole(node, `db2/${name}`)).toBe(true);
  });

  it('is refused where nobody else would have the files', async () => {
    await using node = await policyNode('suspend', { db2: [], dr: bestEffort });
    expect(await destination(node, 'suspend', 'db2')).toEqual(
      refused(
        3,
        error(
          'cannot suspend db2: nobody else would have the files',
          'DETAIL:  archive_command never succeeds without a durable copy outside pg_wal.',
          'HINT:  Add another required destination, or a fallback for db2. To let PostgreSQL keep the WAL: twowarm archiving hold',
        ),
      ),
    );
  });

  it('never leaves a file without a copy, also where the configuration has become smaller', async () => {
    await using node = await policyNode('suspend', { db2: [], db3: [], dr: bestEffort });
    await destination(node, 'suspend', 'db2');
    node.configure(
      `[destination.db2]\nurl = 'file:${node.path('db2')}'\n[destination.dr]\nurl = 'file:${node.path('dr')}'\npolicy = 'best-effort'\n`,
    );
    const { code, stderr } = await archive(node, one);
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr:
        `archiveWALFile: ERROR:  could not archive ${one}: nobody is left to have it while db2 is suspended\n` +
        'HINT:  Add a destination, or let it have files again: twowarm destination resume db2\n',
    });
  });

  it('has its fallback, which is asked for it beyond its limit and without held copies', async () => {
    await using node = await policyNode('suspend', { db2: [], dr: fallbackFor('db2', "limit = '1ms'") });
    expect((await destination(node, 'suspend', 'db2')).stdout).toContain('the files go to dr');
    for (const name of [one, two]) expect(await archive(node, name)).toMatchObject({ code: 0, stderr: '' });
    expect(isWhole(node, `dr/${two}`)).toBe(true);
    expect((await statusOf(node, 'db2')).debt.count).toBe(2);
    expect(existsSync(node.path('twowarm/spool/held'))).toBe(false);
    // Its own fault is what a person has to know; the suspension explains why it counts.
    takeAway(node, 'dr');
    const { code, stderr } = await archive(node, three);
    expect({ code, stderr }).toEqual({
      code: 20,
      stderr: `archiveWALFile: ERROR:  ${missing(node, 'dr', three)}\nDETAIL:  Nobody else is left to have the file while db2 is suspended.\n${missingHint}\n`,
    });
    const { since } = await statusOf(node, 'dr');
    expect(await destination(node, 'list')).toMatchObject({
      code: 2,
      stdout: expect.stringContaining(
        `CRITICAL: archive_command fails: dr fails since ${since}, and nobody else is left to have the files while db2 is suspended\n`,
      ) as string,
    });
  });

  it('is not the only one to name where its fallback is suspended, too: both ways out are told', async () => {
    await using node = await policyNode('suspend', { db2: [], dr: fallbackFor('db2') });
    await destination(node, 'suspend', 'db2');
    const outcome = await destination(node, 'suspend', 'dr');
    expect({ ...outcome, changed: [] }).toEqual({
      ...silent(),
      stdout: 'dr is suspended: it stands in for nobody\n',
      stderr:
        'twowarm destination: WARNING:  archive_command fails from now on: nobody is left to have the files while db2 and dr are suspended\n' +
        'HINT:  PostgreSQL keeps the WAL until then. To let dr have files again: twowarm destination resume dr\n',
    });
    const { code, stderr } = await archive(node, one);
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr:
        `archiveWALFile: ERROR:  could not archive ${one}: nobody is left to have it while db2 and dr are suspended\n` +
        'HINT:  Add a destination, or let one of them have files again: twowarm destination resume db2, or twowarm destination resume dr\n',
    });
  });

  it('is made up for by the own archive of a node that was triggered: two nodes become one without a full pg_wal', async () => {
    await using node = await policyNode('suspend', { db1: [] });
    takeAway(node, 'db1');
    beginOwnArchive(node.home, '0123456789abcdef', { since: '2026-11-21T04:00:00.000Z', timeline: 2 });
    giveToServerUser(node.path('twowarm/state/own-archive'));
    expect(await archive(node, one)).toMatchObject({ code: 20 });
    expect((await destination(node, 'suspend', 'db1')).stdout).toBe(
      'db1 is suspended: archive_command succeeds without it; the files go to its own archive, and each is owed to db1\n',
    );
    expect(await archive(node, one)).toMatchObject({ code: 0, stderr: '' });
    expect(isWhole(node, `twowarm/archive/${one}`)).toBe(true);
    expect((await statusOf(node, 'db1')).debt).toEqual({ count: 1, first: one, last: one, aside: 0 });
  });

  it('of best effort is not asked either, and owed', async () => {
    await using node = await policyNode('suspend', { db2: [], dr: bestEffort });
    expect((await destination(node, 'suspend', 'dr')).stdout).toBe(
      'dr is suspended: each file is owed to dr\n',
    );
    expect(await archive(node, one)).toEqual(
      silent([
        `created db2/${one}`,
        'created twowarm/state/ledger',
        'created twowarm/state/ledger/dr',
        'created twowarm/state/ledger/dr/owed',
        `created twowarm/state/ledger/dr/owed/${one.slice(0, 16)}`,
        `created twowarm/state/ledger/dr/owed/${one.slice(0, 16)}/${one}.owed`,
        'created twowarm/state/ledger/dr/place',
      ]),
    );
  });

  it('that is a fallback stands in for nobody', async () => {
    await using node = await policyNode('suspend', { db2: [], dr: fallbackFor('db2') });
    expect((await destination(node, 'suspend', 'dr')).stdout).toBe(
      'dr is suspended: it stands in for nobody\n',
    );
    takeAway(node, 'db2');
    const { code, stderr } = await archive(node, one);
    expect({ code, stderr }).toEqual({
      code: 20,
      stderr:
        `archiveWALFile: ERROR:  ${missing(node, 'db2', one)}\nDETAIL:  Its fallback dr is suspended.\n` +
        `${missingHint} Else let its fallback have files again: twowarm destination resume dr\n`,
    });
    expect(readdirSync(node.path('dr'))).toEqual([]);
    // Suspended while it was the last one, it says at once what that means.
    await destination(node, 'resume', 'dr');
    const { since } = await statusOf(node, 'db2');
    const again = await destination(node, 'suspend', 'dr');
    expect(again.stderr.split('\n')[0]).toMatch(
      `twowarm destination: WARNING:  archive_command fails from now on: db2 fails since ${since}, and its fallback dr is suspended since `,
    );
  });

  it('whose note is damaged stops archiving, and says how to mend it', async () => {
    await using node = await policyNode('suspend', { db2: [], db3: [] });
    await destination(node, 'suspend', 'db2');
    const note = node.sandbox.file('twowarm/state/destinations/db2/suspended', '{');
    expect(await archive(node, one)).toMatchObject({
      code: 28,
      stderr: `archiveWALFile: ERROR:  the note ${note} is damaged\nHINT:  Remove it and say it again: twowarm destination suspend NAME, if it was suspended.\n`,
    });
  });

  it('is owed gaps, too', async () => {
    await using node = await policyNode('suspend', { db2: [], db3: [] });
    await destination(node, 'suspend', 'db2');
    await node.sh(commandLine('twowarm', 'archiving', 'discard'));
    expect(await archive(node, one)).toMatchObject({ code: 0 });
    expect(existsSync(node.path(`db3/.twowarm/gaps/${one}`))).toBe(true);
    expect(existsSync(node.path('db2/.twowarm/gaps'))).toBe(false);
    await node.sh(commandLine('twowarm', 'archiving', 'on'));
    await destination(node, 'resume', 'db2');
    expect(await archive(node, two)).toMatchObject({ code: 0 });
    expect(existsSync(node.path(`db2/.twowarm/gaps/${one}`))).toBe(true);
  });
});

describe.concurrent('twowarm destination', () => {
  it('lists policy, state, debts, last success and failure', async () => {
    await using node = await policyNode('destination-list', {
      db2: [],
      dr: fallbackFor('db2', "limit = '1h'", 'hold = false'),
      far: bestEffort,
    });
    takeAway(node, 'db2');
    await archive(node, one);
    await destination(node, 'suspend', 'far');
    await archive(node, two);
    const [db2, dr, far] = await Promise.all(['db2', 'dr', 'far'].map((name) => statusOf(node, name)));
    const [standing] = dr!.standsInFor;
    expect(Date.parse(standing!.until!)).toBe(Date.parse(standing!.since) + 3_600_000);
    const listed = await destination(node, 'list');
    expect(listed.code).toBe(1);
    const where = (name: string): string => `(file:${node.path(name)})`;
    expect(listed.stdout).toBe(
      [
        `WARNING: db2 fails since ${db2!.since}, and dr stands in for it, until ${standing!.until}`,
        `WARNING: far is suspended since ${far!.since}`,
        `db2 ${where('db2')}: required; failing since ${db2!.since}; owed: 2 files, ${one} to ${two}`,
        `  last failure ${db2!.lastFailure!.at}: ${missing(node, 'db2', two)}`,
        `  last success ${db2!.lastSuccess!.at}: ${segmentNamed(1)}`,
        `dr ${where('dr')}: fallback for db2, for at most 1h, without a copy here; ok, stands in for db2 since ${standing!.since}, until ${standing!.until}; nothing is owed`,
        `  last success ${dr!.lastSuccess!.at}: ${two}`,
        `far ${where('far')}: best-effort; suspended since ${far!.since}; owed: ${two}`,
        `  last success ${far!.lastSuccess!.at}: ${one}`,
        '',
      ].join('\n'),
    );
    expect(db2).toMatchObject({
      name: 'db2',
      url: `file:${node.path('db2')}`,
      policy: 'required',
      standIn: null,
      state: 'failing',
      lastFailure: { file: two },
    });
    expect(dr).toMatchObject({ standIn: { for: ['db2'], limitMs: 3_600_000, hold: false } });
  });

  it('is told by configSetup and by the status of archiving, too, where there is something to tell', async () => {
    await using node = await policyNode('destination-shown', { db2: [], db3: [] });
    const shown = async () =>
      (await Promise.all(['configSetup', 'twowarm archiving status'].map((line) => sh(node, line)))).join('');
    expect(await shown()).not.toContain(': required');
    await destination(node, 'suspend', 'db2');
    await archive(node, one);
    const { since, lastSuccess } = await statusOf(node, 'db2');
    const lines = [
      `db2 (file:${node.path('db2')}): required; suspended since ${since}; owed: ${one}`,
      `  last success ${lastSuccess!.at}: ${segmentNamed(1)}`,
    ];
    expect(await sh(node, 'configSetup')).toContain(`\n${lines.map((line) => `# ${line}\n`).join('')}`);
    expect(await sh(node, 'twowarm archiving status')).toBe(
      `WARNING: db2 is suspended since ${since}\narchiving is on: archiveWALFile stores files at db3\n${lines.join('\n')}\n`,
    );
    const json = JSON.parse(await sh(node, 'configSetup --json')) as { destinations: { name: string }[] };
    expect(json.destinations.map(({ name }) => name)).toEqual(['db2', 'db3']);
  });

  inTurn(2).each([
    [[], 'missing argument VERB'],
    [['drop'], 'argument VERB must be one of list, suspend, resume, not "drop"'],
    [['suspend'], 'missing argument NAME: the destination'],
    [['suspend', 'db3'], '"db3" is no destination; did you mean "db2"?'],
    [['list', 'db2'], 'too many arguments, the first is "db2"'],
    [['resume', 'db2', '--json'], '--json is for list, not for resume'],
  ])('refuses %j', async (words, message) => {
    await using node = await policyNode('destination-usage', { db2: [] });
    const { code, stderr, changed } = await destination(node, ...words);
    expect({ code, first: stderr.split('\n')[0], changed }).toEqual({
      code: words[0] === 'list' ? 3 : 2,
      first: `twowarm destination: ERROR:  ${message}`,
      changed: [],
    });
  });
});
