import { copyToStandby } from '../backup/copy-commands.ts';
import { runCommand } from '../program/run.ts';

export const main = (words: readonly string[]): void => void runCommand(copyToStandby, words);
