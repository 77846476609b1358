// twowarm consumers: shows who is registered at the archives of this node, and removes who is gone for good.
import { openThisNode } from '../../postgres/this-node.ts';
import { commonOptions, type Command, type ProgramCall } from '../../program/command.ts';
import { ProgramError } from '../../program/program-error.ts';
import { listAll } from './list-consumers.ts';
import { removeEverywhere } from './remove-consumer.ts';

const unknown = 3;

async function run(call: ProgramCall): Promise<number> {
  const [action, name] = call.positionals;
  if (action === 'list' && name !== undefined) {
    throw new ProgramError('usage', `too many arguments, the first is "${name}"`, {
      hint: 'twowarm consumers list shows all of them; --directory DIR those of one archive.',
    });
  }
  if (action === 'remove' && name === undefined) {
    throw new ProgramError('usage', 'missing argument NAME', {
      hint: 'It is the first word of a line of twowarm consumers list.',
    });
  }
  const changes = action === 'remove' && call.options['dry-run'] !== true;
  const node = await openThisNode(call, changes);
  return action === 'remove' ? removeEverywhere(name!, node, call) : listAll(node, call);
}

export const command: Command = {
  name: 'twowarm consumers',
  summary:
    'Shows who still needs what of the archives of this node, or removes a reader that is gone for good.',
  positionals: [
    {
      name: 'ACTION',
      summary: 'What to do.',
      required: true,
      choices: ['list', 'remove'],
    },
    {
      name: 'NAME',
      summary:
        'To remove: the exact name, as list shows it first. What that reader needed may be pruned from then on; a reader that lives registers itself again.',
      required: false,
    },
  ],
  options: [
    ...commonOptions,
    {
      name: 'directory',
      argument: 'DIR',
      summary:
        'Only this archive; default: every directory among archive.directory, restore.sources and the destinations.',
    },
    { name: 'dry-run', summary: 'Say what removing would release; change nothing.' },
    { name: 'json', summary: 'Print JSON.' },
  ],
  exitStatus: [
    { code: 1, meaning: 'list: WARNING: a reader has not come back, or room runs out' },
    {
      code: 2,
      meaning: 'list: CRITICAL: a record cannot be read, or room runs out while a reader has not come back',
    },
    { code: unknown, meaning: 'list: UNKNOWN: an archive cannot be read, or any other fault' },
  ],
  // Monitoring knows four codes; what keeps the list from being made is UNKNOWN.
  exitCodeOfFault: (call, exitCode) => (call.positionals[0] === 'list' ? unknown : exitCode),
  run,
};
