// The archiving state: on, hold and discard, and the gap records that discard leaves for every later reader.
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import {
  commandLine,
  makeNode,
  oneDestination,
  refused,
  silent,
  type NodeFixture,
  type Outcome,
} from '../harness/node-fixture.ts';
import { inTurn } from '../harness/share.ts';
import { segmentNamed } from '../harness/wal-files.ts';

const name = segmentNamed(0x21);
const next = segmentNamed(0x22);

async function makeOne(): Promise<NodeFixture> {
  const node = await makeNode('archive-state', {
    configuration: (path) =>
      `name = 'db1'\n${oneDestination(path)}[restore]\nsources = ['file:${path('db2')}']\nretry_limit = '1ms'\n`,
  });
  node.segment(name);
  node.segment(next);
  return node;
}

const archive = (node: NodeFixture, file = name): Promise<Outcome> => node.archive(`pg_wal/${file}`, file);
const archiving = (node: NodeFixture, ...words: string[]): Promise<Outcome> =>
  node.sh(commandLine('twowarm', 'archiving', ...words));
const error = (...lines: string[]): string => `archiveWALFile: ERROR:  ${lines.join('\n')}\n`;

/** When the state was set, as it is shown. */
const set = (node: NodeFixture): string => ` (set ${since(node)})`;
const since = (node: NodeFixture): string => statSync(node.path(stateFile)).mtime.toISOString();
const onText = (node: NodeFixture): string =>
  `archiving is on: archiveWALFile stores files at db2${set(node)}\n`;
const holdText = (node: NodeFixture): string =>
  `archiving is on hold: nothing is archived; PostgreSQL keeps the WAL in pg_wal${set(node)}\n`;
const newBackup = 'take a new base backup if there is none since then: an older one ends at the gap\n';
const discarded = (file: string): string =>
  `archiveWALFile: WARNING:  discarded ${file}: the archiving state is "discard"\n` +
  'HINT:  Point-in-time recovery and archive-only standbys end here. To archive again: twowarm archiving on\n';
const stateFile = 'twowarm/state/archiving';

/** A destination that nothing is to be said of. */
const quiet = (node: NodeFixture) => ({
  name: 'db2',
  url: `file:${node.path('db2')}`,
  policy: 'required',
  standIn: null,
  state: 'ok',
  since: null,
  standsInFor: [],
  lag: null,
  debt: { count: 0, first: null, last: null, aside: 0 },
  lastSuccess: null,
  lacks: [],
  way: null,
  lastFailure: null,
});

describe('archiving on', () => {
  it('is the state when nothing was ever said', async () => {
    await using node = await makeOne();
    const stdout = 'OK: archiving is on: archiveWALFile stores files at db2\n';
    expect(await archiving(node, 'status')).toEqual({ ...silent(), stdout });
    const json = await archiving(node, 'status', '--json');
    expect(json).toEqual({ ...silent(), stdout: json.stdout });
    const status = {
      status: 'OK',
      findings: [],
      state: 'on',
      since: null,
      fault: null,
      destinations: ['db2'],
      destinationStatus: [quiet(node)],
      ownArchive: null,
      gaps: [],
    };
    expect(JSON.parse(json.stdout)).toEqual(status);
  });

  it('says that nothing will be archived without a destination', async () => {
    await using node = await makeOne();
    node.configure('');
    const words = 'archiving is on, but no destination is configured: archiveWALFile will fail';
    expect(await archiving(node, 'status')).toEqual({
      ...silent(),
      code: 2,
      stdout: `CRITICAL: ${words}\n`,
    });
    // While the server recovers nobody calls it.
    node.mode('standby');
    expect(await archiving(node, 'status')).toEqual({ ...silent(), stdout: `OK: ${words}\n` });
  });

  it('can be said', async () => {
    await using node = await makeOne();
    const outcome = await archiving(node, 'on');
    expect(outcome).toEqual({ ...silent([`created ${stateFile}`]), stdout: onText(node) });
    expect(await archive(node)).toEqual(silent([`created db2/${name}`]));
  });
});

describe('archiving hold', () => {
  it('refuses every file until archiving is on again', async () => {
    await using node = await makeOne();
    const outcome = await archiving(node, 'hold');
    expect(outcome).toEqual({ ...silent([`created ${stateFile}`]), stdout: holdText(node) });
    const message = error(
      `did not archive ${name}: archiving is on hold`,
      'HINT:  PostgreSQL keeps the WAL and tries again. To go on: twowarm archiving on',
    );
    expect(await archive(node)).toEqual(refused(15, message));
    expect(await archiving(node, 'status')).toEqual({
      ...silent(),
      code: 1,
      stdout: `WARNING: ${holdText(node)}`,
    });
    await archiving(node, 'on');
    expect(await archive(node)).toEqual(silent([`created db2/${name}`]));
  });
});

