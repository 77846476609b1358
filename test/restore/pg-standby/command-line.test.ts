// pg_standby's command line as getopt(3) reads it, its defaults and ranges, and what it says to a wrong one.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { refused, silent } from '../../harness/node-fixture.ts';
import { installation } from '../../harness/installation.ts';
import { rmSync } from 'node:fs';
import { readWords } from '../../../src/restore/pg-standby/getopt.ts';
import { atoi, readOrder, type Order } from '../../../src/restore/pg-standby/order.ts';
import { makePlace, name, target, type Place } from './fixture.ts';

const { version } = JSON.parse(readFileSync(join(installation(), 'package.json'), 'utf8')) as {
  version: string;
};
const tryHelp = 'HINT:  Try "pg_standby --help" for more information.\n';
const restart = '00000001000000000000001F';

function order(...words: string[]): Order {
  const read = readWords(words);
  if (typeof read === 'string') throw new Error(read);
  return readOrder(read);
}
const parts = ['/archive', name, target];

describe('the defaults', () => {
  it('are the original ones, and 2warm’s for -v', () => {
    expect(order(...parts)).toMatchObject({
      archive: '/archive',
      name: { name },
      target,
      restart: undefined,
      keep: 0,
      retries: 3,
      intervalS: 5,
      triggerFile: undefined,
      verbosity: 2,
      waitS: 0,
    });
  });
});

describe('options', () => {
  it.each<[string, string[], Partial<Order>]>([
    ['a value that is the next word', ['-k', '7'], { keep: 7 }],
    ['a value that is attached', ['-t/tmp/x'], { triggerFile: '/tmp/x' }],
    ['letters in one word, the last with its value', ['-ds2'], { intervalS: 2, verbosity: 4 }],
    ['letters in one word, the value apart', ['-clds', '2'], { intervalS: 2, verbosity: 4 }],
    ['a value that looks like an option', ['-t', '-d'], { triggerFile: '-d', verbosity: 2 }],
    ['the last one of two', ['-s', '2', '-s', '3'], { intervalS: 3 }],
    ['-d after -v', ['-v', '0', '-d'], { verbosity: 4 }],
    ['-v after -d', ['-d', '-v', '0'], { verbosity: 0 }],
    ['-c and -l, which do nothing', ['-c', '-l'], {}],
    ['a number with something behind it', ['-r', '2x'], { retries: 2 }],
    ['a number that is none', ['-r', 'x', '-w', '', '-k', '-'], { retries: 0, waitS: 0, keep: 0 }],
    ['blanks and a sign', ['-r', ' +4'], { retries: 4 }],
    ['the limits of -s', ['-s', '60'], { intervalS: 60 }],
    ['the limits of -v', ['-v4'], { verbosity: 4 }],
  ])('may be given as %s', (_, words, expected) => {
    expect(order(...words, ...parts)).toMatchObject(expected);
  });

  it('may stand between and behind the arguments, until --', () => {
    const given = { keep: 2, intervalS: 9, restart, archive: '/archive', target };
    expect(order('/archive', '-k2', name, target, '-s', '9', restart)).toMatchObject(given);
    expect(order('-k2', '-s9', '--', '/archive', name, '-x', restart)).toMatchObject({
      ...given,
      target: '-x',
    });
    expect(order('-', name, target)).toMatchObject({ archive: '-' });
  });

  it('read every number as atoi(3) does', () => {
    const wrap = (value: number): number => Number(BigInt.asIntN(32, BigInt(value)));
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.constantFrom('', ' ', '\t\n'), (value, blanks) => {
        expect(atoi(`${blanks}${value}kB`)).toBe(wrap(value));
      }),
    );
    expect(atoi('99999999999999999999')).toBe(-1);
    expect(atoi('-99999999999999999999')).toBe(0);
  });
});

describe('RESTARTWALFILE', () => {
  it.each<[string, string[], Partial<Order>]>([
    ['is taken', [restart], { restart, unusableRestart: undefined }],
    ['may be zeros, before the first restart point', ['0'.repeat(24)], { restart: '0'.repeat(24) }],
    ['may be left out', [], { restart: undefined, keep: 0 }],
    ['may be empty', [''], { restart: undefined, unusableRestart: undefined, keep: 0 }],
    ['as a literal %r keeps 256', ['%r'], { restart: undefined, unusableRestart: undefined, keep: 256 }],
    ['as a literal %R keeps 256', ['%R'], { keep: 256 }],
    ['as a literal %r leaves a -k as it is', ['%r', '-k', '3'], { keep: 3 }],
    ['of another shape removes nothing', ['x'], { restart: undefined, unusableRestart: 'x', keep: 0 }],
    ['may be followed by more', [restart, 'more'], { restart }],
  ])('%s', (_, words, expected) => {
    expect(order(...parts, ...words)).toMatchObject(expected);
  });
});

