import { command } from '../restore/command.ts';
import { runCommand } from '../program/run.ts';

void runCommand(command, process.argv.slice(2));