describe('a state that cannot be read counts as hold', () => {
  inTurn(2).each(['', 'off\n', 'ON\n', 'discard hold\n', '\0\0\0'])('damaged: %j', async (text) => {
    await using node = await makeOne();
    const path = node.sandbox.file(stateFile, text);
    const message = error(
      `the archiving state ${path} is damaged; archiving is on hold`,
      'HINT:  Set it again: twowarm archiving on|hold|discard',
    );
    expect(await archive(node)).toEqual(refused(28, message));
    const stdout = `CRITICAL: ${holdText(node)}because the archiving state ${path} is damaged; archiving is on hold\n`;
    expect(await archiving(node, 'status')).toEqual({ ...silent(), code: 2, stdout });
    expect(await archiving(node, 'on')).toEqual({
      ...silent([`changed ${stateFile}`]),
      stdout: onText(node),
    });
    expect(await archive(node)).toEqual(silent([`created db2/${name}`]));
  });

  inTurn(2).each([
    ['closed', 'Permission denied'],
    ['a directory', 'Is a directory'],
  ])('%s', async (how, reason) => {
    await using node = await makeOne();
    const path = node.path(stateFile);
    if (how === 'closed') chmodSync(node.sandbox.file(stateFile, 'discard\n'), 0);
    else mkdirSync(path);
    const message = error(`could not read the archiving state ${path}: ${reason}; archiving is on hold`);
    expect(await archive(node)).toEqual(refused(28, message));
  });
});

