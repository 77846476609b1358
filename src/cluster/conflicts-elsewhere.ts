// twowarm conflicts for an archive on another machine: it is done there. What is kept aside is given back or removed for good
// by a person with the files before them, never by a key that may only add to an archive.
import type { ProgramCall } from '../program/command.ts';
import { ProgramError } from '../program/program-error.ts';
import { readRoadUrl, withoutSecret } from '../program/road-url.ts';
import { shellWord } from '../program/shell-word.ts';

/** The call as it is made on the machine of the archive. */
function commandThere({ positionals, options }: ProgramCall, directory: string): string {
  const flags = ['force', 'all', 'dry-run', 'json']
    .filter((name) => options[name] === true)
    .map((name) => `--${name}`);
  const words = ['twowarm', 'conflicts', ...positionals, ...flags, '--archive', `file:${directory}`];
  return words.map(shellWord).join(' ');
}

/** Throws where the URL is that of another machine, and says what to run there. */
export function requireHere(url: string, call: ProgramCall): void {
  const road = readRoadUrl(url);
  if (road.kind !== 'ssh') return;
  const { user, host, directory } = road;
  const as = user === undefined ? '' : ` as ${user},`;
  throw new ProgramError('usage', `cannot do this from here: ${withoutSecret(url)} is on another machine`, {
    detail: 'Over ssh an archive only takes files: nothing there is put back or removed by a key.',
    hint: `On ${host},${as} in the data directory of its node: ${commandThere(call, directory)}`,
  });
}
