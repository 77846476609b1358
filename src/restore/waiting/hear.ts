// Everything that tells a waiting call to stop: the trigger file, what `pg_ctl promote` and pg_promote() leave for the
// startup process, and the server's own trigger file. PostgreSQL looks at the last two only after a failed read.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { currentServerSettings } from '../../postgres/current-settings.ts';
import { promoteFileNames } from '../../postgres/promote-files.ts';
import type { Settings } from '../../program/settings/settings.ts';
import type { Asking } from '../ask-sources.ts';
import { hearTriggerFile } from '../trigger.ts';
import type { Told } from '../../program/told-to-stop.ts';

export interface Heard {
  told: Told;
  /** Where it was heard; our own trigger file also makes a wait go on while nothing can be known. */
  at?: string;
  byTriggerFile: boolean;
}

/** PostgreSQL's own trigger file: promote_trigger_file from 12 to 15, trigger_file in recovery.conf before. */
function serverTriggerFile(dataDirectory: string): string[] {
  const server = currentServerSettings(dataDirectory);
  const named = server.get('promote_trigger_file') ?? server.get('trigger_file') ?? '';
  return named === '' ? [] : [resolve(dataDirectory, named)];
}

const promotionsOf = (dataDirectory: string): string[] => [
  ...promoteFileNames(dataDirectory).map((name) => join(dataDirectory, name)),
  ...serverTriggerFile(dataDirectory),
];

/** Every file that can tell a waiting call to stop. */
export const placesToHear = ({ dataDirectory, restore }: Settings): string[] => [
  restore.triggerFile,
  ...promotionsOf(dataDirectory),
];

/** What a waiting call has been told. A request for promotion is `smart`: what is there is restored first. */
export async function hear(asking: Asking): Promise<Heard> {
  const { dataDirectory, restore } = asking.node.settings;
  const told = await hearTriggerFile(asking);
  if (told !== 'nothing') return { told, at: restore.triggerFile, byTriggerFile: true };
  const at = promotionsOf(dataDirectory).find((file) => existsSync(file));
  return at === undefined
    ? { told: 'nothing', byTriggerFile: false }
    : { told: 'smart', at, byTriggerFile: false };
}
