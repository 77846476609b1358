// What goes wrong with a call of rsync, in our words: by what it and the far side say, else by its exit code (rsync(1), EXIT
// VALUES). An absent file is none of this: it is asked for in a way that succeeds without it.
import type { Executed } from '../../program/exec.ts';
import { ProgramError } from '../../program/program-error.ts';
import { rules, type Reason } from './fault-rules.ts';
import type { FarSide } from './far-side.ts';

/** As much of what was said as a message can show. */
const mostSaid = 2000;

/** By the exit code, where nothing that was said tells more. */
const byCode: Record<number, Reason> = {
  2: { kind: 'protocol', words: 'the far side speaks another version of the protocol' },
  5: { kind: 'protocol', words: 'the far side does not begin the protocol' },
  10: { kind: 'connection-lost', words: 'the connection failed' },
  11: { kind: 'input-output', words: 'a file could not be read or written' },
  12: { kind: 'connection-lost', words: 'the connection was cut' },
  20: { kind: 'connection-lost', words: 'rsync was told to stop' },
  23: { kind: 'input-output', words: 'not everything could be transferred' },
  24: { kind: 'input-output', words: 'a file vanished while it was read' },
  30: { kind: 'timed-out', words: 'the far side was silent for too long' },
  35: { kind: 'timed-out', words: 'the daemon does not answer' },
  127: { kind: 'program-missing', words: 'the far side has no rsync' },
  255: { kind: 'connection-lost', words: 'the connection was cut' },
};

function reasonOf({ code, signal, stderr }: Executed, far: FarSide): Reason {
  if (signal !== null) return { kind: 'connection-lost', words: `rsync was ended by ${signal}` };
  // These say it better than the lines that go with them.
  const certain = code === 30 || code === 35 ? byCode[code] : undefined;
  if (certain !== undefined) return certain;
  const found = rules.find(([pattern]) => pattern.test(stderr))?.[1](far);
  return found ?? byCode[code ?? -1] ?? { kind: 'input-output', words: `rsync ended with exit code ${code}` };
}

/** The far side's own words on one line, without rsync's account of where in its sources it was. */
function saidBy(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.replace(/ at \w+\.c\(\d+\) \[[^\]]*\]$/, '').trim());
  return [...new Set(lines)]
    .filter((line) => line !== '')
    .join('; ')
    .slice(0, mostSaid);
}

/** `what`: the end of "could not …", with the URL at its end. */
export function faultOf(what: string, executed: Executed, far: FarSide): ProgramError {
  const { kind, words, hint } = reasonOf(executed, far);
  const said = saidBy(executed.stderr);
  return new ProgramError(kind, `could not ${what}: ${words}`, {
    detail: said === '' ? undefined : `rsync says: ${said}`,
    hint,
  });
}
