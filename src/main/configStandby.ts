import { command } from '../backup/configure/command.ts';
import { runCommand } from '../program/run.ts';

export const main = (words: readonly string[]): void => void runCommand(command, words);
