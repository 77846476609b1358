// rsyncDR: one pass carries all kinds of files to every destination, in order, and says nothing of it.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { refused, silent } from '../harness/node-fixture.ts';
import { backupText, historyText, ourCluster, segmentBytes, segmentNamed } from '../harness/wal-files.ts';
import { arrive, isSame, leftovers, makeRelayNode, namesIn, passed, rsyncDR, silence } from './fixture.ts';

const [first, second, third] = [segmentNamed(1), segmentNamed(2), segmentNamed(3)];

describe('rsyncDR carries', () => {
  it('every kind of file to every destination, once, and says nothing', async () => {
    await using node = await makeRelayNode('pass', { destinations: ['dr', 'far'] });
    const segments = [1, 2, 3, 4, 5, 6].map((number) => segmentNamed(number));
    const files = [
      ...segments.map((name) => arrive(node, name)),
      arrive(node, '00000002.history', historyText('0/600000')),
      arrive(node, `${segmentNamed(6)}.partial`),
      arrive(node, `${third}.00000028.backup`, backupText(third)),
      arrive(node, segmentNamed(6, 2)),
    ].sort();
    expect(await passed(node)).toEqual(silence);
    for (const directory of ['dr', 'far']) {
      expect(namesIn(node, directory)).toEqual(files);
      for (const name of files) expect(isSame(node, name, directory), name).toBe(true);
    }
    expect(leftovers(node)).toEqual([]);
    // The ledger knows: nobody is asked, so nothing is noted or touched.
    expect(await rsyncDR(node)).toEqual(silent());
    rmSync(node.path('far'), { recursive: true });
    expect(await rsyncDR(node)).toEqual(silent());
  });

  it('histories first, then the oldest first', async () => {
    await using node = await makeRelayNode('pass-order');
    node.configure(
      `[destination.dr]\nurl = 'file:${node.path('dr')}'\n[log]\nfile = '${node.path('events')}'\n`,
    );
    const segments = Array.from({ length: 40 }, (_, index) => segmentNamed(index + 1));
    const newer = [segmentNamed(41, 2), segmentNamed(42, 3)];
    for (const name of [...newer, ...segments.toReversed()]) arrive(node, name);
    arrive(node, '00000003.history', historyText('0/2900000'));
    arrive(node, '00000002.history', historyText('0/2900000'));
    expect(await passed(node)).toEqual(silence);
    const carried = readFileSync(node.path('events'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { file: string }).file);
    expect(carried.slice(0, 2)).toEqual(['00000002.history', '00000003.history']);
    const rest = [...segments, ...newer];
    expect(carried.slice(2).toSorted()).toEqual(rest);
    // A few are under way at a time, so one may overtake as many others.
    for (const [index, name] of carried.slice(2).entries())
      expect(Math.abs(rest.indexOf(name) - index), `${name} as number ${index}`).toBeLessThan(4);
  });

  it('what arrives late under a lower name', async () => {
    await using node = await makeRelayNode('pass-late');
    arrive(node, first);
    arrive(node, third);
    expect(await passed(node)).toEqual(silence);
    arrive(node, second);
    expect(await passed(node)).toEqual(silence);
    expect(namesIn(node, 'dr')).toEqual([first, second, third]);
  });

  it('gap records and the versions of a partial segment', async () => {
    await using node = await makeRelayNode('pass-extras');
    const partial = `${second}.partial`;
    arrive(node, partial, { content: 0x22 });
    const { createHash } = await import('node:crypto');
    const other = segmentBytes(second, { content: 0x33 });
    const hash = createHash('sha256').update(other).digest('hex');
    const own = 'twowarm/archive/.twowarm';
    node.sandbox.file(`${own}/versions/${partial}.${hash}`, other);
    const gap = { name: third, reason: 'discarded', at: '2026-11-20T00:00:00.000Z', node: 'db1' };
    node.sandbox.file(`${own}/gaps/${third}`, `${JSON.stringify(gap)}\n`);
    expect(await passed(node)).toEqual(silence);
    expect(readFileSync(node.path(`dr/.twowarm/versions/${partial}.${hash}`)).equals(other)).toBe(true);
    expect(isSame(node, partial)).toBe(true);
    expect(JSON.parse(readFileSync(node.path(`dr/.twowarm/gaps/${third}`), 'utf8'))).toEqual(gap);
    expect(await rsyncDR(node)).toEqual(silent());
  });

  it('again what a lost or damaged ledger does not know, and finds it there', async () => {
    await using node = await makeRelayNode('pass-ledger');
    for (const name of [first, second]) arrive(node, name);
    expect(await passed(node)).toEqual(silence);
    const ledger = node.path('twowarm/state/ledger/dr/has');
    const text = readFileSync(ledger, 'utf8');
    writeFileSync(ledger, 'rubbish\n');
    expect(await passed(node, '--verbose')).toEqual({
      ...silence,
      stderr: `rsyncDR: LOG:  carried 2 files to dr (file:${node.path('dr')})\n`,
    });
    expect(readFileSync(ledger, 'utf8')).toBe(text);
    rmSync(node.path('twowarm/state/ledger'), { recursive: true });
    expect(await passed(node)).toEqual(silence);
    expect(readFileSync(ledger, 'utf8')).toBe(text);
  });

  it('everything once more where the destination has lost what it had', async () => {
    await using node = await makeRelayNode('pass-emptied');
    for (const name of [first, second]) arrive(node, name);
    expect(await passed(node)).toEqual(silence);
    for (const name of [first, second]) rmSync(node.path(`dr/${name}`));
    arrive(node, third);
    expect(await passed(node)).toEqual({
      ...silence,
      stderr: `rsyncDR: WARNING:  ${second} is not at file:${node.path('dr')} any more\nDETAIL:  What is here is carried there once more.\n`,
    });
    expect(namesIn(node, 'dr')).toEqual([first, second, third]);
  });

  it('a file that somebody still copies into place, once it is whole', async () => {
    await using node = await makeRelayNode('pass-growing');
    const bytes = segmentBytes(first);
    const path = node.path(`twowarm/archive/${first}`);
    node.sandbox.file(`twowarm/archive/${first}`, bytes.subarray(0, 100_000));
    const pass = passed(node);
    setTimeout(() => writeFileSync(path, bytes), 400);
    expect(await pass).toEqual(silence);
    expect(isSame(node, first)).toBe(true);
  });
});

