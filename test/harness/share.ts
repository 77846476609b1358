// What of a long story a run of all tests plays: a share that the seed of the run picks, so that all of it is played in a few
// runs. TWOWARM_SEED repeats a run; TWOWARM_MATRIX=all (npm run test:all) plays everything.
import { it, type TestAPI, type TestFunction, type TestOptions } from 'vitest';

export const playsAll = process.env['TWOWARM_MATRIX'] === 'all';

/** Set and printed by global-setup.ts, unless the caller has. */
export const seed = Number(process.env['TWOWARM_SEED'] ?? 0);

/** Every `of`-th, from one that the seed picks, with the first and the last; all of them where everything is played. */
export function shareOf<T>(all: readonly T[], of: number): T[] {
  if (playsAll) return [...all];
  const last = all.length - 1;
  return all.filter((_, at) => at === 0 || at === last || at % of === seed % of);
}

const isTurn = (at: number, of: number): boolean => playsAll || at % of === seed % of;

/**
 * Of cases that show one promise every `of`-th, at least one. Groups that play the same cases (roads, modes) are at places
 * 0, 1, 2, …, where other ones have their turn: as many groups as `of` says play each case once between them.
 */
export function turnOf<T>(all: readonly T[], of: number, place = 0): T[] {
  const turns = Math.min(of, all.length);
  return all.filter((_, at) => isTurn(at + place, turns));
}

/** The places of what is said of each way in which a server recovers. */
export const placeOf = { standby: 0, recovery: 1, none: 2 } as const;

/** The places of what is said of PostgreSQL's majors, as majorsOf tells them apart. */
export const placeOfMajor = (major: number): 0 | 1 => (major < 15 ? 0 : 1);

/** What `inTurn` gives: used as vitest's `it`. */
export interface InTurn extends Pick<TestAPI, 'each'> {
  (title: string, body: TestFunction): void;
  (title: string, options: Omit<TestOptions, 'shuffle'>, body: TestFunction): void;
}

/** `it` for tests that show one promise: a run plays every `of`-th of them, as turnOf says, and so of each of its tables. */
export function inTurn(of: number, place = 0): InTurn {
  let at = place;
  const register = (...test: Parameters<typeof it>): void => {
    if (isTurn(at, of)) it(...test);
    at += 1;
  };
  const each = (all: readonly unknown[]) => it.each(turnOf(all, of, place));
  return Object.assign(register, { each }) as unknown as InTurn;
}

/** One of them, if there is one: by another part of the seed than turns of 2 to 6, which then have each in time. */
export const oneOf = <T>(all: readonly T[]): T[] =>
  playsAll || all.length === 0 ? [...all] : [all[Math.floor(seed / 60) % all.length]!];

/** Of PostgreSQL's majors one that is older than 15, and one that is not: from 15 on replay prefetches. */
export const majorsOf = (all: readonly number[]): number[] => [
  ...oneOf(all.filter((major) => major < 15)),
  ...oneOf(all.filter((major) => major >= 15)),
];

/** Of PostgreSQL's majors one before 12 (recovery.conf), one of 12 to 14 (another API of backups since), one from 15 on. */
export const majorsOfEachAge = (all: readonly number[]): number[] => [
  ...oneOf(all.filter((major) => major < 12)),
  ...oneOf(all.filter((major) => major >= 12 && major < 15)),
  ...oneOf(all.filter((major) => major >= 15)),
];
