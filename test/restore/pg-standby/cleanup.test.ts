// What pg_standby removes from the archive after a restored segment, by RESTARTWALFILE or by -k, and what it never does.
import { chmodSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { silent, type Outcome } from '../../harness/node-fixture.ts';
import { backupText, historyText, segmentBytes, segmentNamed } from '../../harness/wal-files.ts';
import { makePlace, name, target, type Place } from './fixture.ts';

let place: Place;
beforeEach(() => {
  place = makePlace('standby-cleanup');
  place.segment(name);
  for (const number of [0x1d, 0x1e, 0x1f, 0x20]) place.sandbox.file(`archive/${segmentNamed(number)}`, 'x');
});
afterEach(() => place[Symbol.asyncDispose]());

const by = (...words: string[]): Promise<Outcome> =>
  place.call(...words.slice(1), place.archive, name, target, ...(words[0] === '' ? [] : [words[0]!]));
const removing = (...numbers: number[]): Outcome =>
  silent([...numbers.map((number) => `removed archive/${segmentNamed(number)}`), `created work/${target}`]);

describe('RESTARTWALFILE', () => {
  it('removes every segment before it', async () => {
    expect(await by(segmentNamed(0x1f))).toEqual(removing(0x1d, 0x1e));
  });

  it('removes nothing when it is later than what was asked for', async () => {
    expect(await by(segmentNamed(0x22))).toEqual(removing());
  });

  it('removes nothing when it is later by its timeline, or only without it', async () => {
    expect(await by(segmentNamed(0x1f, 2))).toEqual(removing());
    const second = segmentNamed(0x1e, 2);
    place.sandbox.file(`archive/${second}`, segmentBytes(second));
    const outcome = await place.call(place.archive, second, 'x', segmentNamed(0x20));
    expect(outcome).toEqual(silent(['created work/x']));
  });

  it('removes nothing when it is all zeros, before the first restart point', async () => {
    expect(await by('0'.repeat(24))).toEqual(removing());
  });

  it('does not look at the timeline of what it removes', async () => {
    const others = [segmentNamed(0x1e, 3), segmentNamed(0x1f, 3)];
    for (const other of others) place.sandbox.file(`archive/${other}`, 'x');
    expect(await by(segmentNamed(0x1f))).toEqual(
      silent([
        ...[segmentNamed(0x1d), segmentNamed(0x1e), others[0]!].map((gone) => `removed archive/${gone}`),
        `created work/${target}`,
      ]),
    );
  });

  it('never removes what is no segment', async () => {
    const old = segmentNamed(1);
    for (const kept of [
      '00000001.history',
      `${old}.00000028.backup`,
      `${old}.partial`,
      `${old}.zst`,
      `.tmp.${old}`,
      old.slice(1),
      `${old.slice(0, 23)}a`,
    ])
      place.sandbox.file(`archive/${kept}`, 'x');
    expect(await by(segmentNamed(0x1e))).toEqual(removing(0x1d));
  });

  it('counts for more than -k', async () => {
    expect(await by(segmentNamed(0x1e), '-k', '1')).toEqual(removing(0x1d));
  });
});

describe('-k', () => {
  it.each([
    [0, []],
    [1, [0x1d, 0x1e, 0x1f]],
    [2, [0x1d, 0x1e]],
    [4, []],
    [256, []],
  ])('%i keeps so many before the restored one', async (keep, gone) => {
    expect(await by('', '-k', String(keep))).toEqual(removing(...gone));
  });

  it('counts on across the names of a log', async () => {
    const [first, before, older] = [4096, 4095, 4094].map((number) => segmentNamed(number));
    place.segment(first!);
    for (const number of [before, older]) place.sandbox.file(`archive/${number}`, 'x');
    const outcome = await place.call('-k1', place.archive, first!, target);
    expect(outcome.changed).toContain(`removed archive/${older}`);
    expect(outcome.changed).not.toContain(`removed archive/${before}`);
  });

  it('is 256 for a literal %r', async () => {
    const next = segmentNamed(0x21 + 256 + 1);
    place.segment(next);
    const outcome = await place.call(place.archive, next, target, '%r');
    const gone = [0x1d, 0x1e, 0x1f, 0x20, 0x21].map((number) => `removed archive/${segmentNamed(number)}`);
    expect(outcome).toEqual(silent([...gone, `created work/${target}`]));
  });
});

describe('nothing is removed', () => {
  const restart = segmentNamed(0x1f);

  it('after a history, backup or partial file', async () => {
    const files: [string, string | Buffer][] = [
      ['00000002.history', historyText()],
      [`${name}.00000028.backup`, backupText(name)],
      [`${name}.partial`, segmentBytes(name)],
    ];
    for (const [file, content] of files) {
      place.sandbox.file(`archive/${file}`, content);
      const outcome = await place.call('-k1', place.archive, file, file, restart);
      expect(outcome).toEqual(silent([`created work/${file}`]));
    }
  });

  it('after a segment that is not restored', async () => {
    place.sandbox.file('trigger', 'fast');
    expect(await by(restart, '-t', '../trigger')).toMatchObject({ code: 1, changed: ['changed trigger'] });
    place.sandbox.file('trigger', 'smart');
    const missing = segmentNamed(0x40);
    const outcome = await place.call('-t', '../trigger', place.archive, missing, target, restart);
    expect(outcome).toMatchObject({ code: 1, changed: [] });
  });
});

describe('a segment that cannot be removed', () => {
  it('ends the removal with a warning, not the restore', async () => {
    chmodSync(place.archive, 0o500);
    const outcome = await by(segmentNamed(0x1f));
    chmodSync(place.archive, 0o700);
    const stderr =
      `pg_standby: WARNING:  could not remove old segments from the archive "${place.archive}": Permission denied\n` +
      'HINT:  The next call tries again.\n';
    expect(outcome).toEqual({ ...removing(), stderr });
  });
});

describe('-v', () => {
  const restart = segmentNamed(0x1e);
  const archived = (number: number): string => `"${place.archive}/${segmentNamed(number)}"`;

  it('3 says what was restored, removed and kept', async () => {
    const stderr = [
      `restored ${name} from "${place.archive}"`,
      `removed ${archived(0x1d)}`,
      `the archive keeps WAL from ${restart} on`,
    ].map((line) => `pg_standby: LOG:  ${line}\n`);
    expect(await by(restart, '-v', '3')).toEqual({ ...removing(0x1d), stderr: stderr.join('') });
  });

  it.each(['0', '1', '2'])('%s says nothing of a success', async (verbosity) => {
    expect(await by(restart, '-v', verbosity)).toEqual(removing(0x1d));
  });
});