describe('archiving discard', () => {
  it('succeeds, records the gap here and at the destination, and says so each time', async () => {
    await using node = await makeOne();
    const outcome = await archiving(node, 'discard');
    const stdout = `archiving is set to discard: files are given up, with a gap record for each; recovery cannot pass a gap${set(node)}\n`;
    expect(outcome).toEqual({ ...silent([`created ${stateFile}`]), stdout });

    const recorded = [`db2/.twowarm/gaps/${name}`, `twowarm/state/gaps/${name}`];
    const directories = ['db2/.twowarm/gaps', 'twowarm/state/gaps', 'twowarm/state/untold-gaps'];
    const changed = [...recorded, ...directories].sort().map((path) => `created ${path}`);
    expect(await archive(node)).toEqual({ ...silent(changed), stderr: discarded(name) });
    expect(await archive(node)).toEqual({ ...silent(), stderr: discarded(name) });

    const records = recorded.map((path) => readFileSync(node.path(path), 'utf8'));
    expect(records[0]).toBe(records[1]);
    const { at, ...record } = JSON.parse(records[0]!) as Record<string, string>;
    expect(record).toEqual({ name, reason: 'discarded', node: 'db1' });
    expect(Date.parse(at!)).toBeGreaterThan(Date.now() - 60_000);
  });

  it('is shown by every later status and restore', async () => {
    await using node = await makeOne();
    await archiving(node, 'discard');
    await archive(node);
    const first = JSON.parse(readFileSync(node.path(`twowarm/state/gaps/${name}`), 'utf8')) as { at: string };
    const one = `gaps: 1 file was discarded, ${name}, the last at ${first.at}\n`;
    const outcome = await archiving(node, 'on');
    const stdout = `${onText(node)}${one}${newBackup}`;
    expect(outcome).toEqual({ ...silent([`changed ${stateFile}`]), stdout });

    await archiving(node, 'discard');
    await archive(node, next);
    const last = JSON.parse(readFileSync(node.path(`twowarm/state/gaps/${next}`), 'utf8')) as { at: string };
    await archiving(node, 'on');
    const two = `gaps: 2 files were discarded, ${name} to ${next}, the last at ${last.at}\n`;
    expect(await archiving(node, 'status')).toEqual({
      ...silent(),
      stdout: `OK: ${onText(node)}${two}${newBackup}`,
    });
    const json = await archiving(node, 'status', '--json');
    expect(json).toEqual({ ...silent(), stdout: json.stdout });
    expect(JSON.parse(json.stdout)).toEqual({
      status: 'OK',
      findings: [],
      state: 'on',
      since: since(node),
      fault: null,
      destinations: ['db2'],
      destinationStatus: [quiet(node)],
      ownArchive: null,
      gaps: [
        { name, reason: 'discarded', at: first.at, node: 'db1' },
        { name: next, reason: 'discarded', at: last.at, node: 'db1' },
      ],
    });

    const warning =
      `restoreWALFile: WARNING:  ${name} was discarded by db1 at ${first.at}: recovery from file:${node.path('db2')} ends here\n` +
      'HINT:  What was committed from here on needs another source, or a new base backup.\n';
    expect(await node.restore(name, 'pg_wal/RECOVERYXLOG')).toEqual({ ...refused(1, warning) });
  });

  it('tells a destination that was missing when it is back', async () => {
    await using node = await makeOne();
    await archiving(node, 'discard');
    renameSync(node.path('db2'), node.path('away'));
    const { code, stderr, changed } = await archive(node);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr:
        discarded(name) +
        `archiveWALFile: WARNING:  could not record the gap ${name}: the archive directory ${node.path('db2')} does not exist; it will be recorded before the next file is archived\n`,
    });
    expect(changed).toContain(`created twowarm/state/untold-gaps/${name}`);

    await archiving(node, 'on');
    const missing = error(
      `could not store ${next}: the archive directory ${node.path('db2')} does not exist`,
      'HINT:  If it is a mount, mount it. No program creates it: make a new one with mode 0700 as the owner of the data directory.',
    );
    expect(await archive(node, next)).toEqual(refused(20, missing));
    renameSync(node.path('away'), node.path('db2'));
    const told = [
      `created db2/${next}`,
      'created db2/.twowarm/gaps',
      `created db2/.twowarm/gaps/${name}`,
      `removed twowarm/state/untold-gaps/${name}`,
    ];
    const outcome = await archive(node, next);
    expect({ ...outcome, changed: outcome.changed.sort() }).toEqual(silent(told.sort()));
  });

  it('refuses a file that PostgreSQL does not archive', async () => {
    await using node = await makeOne();
    await archiving(node, 'discard');
    const message = error('"x" is not the name of a file that PostgreSQL archives');
    expect(await node.archive('pg_wal/x', 'x')).toEqual(refused(10, message));
  });

  it('only says so in a dry run', async () => {
    await using node = await makeOne();
    await archiving(node, 'discard');
    const outcome = await node.archive('--dry-run', `pg_wal/${name}`, name);
    expect(outcome).toEqual({ ...silent(), stdout: `${name} would be discarded\n` });
  });

  it('keeps the WAL when the gap cannot be recorded', async () => {
    await using node = await makeOne();
    await archiving(node, 'discard');
    node.sandbox.file('twowarm/state/gaps', 'in the way');
    const outcome = await archive(node);
    expect(outcome).toMatchObject({ code: 20, stdout: '', changed: [] });
    expect(outcome.stderr).toBe(
      error(`could not write ${node.path(`twowarm/state/gaps/${name}`)}: Not a directory`),
    );
  });

  it('names a gap record that is damaged', async () => {
    await using node = await makeOne();
    await archiving(node, 'discard');
    await archive(node);
    const path = node.sandbox.file(`twowarm/state/gaps/${name}`, '{"name":');
    const message =
      `twowarm archiving: ERROR:  the gap record ${path} is damaged\n` +
      `HINT:  It says that the file of its name was never archived. Take note of that and remove it.\n`;
    expect(await archiving(node, 'status')).toEqual(refused(3, message));
  });

  it('of a gap that one destination has not heard of does not keep the file from another', async () => {
    await using node = await makeOne();
    await archiving(node, 'discard');
    rmSync(node.path('db2'), { recursive: true });
    await archive(node);
    await archiving(node, 'on');
    node.sandbox.directory('db3');
    node.configure(`${oneDestination(node.path)}[destination.db3]\nurl = 'file:${node.path('db3')}'\n`);
    const outcome = await archive(node, next);
    const message = error(
      `could not store ${next}: the archive directory ${node.path('db2')} does not exist`,
      'HINT:  If it is a mount, mount it. No program creates it: make a new one with mode 0700 as the owner of the data directory.',
    );
    expect({ code: outcome.code, stderr: outcome.stderr }).toEqual({ code: 20, stderr: message });
    expect(outcome.changed).toContain(`created db3/${next}`);
  });
});

describe('twowarm archiving', () => {
  const usage = 'HINT:  Usage: twowarm archiving [OPTION]... STATE; see twowarm archiving --help.';
  inTurn(2).each([
    [[], 'missing argument STATE'],
    [['off'], 'argument STATE must be one of on, hold, discard, status, not "off"'],
    [
      ['stauts'],
      'argument STATE must be one of on, hold, discard, status, not "stauts"; did you mean "status"?',
    ],
    [['on', 'hold'], 'too many arguments, the first is "hold"'],
  ])('refuses %j', async (words, message) => {
    await using node = await makeOne();
    const outcome = await archiving(node, ...words);
    expect(outcome).toEqual(refused(2, `twowarm archiving: ERROR:  ${message}\n${usage}\n`));
  });
});