describe('the program', () => {
  let place: Place;
  beforeAll(() => {
    place = makePlace('standby-words');
    place.segment(name);
  });
  beforeEach(() => rmSync(place.path(`work/${target}`), { force: true }));
  afterAll(() => place[Symbol.asyncDispose]());

  it.each([
    ['no words', [], 'must specify the archive location'],
    ['no %f', ['archive'], 'must specify the WAL file name as second argument (use %f)'],
    ['no %p', ['archive', name], 'must specify the path to restore to as third argument (use %p)'],
    ['an unknown option', ['-x', 'archive', name, target], 'invalid option: -x'],
    ['an unknown option in a group', ['-dxs2', 'archive', name, target], 'invalid option: -x'],
    ['a long option', ['--trigger=x', 'archive', name, target], 'invalid option: --'],
    ['--help behind another word', ['-d', '--help'], 'invalid option: --'],
    ['-V behind another word', ['-d', '-V'], 'invalid option: -V'],
    ['an option without its value', ['archive', name, target, '-t'], 'option requires an argument: -t'],
    ['a negative -k', ['-k', '-1', 'archive', name, target], '-k must not be negative'],
    ['a negative -r', ['-r-1', 'archive', name, target], '-r must not be negative'],
    ['a negative -w', ['-w', '-5', 'archive', name, target], '-w must not be negative'],
    ['-s 0', ['-s0', 'archive', name, target], '-s must be between 1 and 60'],
    ['-s 61', ['-s', '61', 'archive', name, target], '-s must be between 1 and 60'],
    ['-s and a word', ['-s', 'soon', 'archive', name, target], '-s must be between 1 and 60'],
    ['-v 5', ['-v5', 'archive', name, target], '-v must be between 0 and 4'],
    ['-v -1', ['-v-1', 'archive', name, target], '-v must be between 0 and 4'],
    ['a name that is none', ['archive', 'x', target], '"x" is not the name of a WAL file'],
    ['a name with a path', ['archive', `../${name}`, target], `"../${name}" is not the name of a WAL file`],
  ])('refuses %s with 2', async (_, words, message) => {
    expect(await place.call(...words)).toEqual(refused(2, `pg_standby: ERROR:  ${message}\n${tryHelp}`));
  });

  it('refuses an archive that is missing with 2', async () => {
    const missing = place.path('nowhere');
    const message = `could not look into the archive "${missing}": No such file or directory`;
    expect(await place.call(missing, name, target)).toEqual(refused(2, `pg_standby: ERROR:  ${message}\n`));
    // Also for the files that are not waited for.
    const outcome = await place.call(missing, '00000002.history', target);
    expect(outcome).toEqual(refused(2, `pg_standby: ERROR:  ${message}\n`));
  });

  it('takes paths relative to its working directory', async () => {
    expect(await place.call('../archive', name, target)).toEqual(silent([`created work/${target}`]));
  });

  it('takes an archive of any name', async () => {
    place.sandbox.directory(`it's "the" $ARCHIVE`);
    const outcome = await place.call('-w1', '-s1', place.path(`it's "the" $ARCHIVE`), name, target);
    expect(outcome).toMatchObject({ code: 1, changed: [] });
  });

  it.each([['--version'], ['-V']])('answers %s', async (word) => {
    const stdout = `pg_standby (twowarm) ${version}\n`;
    expect(await place.call(word, 'ignored')).toEqual({ ...silent(), stdout });
  });

  it.each([['--help'], ['-?']])(
    'answers %s with its codes, the line to copy and the bugs that are gone',
    async (word) => {
      const { stdout, ...rest } = await place.call(word);
      expect(rest).toEqual({ code: 0, stderr: '', changed: [] });
      expect(stdout).toMatch(
        /^Usage: pg_standby \[OPTION\]\.\.\. ARCHIVELOCATION NEXTWALFILE XLOGFILEPATH \[RESTARTWALFILE\]\n/,
      );
      for (const letter of 'cdklrstvw') expect(stdout).toMatch(new RegExp(`^ {2}-${letter} `, 'm'));
      expect(stdout).toContain(
        `  restore_command = '${installation()}/bin/pg_standby -t /path/to/trigger /path/to/archive %f %p'\n`,
      );
      expect(stdout).toContain('With %r after %p the archive is pruned: after each restored segment');
      expect(stdout).toContain('Only\n  where nobody else reads the archive');
      expect(stdout).toContain(
        'Under standby.signal (standby_mode before 12) a trigger file alone promotes nobody',
      );
      expect(stdout).toContain('Numbers are read as atoi(3) reads them, as ever: "abc" is 0');
      const [, gone] = /^Other than in the original:\n((?: {2}.*\n)+)/m.exec(stdout)!;
      for (const bug of ['has been checked', '30 s', '.backup and .partial', 'for reading only'])
        expect(gone).toContain(bug);
      const [, codes] = /^EXIT STATUS\n((?: +\d+ .*\n)+)$/m.exec(stdout)!;
      expect([...codes!.matchAll(/^ +(\d+) /gm)].map((match) => Number(match[1]))).toEqual([0, 1, 2, 3, 200]);
    },
  );

  it('is a command of twowarm, too', async () => {
    const outcome = await place.sh('twowarm', 'pg_standby', place.archive, name, target);
    expect(outcome).toEqual(silent([`created work/${target}`]));
  });

  it('warns of a RESTARTWALFILE that names no segment, and restores', async () => {
    const stderr =
      'pg_standby: WARNING:  RESTARTWALFILE "x" is not the name of a segment: nothing is removed\n';
    const outcome = await place.call(place.archive, name, target, 'x');
    expect(outcome).toEqual({ ...silent([`created work/${target}`]), stderr });
  });
});
