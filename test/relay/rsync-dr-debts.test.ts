// rsyncDR brings what destinations are owed, in one pass, whatever the role of this node is.
import { existsSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import {
  archive,
  bestEffort,
  fallbackFor,
  isWhole,
  makeDead,
  missingHint,
  owe,
  owedTo,
  recycle,
  statusOf,
  takeAway,
} from '../archive/policies/policy-node.ts';
import { commandLine, silent, type NodeFixture } from '../harness/node-fixture.ts';
import { giveToServerUser } from '../harness/server-user.ts';
import { waitFor } from '../harness/wait-for.ts';
import { segmentNamed } from '../harness/wal-files.ts';
import {
  arrive,
  leftovers,
  makeRelayNode,
  namesIn,
  passed,
  rsyncDR,
  setState,
  silence,
  startRelay,
} from './fixture.ts';
import { asideOf, heldFor, primaryNode } from './primary.ts';

const [one, two, three] = [0x21, 0x22, 0x23].map((at) => segmentNamed(at)) as [string, string, string];
const isMissing = (node: NodeFixture, name: string): string =>
  `rsyncDR: ERROR:  the archive directory ${node.path(name)} does not exist\n${missingHint}\n`;

/** A primary that owes three files to dr, which db2 has. */
async function owingNode(label: string): Promise<NodeFixture> {
  const node = await primaryNode(label, { db2: [], dr: bestEffort });
  for (const name of [one, two, three]) node.segment(name, {}, 'db2');
  owe(node, 'dr', [one, two, three]);
  return node;
}

describe('rsyncDR on a primary', () => {
  it('brings a destination that is back all that it is owed, and says nothing', async () => {
    await using node = await primaryNode('pass-owed', { db2: [], dr: fallbackFor('db2') });
    const bringBack = takeAway(node, 'db2');
    for (const name of [one, two, three]) {
      expect((await archive(node, name)).code).toBe(0);
      recycle(node, name);
    }
    expect(await passed(node)).toEqual({ code: 20, stdout: '', stderr: isMissing(node, 'db2') });
    expect(owedTo(node, 'db2')).toEqual([one, two, three]);
    bringBack();
    expect(await passed(node)).toEqual(silence);
    for (const name of [one, two, three]) expect(isWhole(node, `db2/${name}`)).toBe(true);
    expect((await statusOf(node, 'db2')).debt.count).toBe(0);
    expect(heldFor(node, 'db2')).toEqual([]);
    expect(leftovers(node)).toEqual([]);
    // With nothing owed nobody is asked.
    rmSync(node.path('db2'), { recursive: true });
    expect(await rsyncDR(node)).toEqual(silent());
  });

  it('says on request what it has brought, and that there was nothing', async () => {
    await using node = await owingNode('pass-owed-verbose');
    const url = `file:${node.path('dr')}`;
    expect(await passed(node, '--verbose')).toEqual({
      ...silence,
      stderr: `rsyncDR: LOG:  brought 3 files to dr (${url}), which was owed them\n`,
    });
    expect(await passed(node, '--verbose')).toEqual({
      ...silence,
      stderr: 'rsyncDR: LOG:  this server is a primary: there is nothing to relay\n',
    });
    owe(node, 'dr', [one]);
    expect(await passed(node, '--verbose')).toEqual({
      ...silence,
      stderr: `rsyncDR: LOG:  brought 1 file to dr (${url}), which was owed it\n`,
    });
  });

  it('says in a dry run what it would bring, and changes nothing', async () => {
    await using node = await owingNode('pass-owed-dry');
    const lines = [one, two, three].map(
      (name) => `${name}, which is owed to dr, would be brought to file:${node.path('dr')}\n`,
    );
    expect(await rsyncDR(node, '--dry-run')).toEqual({ ...silent(), stdout: lines.join('') });
    expect(owedTo(node, 'dr')).toEqual([one, two, three]);
  });

  it('brings nothing to one that is suspended, until it is resumed', async () => {
    await using node = await owingNode('pass-owed-suspended');
    expect((await node.sh(commandLine('twowarm', 'destination', 'suspend', 'dr'))).code).toBe(0);
    expect(await passed(node)).toEqual(silence);
    expect((await passed(node, '-v')).stderr).toMatch(
      /^rsyncDR: LOG: {2}dr is suspended since [^ ]+Z: nothing is carried there\n$/,
    );
    expect((await rsyncDR(node, '--dry-run')).stdout).toBe('');
    expect(owedTo(node, 'dr')).toEqual([one, two, three]);
    expect((await node.sh(commandLine('twowarm', 'destination', 'resume', 'dr'))).code).toBe(0);
    expect(await passed(node)).toEqual(silence);
    expect(owedTo(node, 'dr')).toEqual([]);
  });

  it('fails where a copy cannot be had, and brings what is older', async () => {
    await using node = await primaryNode('pass-owed-unknown', { db2: [], db3: bestEffort, dr: bestEffort });
    takeAway(node, 'db3');
    node.segment(one, {}, 'db2');
    node.segment(three, {}, 'db2');
    owe(node, 'dr', [one, two, three]);
    expect(await passed(node)).toEqual({
      code: 52,
      stdout: '',
      stderr:
        `rsyncDR: ERROR:  could not find a copy of ${two}, which is owed to dr\n` +
        `DETAIL:  The archive directory ${node.path('db3')} does not exist.\n${missingHint}\n`,
    });
    expect(owedTo(node, 'dr')).toEqual([two, three]);
    expect(isWhole(node, `dr/${one}`)).toBe(true);
  });

  it('warns of what nobody has, sets it aside, and brings the rest', async () => {
    await using node = await owingNode('pass-owed-nowhere');
    rmSync(node.path(`db2/${two}`));
    expect(await passed(node)).toEqual({
      ...silence,
      stderr: `rsyncDR: WARNING:  nobody has ${two} any more\nDETAIL:  It stays owed to dr.\nHINT:  Once there is a copy: twowarm destination resume dr\n`,
    });
    expect(owedTo(node, 'dr')).toEqual([]);
    expect(asideOf(node, 'dr')).toHaveLength(1);
    expect(isWhole(node, `dr/${three}`)).toBe(true);
    // The next one does not look for it again.
    expect(await passed(node)).toEqual(silence);
  });

  it('is not kept from one destination by another that hangs', async () => {
    await using node = await primaryNode('pass-owed-dead', {
      db2: [],
      far: [...bestEffort, "time_limit = '3s'"],
      dr: bestEffort,
    });
    const names = Array.from({ length: 20 }, (_, at) => node.segment(segmentNamed(0x100 + at), {}, 'db2'));
    for (const destination of ['far', 'dr']) owe(node, destination, names);
    const revive = await makeDead(node, 'far');
    const running = passed(node);
    await waitFor('what dr is owed', () => owedTo(node, 'dr').length === 0);
    expect(owedTo(node, 'far')).toEqual(names);
    const { code, stderr } = await running;
    expect(stderr).toContain(`could not open file:${node.path('far')}: no answer within 3s`);
    expect(code).toBe(27);
    revive();
    expect(await passed(node)).toEqual(silence);
    expect(owedTo(node, 'far')).toEqual([]);
  });

  it('goes on where a relay was killed, with its lock and its half of a file left behind', async () => {
    await using node = await owingNode('pass-owed-killed');
    const names = Array.from({ length: 60 }, (_, at) => node.segment(segmentNamed(0x100 + at), {}, 'db2'));
    owe(node, 'dr', names);
    const relay = startRelay(node);
    await waitFor('it to be at work', () => existsSync(node.path(`dr/${one}`)), { everyMs: 1 });
    relay.kill('SIGKILL');
    await relay.ended();
    expect(await passed(node)).toEqual(silence);
    expect(owedTo(node, 'dr')).toEqual([]);
    for (const name of names) expect(isWhole(node, `dr/${name}`), name).toBe(true);
    expect(leftovers(node)).toEqual([]);
  });
});

describe('rsyncDR lets go', () => {
  it('of a copy that nobody is owed any more, as one who was killed leaves it, once it is known to be there', async () => {
    await using node = await owingNode('pass-owed-held');
    expect(await passed(node)).toEqual(silence);
    for (const directory of ['spool', 'spool/held', 'spool/held/dr'])
      giveToServerUser(node.sandbox.directory(`twowarm/${directory}`));
    node.segment(one, {}, 'twowarm/spool/held/dr');
    expect(await rsyncDR(node, '--dry-run')).toEqual(silent());
    expect(await rsyncDR(node)).toEqual(silent([`removed twowarm/spool/held/dr/${one}`]));
    // One that is not there is brought first.
    node.segment(segmentNamed(0x24), {}, 'twowarm/spool/held/dr');
    expect(await passed(node)).toEqual(silence);
    expect(isWhole(node, `dr/${segmentNamed(0x24)}`)).toBe(true);
    expect(heldFor(node, 'dr')).toEqual([]);
  });
});

describe('rsyncDR brings what is owed', () => {
  it('on a primary that is stopped', async () => {
    await using node = await owingNode('pass-owed-stopped');
    rmSync(node.path('data/postmaster.pid'));
    setState(node, 'shut down');
    expect(await passed(node)).toEqual(silence);
    for (const name of [one, two, three]) expect(isWhole(node, `dr/${name}`)).toBe(true);
    expect(owedTo(node, 'dr')).toEqual([]);
  });

  it('on a standby, beside what has arrived there', async () => {
    await using node = await makeRelayNode('pass-owed-standby', { destinations: ['dr', 'far'] });
    arrive(node, one);
    arrive(node, two);
    node.segment(three, {}, 'far');
    owe(node, 'dr', [one, three]);
    expect(await passed(node)).toEqual(silence);
    expect(namesIn(node, 'dr')).toEqual([one, two, three]);
    expect(owedTo(node, 'dr')).toEqual([]);
  });

  it('but not where the role of this node cannot be known', async () => {
    await using node = await owingNode('pass-owed-role');
    setState(node, 'of the future');
    expect((await passed(node)).code).toBe(5);
    expect(owedTo(node, 'dr')).toEqual([one, two, three]);
  });
});
