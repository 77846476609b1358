// twowarm <command>: finds the command and runs it; alone, or with --help, it lists them.
import type { Command, ProgramCall } from '../program/command.ts';
import { ProgramError } from '../program/program-error.ts';
import { runCommand } from '../program/run.ts';
import { didYouMean } from '../program/settings/did-you-mean.ts';
import { version } from '../program/version.ts';
import { commands, notBuilt } from './commands.ts';

async function listCommands(call: ProgramCall): Promise<number> {
  const loaded = await Promise.all(
    Object.entries(commands).map(async ([key, load]) => [key, await load()] as const),
  );
  const lines = loaded.map(([key, { command }]) => `  ${key.padEnd(16)}${command.summary}`);
  const usage = 'Usage: twowarm COMMAND [OPTION]... [ARGUMENT]...';
  const status = 'EXIT STATUS\n  that of the command; 2 for an unknown one';
  const text = [
    usage,
    '',
    "Ships PostgreSQL's write-ahead log to a standby and brings it back.",
    '',
    'Commands:',
    ...lines,
  ];
  call.voice.answer([...text, '', 'twowarm COMMAND --help says more.', '', status, ''].join('\n'));
  return 0;
}

function refuseUnknown(name: string): never {
  if (notBuilt.includes(name)) throw new ProgramError('not-built', `the command ${name} is not built yet`);
  if (name.startsWith('-')) {
    const hint = 'Options come after the command: twowarm COMMAND [OPTION]...';
    throw new ProgramError('usage', `unknown option "${name}"`, { hint });
  }
  const meant = didYouMean(name, Object.keys(commands));
  throw new ProgramError(
    'usage',
    `unknown command "${name}"${meant === undefined ? '' : `; did you mean "${meant}"?`}`,
    {
      hint: 'twowarm --help lists the commands.',
    },
  );
}

const list: Command = {
  name: 'twowarm',
  summary: 'Lists the commands.',
  positionals: [],
  options: [],
  run: listCommands,
};

const answering = (run: Command['run']): Promise<never> => runCommand({ ...list, run }, []);

async function dispatch([name, ...words]: readonly string[]): Promise<never> {
  if (name === undefined || ['--help', '-?', '-h', 'help'].includes(name)) return answering(listCommands);
  if (name === '--version' || name === '-V') {
    return answering(async ({ voice }) => (voice.answer(`twowarm ${version}\n`), 0));
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load === undefined) return answering(async () => refuseUnknown(name));
  return runCommand((await load()).command, words);
}

export const main = (words: readonly string[]): void =>
  void dispatch(words).catch((error: unknown) =>
    answering(async () => {
      throw error as Error;
    }),
  );
