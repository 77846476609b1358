// Whether a program that a setting names can be run, as the server would run it: asked for its version.
import { basename } from 'node:path';
import { exec } from '../program/exec.ts';
import { shellWord } from '../program/shell-word.ts';
import type { Call } from './command-calls.ts';

/** How a server starts its commands. */
export interface Start {
  environment: Record<string, string>;
  /** Its data directory. */
  workingDirectory: string;
}

/** By sh -c, as the server does: 127 where there is no such program. `said`: the first line of what it says. */
export async function askVersion(
  { program, name, words }: Pick<Call, 'program' | 'name' | 'words'>,
  start: Start,
  signal: AbortSignal,
): Promise<{ code: number | null; said: string; version: string | undefined }> {
  const isOfTwowarm = basename(program) === 'twowarm';
  const command = isOfTwowarm ? [name === 'twowarm' ? (words[0] ?? '') : name] : [];
  const line = `exec ${[program, ...command].map(shellWord).join(' ')} --version`;
  const { code, stdout, stderr } = await exec('/bin/sh', ['-c', line], { signal, ...start });
  const said = (stderr || stdout).trim().split('\n')[0] ?? '';
  return { code, said, version: / \(twowarm\) (\S+)$/.exec(stdout.trim())?.[1] };
}
