// The frame of every executable: arguments in, signals, one printer for faults, the exit code out.
import type { Command, ProgramCall, ReadWords, Voice } from './command.ts';
import { dieOf, leave } from './leave.ts';
import type { Log, LogFile } from './log.ts';
import { describeError, formatFaultAsJson, formatReport, writeOut } from './print-error.ts';

function makeVoice(program: string): Voice {
  let file: LogFile | undefined;
  let log: Promise<Log> | undefined;
  const open = (): Promise<Log> =>
    (log ??= import('./log.ts').then((loaded) => new loaded.Log(program, file)));
  return {
    alsoTo: (path, home) => {
      file = path === undefined ? undefined : { path, home };
    },
    report: async (level, report, fields) => {
      try {
        (await open()).report(level, report, fields);
      } catch {
        // The log itself failed: the words still have to come out, and the work goes on.
        writeOut(2, formatReport(program, level, report));
      }
    },
    event: async (message, fields) => {
      if (file === undefined) return;
      // What has been done is done: a log that fails must not say otherwise.
      await open()
        .then((opened) => opened.event(message, fields))
        .catch(() => undefined);
    },
    answer: (text) => {
      writeOut(1, text);
    },
  };
}

/** True for the calls PostgreSQL makes: nothing but the expected number of plain words. They need no parser. */
function isPlain(command: Command, words: readonly string[]): boolean {
  const required = command.positionals.filter((positional) => positional.required).length;
  const most = command.positionals.at(-1)?.many === true ? Infinity : command.positionals.length;
  const fits = words.length >= required && words.length <= most;
  const limited = command.positionals.some(({ choices }) => choices !== undefined);
  return fits && !limited && words.every((word) => word !== '' && !word.startsWith('-'));
}

async function readArguments(command: Command, words: readonly string[]): Promise<ReadWords | 'answered'> {
  const own = command.readWords?.(words);
  if (typeof own === 'object') return own;
  if (own === undefined && isPlain(command, words)) return { positionals: words, options: {} };
  const { parseArguments } = await import('./arguments.ts');
  return parseArguments(command, own === undefined ? words : [own]);
}

/** Runs a command with the words after its name and ends the process. */
export async function runCommand(command: Command, words: readonly string[]): Promise<never> {
  const stop = new AbortController();
  let received: NodeJS.Signals | undefined;
  for (const signal of command.stopSignals ?? (['SIGTERM', 'SIGINT'] as const)) {
    process.once(signal, () => {
      received = signal;
      stop.abort(new Error(`stopped by ${signal}`));
    });
  }
  const call: ProgramCall = {
    positionals: words,
    options: {},
    environment: process.env,
    // A working directory that was removed is no data directory; "/" is none either.
    workingDirectory: workingDirectory() ?? '/',
    stop: stop.signal,
    voice: makeVoice(command.name),
  };
  const fail = async (error: unknown): Promise<void> => {
    if (received !== undefined) {
      tellStopped(command, words, received);
      return dieOf(received);
    }
    leave(await reportFault(command, call, error, words));
  };
  process.on('uncaughtException', (error) => void fail(error));
  process.on('unhandledRejection', (error) => void fail(error));
  try {
    const read = await readArguments(command, words);
    if (read === 'answered') leave(0);
    leave(await command.run(Object.assign(call, read)));
  } catch (error) {
    await fail(error);
  }
  // Only a pending signal gets here; it ends the process in a moment.
  return new Promise<never>(() => setTimeout(() => undefined, 1000));
}

function workingDirectory(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

async function reportFault(
  command: Command,
  call: ProgramCall,
  error: unknown,
  words: readonly string[],
): Promise<number> {
  const { report, exitCode } = describeError(error);
  const code = command.exitCodeOfFault?.(call, exitCode) ?? exitCode;
  await call.voice.report('ERROR', report, { exitCode: code });
  if (wantsJson(command, words))
    writeOut(1, formatFaultAsJson(error, code, command.printsEvents === true ? lastEvent : {}));
  return code;
}

const lastEvent = { event: 'end' };

/** By the words: a command line that is wrong never became options. */
const wantsJson = ({ options }: Command, words: readonly string[]): boolean =>
  options.some(({ name }) => name === 'json') && words.includes('--json');

function tellStopped(command: Command, words: readonly string[], signal: NodeJS.Signals): void {
  if (command.printsEvents !== true || !wantsJson(command, words)) return;
  writeOut(1, `${JSON.stringify({ ...lastEvent, outcome: 'stopped', signal })}\n`);
}
