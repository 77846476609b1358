// The one door to yargs: options, --help and --version of every command, from its declaration. Calls with plain
// positional arguments never load this.
import { join } from 'node:path';
import yargs, { type Argv, type Options } from 'yargs';
import type { Command, Option, Positional, ReadWords } from './command.ts';
import { exitStatusOf } from './exit-status.ts';
import { installedAt } from './installed-at.ts';
import { writeOut } from './print-error.ts';
import { ProgramError } from './program-error.ts';
import { didYouMean } from './settings/did-you-mean.ts';
import { version } from './version.ts';

/** What every command takes besides its own. */
export const universalOptions: readonly Option[] = [
  { name: 'help', alias: '?', summary: 'Print this help.' },
  { name: 'version', alias: 'V', summary: 'Print the version.' },
];
const documentOfErrors = (): string => join(installedAt(), 'docs', 'errors.md');
const optionsOf = (command: Command): readonly Option[] => [...command.options, ...universalOptions];

const written = ({ name, required, many }: Positional): string =>
  `${required ? name : `[${name}]`}${many === true ? '...' : ''}`;

/** 'archiveWALFile [OPTION]... %p %f' */
export function usageOf(command: Command): string {
  return [command.name, '[OPTION]...', ...command.positionals.map(written)].join(' ');
}

/** The line for postgresql.conf, quoted for the shell, for PostgreSQL's placeholders and for the file. */
export function configurationLine(command: Command, root: string): string | undefined {
  if (command.postgresqlConf === undefined) return undefined;
  const { setting, arguments: placeholders } = command.postgresqlConf;
  const [executable, ...words] = command.name.split(' ');
  const program = join(root, 'bin', executable!);
  const word = /^[A-Za-z0-9/._-]+$/.test(program) ? program : `"${program.replace(/(["$`\\])/g, '\\$1')}"`;
  return `${setting} = '${word.replaceAll('%', '%%').replaceAll("'", "''")} ${[...words, placeholders].join(' ')}'`;
}

function exitStatus(command: Command): string {
  const { own, others, groups } = exitStatusOf(command);
  const rows = own.map(({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`);
  if (others === undefined) return ['EXIT STATUS', ...rows].join('\n');
  const lines = groups.map(({ codes, what }) => `  ${codes.padStart(5)}  ${what}`);
  return ['EXIT STATUS', ...rows, `${others} ${documentOfErrors()}:`, ...lines].join('\n');
}

function epilogue(command: Command): string {
  const line = configurationLine(command, installedAt());
  const width = Math.max(12, ...command.positionals.map(({ name }) => name.length));
  const positionals = command.positionals.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    ...(positionals.length > 0 ? ['Arguments:', ...positionals, ''] : []),
    ...(line === undefined ? [] : ['In postgresql.conf:', `  ${line}`, '']),
    ...(command.notes ?? []),
    exitStatus(command),
  ].join('\n');
}

function refuse(command: Command, message: string, detail?: string): never {
  const hint = `Usage: ${usageOf(command)}; see ${command.name} --help.`;
  throw new ProgramError('usage', message, { detail, hint });
}

function checkPositionals(command: Command, words: readonly string[]): void {
  const missing = command.positionals.find(({ required }, index) => required && words[index] === undefined);
  if (missing !== undefined) refuse(command, `missing argument ${missing.name}`);
  const extra = words[command.positionals.length];
  if (extra !== undefined && command.positionals.at(-1)?.many !== true)
    refuse(command, `too many arguments, the first is "${extra}"`);
  command.positionals.forEach(({ name, choices }, index) => {
    const word = words[index];
    if (word === '') refuse(command, `argument ${name} is empty`);
    if (word === undefined || choices === undefined || choices.includes(word)) return;
    const meant = didYouMean(word, choices);
    const suggestion = meant === undefined ? '' : `; did you mean "${meant}"?`;
    refuse(command, `argument ${name} must be one of ${choices.join(', ')}, not "${word}"${suggestion}`);
  });
}

function checkOptions(command: Command, given: object): void {
  const known = optionsOf(command).flatMap(({ name, alias }) =>
    alias === undefined ? [name] : [name, alias],
  );
  for (const name of Object.keys(given).filter((key) => key !== '_' && key !== '--' && key !== '$0')) {
    if (known.includes(name)) continue;
    // Every letter is near every other one: only words are compared.
    const words = known.filter((each) => each.length > 1);
    const meant = name.length === 1 ? undefined : didYouMean(name, words);
    const dashes = name.length === 1 ? '-' : '--';
    refuse(
      command,
      `unknown option "${dashes}${name}"${meant === undefined ? '' : `; did you mean "--${meant}"?`}`,
    );
  }
}

function parserFor(command: Command): Argv {
  return yargs()
    .locale('en')
    .scriptName(command.name)
    .usage(`Usage: ${usageOf(command)}\n\n${command.summary}`)
    .parserConfiguration({
      'parse-positional-numbers': false,
      'camel-case-expansion': false,
      'boolean-negation': false,
      'dot-notation': false,
    })
    .version(false)
    .help(false)
    .exitProcess(false)
    .fail((message: string | null, error: Error | undefined) =>
      refuse(command, message ?? error?.message ?? 'unknown'),
    )
    .options(Object.fromEntries(optionsOf(command).map((option) => [option.name, toYargs(option)])))
    .epilogue(epilogue(command))
    .wrap(null);
}

function toYargs({ alias, argument, many, summary }: Option): Options {
  const again = many === true ? ', may be given again' : '';
  const shared = {
    describe: argument === undefined ? summary : `${summary} (${argument}${again})`,
    ...(alias && { alias }),
  };
  return argument === undefined
    ? { ...shared, type: 'boolean' as const }
    : { ...shared, type: 'string' as const, requiresArg: true };
}

/** Usage, options, EXIT STATUS and the line for postgresql.conf, as `--help` prints them. */
export async function helpOf(command: Command): Promise<string> {
  const help = await parserFor(command).getHelp();
  // The types that yargs adds say nothing that the words do not.
  return help.replace(/ {2}\[(?:string|boolean)\]$/gm, '');
}

/** The words of a call sorted into positionals and options; 'answered' when --help or --version was all. */
export async function parseArguments(
  command: Command,
  words: readonly string[],
): Promise<ReadWords | 'answered'> {
  const given = await parserFor(command).parseAsync([...words]);
  if (lastOf(given['help']) === true) return answer(await helpOf(command));
  if (lastOf(given['version']) === true) return answer(`${command.name} (twowarm) ${version}`);
  const { _: positionals, ...options } = given;
  checkOptions(command, options);
  checkPositionals(command, positionals.map(String));
  return {
    positionals: positionals.map(String),
    options: Object.fromEntries(
      command.options.map(({ name, many }) => [name, many ? allOf(given[name]) : lastOf(given[name])]),
    ),
  };
}

/** What was given once, or every time; undefined where it never was. */
function allOf(given: unknown): readonly string[] | undefined {
  return given === undefined ? undefined : [given as string | string[]].flat();
}

/** Of an option that is given more than once the last one counts. */
function lastOf(given: unknown): string | boolean | undefined {
  return Array.isArray(given)
    ? (given as (string | boolean)[]).at(-1)
    : (given as string | boolean | undefined);
}

function answer(text: string): 'answered' {
  writeOut(1, `${text}\n`);
  return 'answered';
}
