import { runCommand } from '../program/run.ts';
import { command } from '../receive/command.ts';

export const main = (words: readonly string[]): void => void runCommand(command, words);