describe('rsyncDR says on request', () => {
  it('what it has carried', async () => {
    await using node = await makeRelayNode('pass-verbose', { destinations: ['dr', 'far'] });
    arrive(node, first);
    const lines = ['dr', 'far'].map(
      (name) => `rsyncDR: LOG:  carried 1 file to ${name} (file:${node.path(name)})\n`,
    );
    expect(await passed(node, '-v')).toEqual({ ...silence, stderr: lines.join('') });
  });

  it('what it would carry, and changes nothing', async () => {
    await using node = await makeRelayNode('pass-dry');
    arrive(node, first);
    expect(await passed(node)).toEqual(silence);
    for (const name of [second, third]) arrive(node, name);
    const lines = [second, third].map((name) => `${name} would be carried to file:${node.path('dr')}\n`);
    expect(await rsyncDR(node, '--dry-run')).toEqual({ ...silent(), stdout: lines.join('') });
  });
});

describe('rsyncDR has nothing to begin with', () => {
  it('where no destination is configured: no mail of cron, for it may run on every node', async () => {
    await using node = await makeRelayNode('pass-nowhere', { destinations: [] });
    arrive(node, first);
    expect(await passed(node)).toEqual(silence);
    expect(await rsyncDR(node, '--dry-run')).toEqual(silent());
    const nothing = 'rsyncDR: LOG:  there is no destination: there is nothing to relay\n';
    expect(await passed(node, '--verbose')).toEqual({ ...silence, stderr: nothing });
  });

  it('but something to pay, to a destination that is not configured any more', async () => {
    await using node = await makeRelayNode('pass-forgotten', { destinations: [] });
    const log = first.slice(0, 16);
    node.sandbox.file(`twowarm/state/ledger/gone/owed/${log}/${first}.owed`, '');
    expect(await passed(node)).toEqual({
      code: 3,
      stdout: '',
      stderr: `rsyncDR: ERROR:  cannot relay: no destination is configured\nDETAIL:  What arrives in ${node.path('twowarm/archive')} has nowhere to go.\nHINT:  Add a [destination.<name>] with its url to ${node.path('twowarm/twowarm.toml')}.\n`,
    });
  });

  it('where the only destination is the own archive, also under another name', async () => {
    await using node = await makeRelayNode('pass-itself');
    const { symlinkSync } = await import('node:fs');
    symlinkSync(node.path('twowarm/archive'), node.path('link'));
    node.configure(`[destination.itself]\nurl = 'file:${node.path('link')}'\n`);
    arrive(node, first);
    expect(await passed(node)).toEqual(silence);
    expect(namesIn(node, 'twowarm/archive')).toEqual([first]);
    node.configure(
      `[destination.itself]\nurl = 'file:${node.path('link')}'\n[destination.dr]\nurl = 'file:${node.path('dr')}'\n`,
    );
    expect(await passed(node)).toEqual(silence);
    expect(namesIn(node, 'dr')).toEqual([first]);
  });

  it('where the own archive is not there', async () => {
    await using node = await makeRelayNode('pass-no-archive');
    rmSync(node.path('twowarm/archive'), { recursive: true });
    const message = `rsyncDR: ERROR:  the archive directory ${node.path('twowarm/archive')} does not exist\nHINT:  If it is a mount, mount it. No program creates it: make a new one with mode 0700 as the owner of the data directory.\n`;
    expect(await passed(node)).toEqual({ code: 20, stdout: '', stderr: message });
    mkdirSync(node.path('twowarm/archive'));
  });

  it('where the home is of another cluster', async () => {
    await using node = await makeRelayNode('pass-foreign-home');
    arrive(node, first);
    expect(await passed(node)).toEqual(silence);
    const { controlFile } = await import('../harness/node-fixture.ts');
    node.sandbox.file('data/global/pg_control', controlFile(ourCluster + 1n));
    const { code } = await rsyncDR(node);
    expect(code).toBe(refused(13, '').code);
  });
});
