import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { didYouMean } from '../../src/program/settings/did-you-mean.ts';

const keys = ['name', 'data_directory', 'pg_bindir', 'conninfo', 'start_command', 'stop_command'];

describe('did you mean', () => {
  it.each([
    ['nmae', 'name'],
    ['Name', 'name'],
    ['nam', 'name'],
    ['names', 'name'],
    ['datadirectory', 'data_directory'],
    ['data-directory', 'data_directory'],
    ['conn_info', 'conninfo'],
    ['stopcommand', 'stop_command'],
    ['start_comand', 'start_command'],
  ])('%s: %s', (wrong, meant) => {
    expect(didYouMean(wrong, keys)).toBe(meant);
  });

  it.each(['port', 'x', 'nn', 'archive', 'directory', ''])(
    'is not asked of %j, which is near nothing',
    (wrong) => {
      expect(didYouMean(wrong, keys)).toBeUndefined();
    },
  );

  it('has no answer where there is nothing to choose from', () => {
    expect(didYouMean('name', [])).toBeUndefined();
  });

  const word = fc.stringMatching(/^[a-z_]{5,12}$/);
  const anyPlace = fc.nat(20);
  const slips: [string, (text: string, at: number) => string][] = [
    ['left out', (text, at) => text.slice(0, at) + text.slice(at + 1)],
    ['too many', (text, at) => `${text.slice(0, at)}q${text.slice(at)}`],
    ['wrong', (text, at) => `${text.slice(0, at)}q${text.slice(at + 1)}`],
    [
      'swapped with the next',
      (text, at) => text.slice(0, at) + [...text.slice(at, at + 2)].reverse().join('') + text.slice(at + 2),
    ],
  ];

  it.each(slips)('finds the word with one letter %s', (_, slip) => {
    fc.assert(
      fc.property(word, anyPlace, (meant, place) => {
        expect(didYouMean(slip(meant, place % meant.length), [meant])).toBe(meant);
      }),
    );
  });

  it('names the nearest of several, and the word itself before all', () => {
    expect(didYouMean('stop_comand', keys)).toBe('stop_command');
    fc.assert(
      fc.property(fc.uniqueArray(word, { minLength: 1 }), fc.nat(), (words, at) => {
        const chosen = words[at % words.length]!;
        expect(didYouMean(chosen, words)).toBe(chosen);
      }),
    );
  });
});
