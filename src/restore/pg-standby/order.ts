// What a pg_standby call is asked to do: defaults, ranges, and which numbers old scripts may write. Pure.
import type { ProgramCall } from '../../program/command.ts';
import { parseWalFileName, type WalFileName } from '../../wal/filename.ts';
import { usageFault } from './getopt.ts';

export interface Order {
  archive: string;
  name: WalFileName;
  /** As given: relative to the working directory. */
  target: string;
  /** RESTARTWALFILE, if there is a usable one. */
  restart: string | undefined;
  /** RESTARTWALFILE as it was given, when it names no segment. */
  unusableRestart: string | undefined;
  /** Segments to keep; 0: all. */
  keep: number;
  retries: number;
  intervalS: number;
  triggerFile: string | undefined;
  verbosity: number;
  /** 0: for ever. */
  waitS: number;
}

const segmentsOfLiteral = 256;

/** The order of a call whose words getopt.ts has sorted; faults of kind `usage`. */
export function readOrder({ positionals, options }: Pick<ProgramCall, 'positionals' | 'options'>): Order {
  const number = (letter: string, preset: number): number => {
    const value = options[letter];
    return typeof value === 'string' ? atoi(value) : preset;
  };
  const order = {
    keep: atLeastZero('k', number('k', 0)),
    retries: atLeastZero('r', number('r', 3)),
    intervalS: within('s', number('s', 5), 1, 60),
    verbosity: within('v', number('v', 2), 0, 4),
    waitS: atLeastZero('w', number('w', 0)),
    triggerFile: typeof options['t'] === 'string' ? options['t'] : undefined,
  };
  const [archive, nextFile, target, given = ''] = positionals;
  if (archive === undefined) throw usageFault('must specify the archive location');
  if (nextFile === undefined) throw usageFault('must specify the WAL file name as second argument (use %f)');
  if (target === undefined)
    throw usageFault('must specify the path to restore to as third argument (use %p)');
  const name = parseWalFileName(nextFile);
  if (name === undefined) throw usageFault(`"${nextFile}" is not the name of a WAL file`);
  const isLiteral = given === '%r' || given === '%R';
  // Before the first restart point PostgreSQL gives 24 zeros, so parseWalFileName is too strict.
  const restart = /^[0-9A-F]{24}$/.test(given) ? given : undefined;
  const unusableRestart = restart !== undefined || isLiteral || given === '' ? undefined : given;
  const keep = isLiteral && order.keep === 0 ? segmentsOfLiteral : order.keep;
  return { ...order, keep, archive, name, target, restart, unusableRestart };
}

/** As atoi(3): leading blanks, a sign, digits; anything else is 0, and what int cannot hold wraps around. */
export function atoi(text: string): number {
  const digits = /^[ \t\n\v\f\r]*([+-]?)([0-9]+)/.exec(text);
  if (digits === null) return 0;
  const value = BigInt(digits[2]!) * (digits[1] === '-' ? -1n : 1n);
  const long = value > longest ? longest : value < -longest - 1n ? -longest - 1n : value;
  return Number(BigInt.asIntN(32, long));
}

/** strtol(3) stops here before the result is cut to 32 bits. */
const longest = 2n ** 63n - 1n;

function atLeastZero(letter: string, value: number): number {
  if (value < 0) throw usageFault(`-${letter} must not be negative`);
  return value;
}

function within(letter: string, value: number, least: number, most: number): number {
  if (value < least || value > most) throw usageFault(`-${letter} must be between ${least} and ${most}`);
  return value;
}
