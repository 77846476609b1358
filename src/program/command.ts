// What every command declares about itself, as data: its arguments and options, its exit codes, and what it does.
// The parser, each --help, docs/options.md and the man pages come from these declarations.
import type { ErrorKindName } from './error-kinds.ts';
import type { Level, Report } from './print-error.ts';
import type { Fields } from './log.ts';

export interface Positional {
  name: string;
  summary: string;
  required: boolean;
  /** The last one may be given any number of times. */
  many?: boolean;
  /** The only words it may be, if there are only some. */
  choices?: readonly string[];
  /** What the shell offers for it where its name (FILE, DIRECTORY) does not say so. */
  completes?: 'destination';
}

export interface Option {
  /** Without dashes: 'dry-run'. */
  name: string;
  alias?: string;
  /** The word for its value in the help ('FILE'); an option without one is a switch. */
  argument?: string;
  summary: string;
  /** With an argument: it may be given any number of times, and its value is a list. */
  many?: boolean;
}

export interface Command {
  name: string;
  /** One sentence. */
  summary: string;
  positionals: readonly Positional[];
  options: readonly Option[];
  /** Exit codes beyond 0 and the table of error kinds. */
  exitStatus?: readonly { code: number; meaning: string }[];
  /** The kinds of faults that --help names one by one: what this command is there to find out. */
  exitKinds?: readonly ErrorKindName[];
  /** True where exitStatus is all there is: neither 0 nor the table of error kinds is added. */
  hasOwnExitStatus?: boolean;
  /**
   * With --json it prints an object a line, each with its `event`. The last one, "end", comes whatever becomes of the call, unless
   * SIGKILL ends it: for a fault with the fields of print-error.ts, for a signal with `outcome` "stopped" and its name.
   */
  printsEvents?: boolean;
  /** Further lines of --help, before EXIT STATUS. */
  notes?: readonly string[];
  /** The setting of postgresql.conf that calls it, and the placeholders: archive_command, '%p %f'. */
  postgresqlConf?: { setting: string; arguments: string };
  /**
   * Sorts the words of a call where scripts rely on another parser than ours, or where ours takes too long; or says which of
   * the two was asked for. Undefined: ours sorts them.
   */
  readWords?(words: readonly string[]): ReadWords | '--help' | '--version' | undefined;
  /** The signals that stop it; default SIGTERM and SIGINT. */
  stopSignals?: readonly NodeJS.Signals[];
  /** Does the work; the exit code, or a ProgramError. */
  run(call: ProgramCall): Promise<number>;
  /** The exit code of a fault where the table of kinds is not the rule (restore_command's modes). */
  exitCodeOfFault?(call: ProgramCall, exitCode: number): number;
}

/** The words of a call, sorted. */
export interface ReadWords {
  positionals: readonly string[];
  options: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
}

export interface ProgramCall extends ReadWords {
  environment: Readonly<Record<string, string | undefined>>;
  workingDirectory: string;
  /** Aborts on SIGTERM and SIGINT. */
  stop: AbortSignal;
  voice: Voice;
}

/** How a command speaks while it works. The log loads with the first word, so that a silent success costs nothing. */
export interface Voice {
  /** From now on events also go to this file, as JSON; under root it is given to the owner of `home`. */
  alsoTo(file: string | undefined, home: string): void;
  report(level: Level, report: Report, fields?: Fields): Promise<void>;
  /** A success: said only to the file. */
  event(message: string, fields: Fields): Promise<void>;
  /** The answer that a person or a script asked for, to stdout. */
  answer(text: string): void;
}

/** --json of every command that reports; `what` begins its summary. What it prints for a fault is print-error.ts. */
export const jsonOption = (what: string): Option => ({
  name: 'json',
  summary: `${what} A failure, too, prints one JSON object, beside its text on stderr: outcome "failed", kind, message, detail, hint, exitCode.`,
});

export const commonOptions: readonly Option[] = [
  { name: 'config', argument: 'FILE', summary: 'The configuration file to use.' },
  {
    name: 'pgdata',
    alias: 'D',
    argument: 'DIRECTORY',
    summary: 'The data directory; default: the working directory, then PGDATA.',
  },
];
