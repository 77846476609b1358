// The fault of a call that needs the server of the node while none runs, with what has to be done first.
import { lackingData } from '../program/lacking-data.ts';
import { ProgramError } from '../program/program-error.ts';
import { controlLine, type Controlled } from './control-line.ts';
import { unconfiguredBackup } from './unconfigured-backup.ts';

/** `server-not-running`, or what keeps it from being started. `toStart` is what a person does, up to the line for it. */
export function notRunning(of: Controlled, detail?: string, toStart = 'Start it'): ProgramError {
  const { dataDirectory } = of;
  const lacking = lackingData(dataDirectory);
  if (lacking !== undefined) return lacking;
  const backup = unconfiguredBackup(dataDirectory);
  if (backup !== undefined) return new ProgramError('server-not-running', backup.message, backup);
  return new ProgramError('server-not-running', `the server in ${dataDirectory} is not running`, {
    detail,
    hint: `${toStart}: ${controlLine('start', of)}`,
  });
}
