// One call of the system's rsync. What an older far side does not know, or one refuses, of what is only good to have is left
// out and the call made again.
import { exec, plainEnvironment, type Executed } from '../../program/exec.ts';
import { ProgramError } from '../../program/program-error.ts';
import { faultOf } from './faults.ts';
import type { FarSide } from './far-side.ts';

export interface RsyncCall {
  /** The end of "could not …", with the URL at its end. */
  what: string;
  /** Options, then "--", then files. */
  words: readonly string[];
  /** Options without which it is done all the same. */
  goodToHave?: readonly string[];
  workingDirectory?: string;
  /** Exit codes beside 0 that are no fault. */
  alsoFine?: readonly number[];
}

/** Of two million names with their sizes, in bytes. */
const mostOutputBytes = 256 * 1024 * 1024;

/** What else an option is called where it is refused. */
const aliases: Record<string, RegExp> = {
  '--fsync': /--fsync\b/,
  '--compress': /--compress\b|\(-z\)/,
};

const isTurnedDown = (option: string, { stderr }: Executed): boolean =>
  /unknown option|configured to refuse/.test(stderr) && aliases[option]!.test(stderr);

/** Runs it; throws what went wrong, or the reason of the signal once rsync and what it has started are gone. */
export async function runRsync(far: FarSide, call: RsyncCall, signal: AbortSignal): Promise<Executed> {
  const { what, words, goodToHave = [], workingDirectory, alsoFine = [] } = call;
  const executed = await exec('rsync', [...far.options, ...goodToHave, ...words], {
    signal,
    environment: plainEnvironment(process.env),
    mostOutputBytes,
    ...(workingDirectory !== undefined && { workingDirectory }),
  }).catch((error: unknown) => {
    throw asMissing(error, what);
  });
  if (executed.code === 0 || alsoFine.includes(executed.code ?? -1)) {
    if (Buffer.byteLength(executed.stdout) < mostOutputBytes) return executed;
    throw new ProgramError('protocol', `could not ${what}: its list of names does not end`);
  }
  const left = goodToHave.filter((option) => !isTurnedDown(option, executed));
  if (left.length === goodToHave.length) throw faultOf(what, executed, far);
  return runRsync(far, { ...call, goodToHave: left }, signal);
}

function asMissing(error: unknown, what: string): unknown {
  if (!(error instanceof ProgramError) || error.kind !== 'program-missing') return error;
  return new ProgramError('program-missing', `could not ${what}: ${error.message}`, {
    hint: 'Install it here: apt-get install rsync, or dnf install rsync.',
    cause: error,
  });
}
