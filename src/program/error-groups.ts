// The kinds of faults in a few lines, for --help: what is wrong, by the tens of the exit codes. Each kind by itself is in
// docs/errors.md, from the same table (error-kinds.ts).
import { errorKinds } from './error-kinds.ts';

/** The codes from each of these on, up to the next. */
const groups: readonly (readonly [from: number, what: string])[] = [
  [2, 'the command line or the configuration is wrong, or another data directory is meant'],
  [10, 'the file is not what it should be or is in the way, or archiving is on hold'],
  [20, 'a directory, a disk or a state file cannot be used, or did not answer in time'],
  [40, 'the archive or the timeline belongs to another node'],
  [50, 'the server, or a source of WAL, is not there or not in the state for this'],
  [60, 'the far side of a network road cannot be reached, or refuses'],
  [70, errorKinds.bug.meaning],
  [
    80,
    'a base backup cannot be made or put where it is to go, or a data directory or a node not be configured',
  ],
];

export interface ErrorGroup {
  /** '20-31', or the one code that there is. */
  codes: string;
  what: string;
}

/** All groups, in the order of the codes; every kind is in one of them. */
export function errorGroups(): ErrorGroup[] {
  const all: number[] = Object.values(errorKinds).map(({ exitCode }) => exitCode);
  return groups.map(([from, what], index) => {
    const next = groups[index + 1]?.[0] ?? Number.POSITIVE_INFINITY;
    const codes = all.filter((code) => code >= from && code < next);
    const [first, last] = [Math.min(...codes), Math.max(...codes)];
    return { codes: first === last ? `${first}` : `${first}-${last}`, what };
  });
}
