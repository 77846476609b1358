// What of a long story a run of all tests plays: a share that the seed of the run picks, so that all of it is played in a few
// runs. TWOWARM_SEED repeats a run; TWOWARM_MATRIX=all (npm run test:all) plays everything.

export const playsAll = process.env['TWOWARM_MATRIX'] === 'all';

/** Set and printed by global-setup.ts, unless the caller has. */
export const seed = Number(process.env['TWOWARM_SEED'] ?? 0);

/** Every `of`-th, from one that the seed picks, with the first and the last; all of them where everything is played. */
export function shareOf<T>(all: readonly T[], of: number): T[] {
  if (playsAll) return [...all];
  const last = all.length - 1;
  return all.filter((_, at) => at === 0 || at === last || at % of === seed % of);
}

const oneOf = <T>(all: readonly T[]): T[] => (all.length === 0 ? [] : [all[seed % all.length]!]);

/** Of PostgreSQL's majors one that is older than 15, and one that is not: from 15 on replay prefetches. */
export const majorsOf = (all: readonly number[]): number[] =>
  playsAll
    ? [...all]
    : [...oneOf(all.filter((major) => major < 15)), ...oneOf(all.filter((major) => major >= 15))];

/** Of PostgreSQL's majors one before 12 (recovery.conf), one of 12 to 14 (another API of backups since), one from 15 on. */
export const majorsOfEachAge = (all: readonly number[]): number[] =>
  playsAll
    ? [...all]
    : [
        ...oneOf(all.filter((major) => major < 12)),
        ...oneOf(all.filter((major) => major >= 12 && major < 15)),
        ...oneOf(all.filter((major) => major >= 15)),
      ];
