// A command that says something at every level and ends: what becomes of it must not depend on who listens.
import { runCommand } from '../../../src/program/run.ts';
import { ProgramError } from '../../../src/program/program-error.ts';

export interface SpeakingFacts {
  file?: string;
  home: string;
  /** Events to write to the file. */
  events: number;
  fails?: boolean;
}

const { file, home, events, fails } = JSON.parse(process.argv[2]!) as SpeakingFacts;

await runCommand(
  {
    name: 'speaking',
    summary: 'Speaks.',
    positionals: [],
    options: [],
    run: async ({ voice }) => {
      voice.alsoTo(file, home);
      for (let n = 0; n < events; n++) await voice.event('stored', { name: `segment ${n}` });
      await voice.report('WARNING', { message: 'take care', detail: 'There is a reason.' }, { count: 1 });
      voice.answer('an answer\n');
      if (fails === true) throw new ProgramError('no-space', 'could not do it', { hint: 'Make room.' });
      return 0;
    },
  },
  [],
);
