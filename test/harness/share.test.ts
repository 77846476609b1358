// What a run plays of a long story.
import { describe, expect, it } from 'vitest';

import { inTurn, majorsOf, majorsOfEachAge, playsAll, seed, shareOf, turnOf } from './share.ts';

const all = Array.from({ length: 20 }, (_, at) => at);

describe('the share of a long story that a run plays', () => {
  it('has the first, the last and every third of it from where the seed says, or all where everything is played', () => {
    const picked = shareOf(all, 3);
    const expected = playsAll ? all : all.filter((at) => at === 0 || at === 19 || at % 3 === seed % 3);
    expect(picked).toEqual(expected);
  });

  it('has every third case, another third at each place, and all of them at three places', () => {
    const places = [0, 1, 2].map((place) => turnOf(all, 3, place));
    if (playsAll) return expect(places).toEqual([all, all, all]);
    expect(places[0]).toEqual(all.filter((at) => at % 3 === seed % 3));
    expect(places.flat().sort((one, other) => one - other)).toEqual(all);
    expect(turnOf(['one', 'two'], 3)).toHaveLength(1);
  });

  it('has one major before 15 and one from 15 on, or all where everything is played', () => {
    const majors = majorsOf([10, 11, 12, 15, 18]);
    if (playsAll) return expect(majors).toEqual([10, 11, 12, 15, 18]);
    expect(majors).toHaveLength(2);
    expect(majors[0]).toBeLessThan(15);
    expect(majors[1]).toBeGreaterThanOrEqual(15);
    expect(majorsOf([15])).toEqual([15]);
  });

  it('has one major of each age, or all where everything is played', () => {
    const majors = majorsOfEachAge([10, 11, 12, 13, 14, 15, 16]);
    if (playsAll) return expect(majors).toEqual([10, 11, 12, 13, 14, 15, 16]);
    expect(majors.map((major) => (major < 12 ? 'old' : major < 15 ? 'middle' : 'new'))).toEqual([
      'old',
      'middle',
      'new',
    ]);
    expect(majorsOfEachAge([14])).toEqual([14]);
  });
});

/** What the groups below have played. */
const played: string[] = [];

describe.each([0, 1, 2])('a test in its turn, at place %i of three', (place) => {
  const its = inTurn(3, place);
  for (const title of ['the first', 'the second', 'the third']) its(title, () => void played.push(title));
  its.each(['a', 'b', 'c'])('of a table: %s', (title) => void played.push(title));
});

it('is played once at three places, and so is each case of its table', () => {
  const each = ['a', 'b', 'c', 'the first', 'the second', 'the third'];
  const times = playsAll ? 3 : 1;
  expect(played.sort()).toEqual(each.flatMap((title) => Array<string>(times).fill(title)));
});
