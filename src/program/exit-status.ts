// EXIT STATUS of a command, from its declaration, for --help and the man pages.
import type { Command } from './command.ts';
import { errorGroups, type ErrorGroup } from './error-groups.ts';
import { errorKinds } from './error-kinds.ts';

export interface ExitStatus {
  /** The codes that the command has for itself, or that are worth knowing of it, one by one. */
  own: readonly { code: number; meaning: string }[];
  /** The head of `groups`, before the name of the page that has each code; undefined where `own` is all there is. */
  others: string | undefined;
  /** Every fault, by what is wrong. */
  groups: readonly ErrorGroup[];
}

export function exitStatusOf(command: Command): ExitStatus {
  const declared = command.exitStatus ?? [];
  if (command.hasOwnExitStatus) return { own: declared, others: undefined, groups: [] };
  const named = (command.exitKinds ?? [])
    .map((kind) => errorKinds[kind])
    .sort((a, b) => a.exitCode - b.exitCode)
    .map(({ exitCode, meaning }) => ({ code: exitCode, meaning }));
  return {
    own: [{ code: 0, meaning: 'success' }, ...declared, ...named],
    others: `${named.length > 0 ? 'Any other fault' : 'A fault'}, by what is wrong; each code is in`,
    groups: errorGroups(),
  };
}
