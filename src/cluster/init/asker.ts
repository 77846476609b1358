// Who answers: a person at a terminal, with what is proposed shown; else the options alone, where a missing answer is an
// error that names its option. Which questions there are, the others say.
import type { ProgramCall } from '../../program/command.ts';
import { ProgramError } from '../../program/program-error.ts';
import type { Choice } from '../../program/prompts.ts';

export interface TextQuestion {
  /** The option that answers it: '--name'. */
  flag: string;
  message: string;
  proposal?: string | undefined;
  /** Whether it cannot be left open. What can be is '' then. */
  isNeeded: boolean;
  /** What is wrong with an answer, as the end of "it …"; undefined: nothing. */
  problemOf?: (text: string) => string | undefined;
}

export interface ChoiceQuestion {
  flag: string;
  message: string;
  choices: readonly Choice[];
  proposal: string | undefined;
  /** What to say where there is nothing to choose from. */
  none?: string;
}

export interface Asker {
  /** Whether somebody is really asked. */
  readonly isThere: boolean;
  text(question: TextQuestion): Promise<string>;
  choose(question: ChoiceQuestion): Promise<string>;
  confirm(message: string, proposal: boolean): Promise<boolean>;
  /** Throws `usage` where answers are missing; all of them at once. */
  expectAnswers(): void;
}

/** At a terminal. */
function personAt(stop: AbortSignal, prompts: typeof import('../../program/prompts.ts')): Asker {
  const { askChoice, askConfirmation, askText } = prompts;
  return {
    isThere: true,
    text: ({ message, proposal, isNeeded, problemOf }) =>
      askText(stop, message, proposal, (text) => {
        if (text === '') return isNeeded ? 'An answer is needed.' : undefined;
        const problem = problemOf?.(text);
        return problem === undefined ? undefined : `It ${problem}.`;
      }),
    choose: ({ message, choices, proposal, none, flag }) => {
      expectChoices(choices, none, flag);
      return askChoice(stop, message, choices, proposal);
    },
    confirm: (message, proposal) => askConfirmation(stop, message, proposal),
    expectAnswers: () => undefined,
  };
}

function expectChoices(choices: readonly Choice[], none: string | undefined, flag: string): void {
  if (choices.length > 0) return;
  throw new ProgramError('usage', none ?? 'there is nothing to choose from', {
    hint: `Name one with ${flag}.`,
  });
}

/** By options alone; with `takesProposals` what is proposed is the answer. */
function nobody(takesProposals: boolean): Asker {
  const missing: string[] = [];
  const take = (flag: string, proposal: string | undefined, isNeeded: boolean): string => {
    const isOpen = isNeeded && (proposal === undefined || !takesProposals);
    if (isOpen) missing.push(proposal === undefined ? flag : `${flag} (${proposal})`);
    return proposal ?? '';
  };
  return {
    isThere: false,
    text: async ({ flag, proposal, isNeeded }) => take(flag, proposal, isNeeded),
    choose: async ({ flag, choices, proposal, none }) => {
      expectChoices(choices, none, flag);
      if (proposal !== undefined) return take(flag, proposal, true);
      const listed = choices.map(({ value, words }) => `${value} (${words})`).join('; ');
      throw new ProgramError('usage', `missing answer: ${flag}`, {
        detail: `There is: ${listed}.`,
        hint: 'Without a terminal every answer is an option.',
      });
    },
    confirm: async (_message, proposal) => proposal,
    expectAnswers: () => {
      if (missing.length === 0) return;
      const [answers, it] = missing.length === 1 ? ['answer', 'it is'] : ['answers', 'each is'];
      throw new ProgramError('usage', `missing ${answers}: ${missing.join(', ')}`, {
        detail: `Without a terminal ${it} an option.`,
        ...(!takesProposals && { hint: 'With --yes, what stands in parentheses is taken.' }),
      });
    },
  };
}

/** Whoever answers this call. */
export async function findAsker({ options, stop }: ProgramCall): Promise<Asker> {
  if (options['yes'] === true || options['json'] === true) return nobody(options['yes'] === true);
  const isTerminal = process.stdin.isTTY === true && process.stderr.isTTY === true;
  return isTerminal ? personAt(stop, await import('../../program/prompts.ts')) : nobody(false);
}
