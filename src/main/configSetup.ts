import { command } from '../cluster/config-setup.ts';
import { runCommand } from '../program/run.ts';

await runCommand(command, process.argv.slice(2));
