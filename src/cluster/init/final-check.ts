// twowarm check at the end of init: what it says is shown, and decides nothing, for the settings of PostgreSQL may not be in
// force yet.
import type { ProgramCall } from '../../program/command.ts';
import { ProgramError } from '../../program/program-error.ts';
import { command as check } from '../check/command.ts';

export interface Checked {
  exitCode: number;
  /** As it printed it: text, or one JSON object. */
  output: string;
}

export async function checkNode(call: ProgramCall, dataDirectory: string): Promise<Checked> {
  let output = '';
  const voice = { ...call.voice, answer: (text: string) => void (output += text) };
  const options = { pgdata: dataDirectory, json: call.options['json'] === true };
  try {
    const exitCode = await check.run({ ...call, positionals: [], options, voice });
    return { exitCode, output };
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    return { exitCode: check.exitCodeOfFault!(call, 3), output: options.json ? '' : `${error.message}\n` };
  }
}
