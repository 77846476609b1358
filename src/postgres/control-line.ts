// The line by which a person starts, stops or reloads the server of a data directory: as it is configured, else as
// postgresql-common does it where it keeps the cluster, else pg_ctl's.
import { realpathSync } from 'node:fs';
import type { Settings } from '../program/settings/settings.ts';
import { shellWord } from '../program/shell-word.ts';
import { debianCluster, debianRoot } from './debian-layout.ts';
import { restartLine } from './restart-line.ts';
import { majorVersion } from './version.ts';

export type Action = 'start' | 'stop' | 'reload' | 'restart';

/** Of what the line is; without `server` nothing is known of what is configured. */
export type Controlled = Pick<Settings, 'dataDirectory'> & {
  server?: { commands: Partial<Settings['server']['commands']> } | undefined;
};

/** 'pg_ctlcluster 15 main start'; undefined where Debian's tools do not know the cluster. */
function debianLine(action: Action, dataDirectory: string, root: string): string | undefined {
  try {
    const major = majorVersion(dataDirectory);
    const found = major === undefined ? undefined : debianCluster(realpathSync(dataDirectory), major, root);
    return found && ['pg_ctlcluster', found.version, found.name, action].map(shellWord).join(' ');
  } catch {
    return undefined;
  }
}

function configuredLine(action: Action, { server }: Controlled): string | undefined {
  if (server === undefined) return undefined;
  const { start } = server.commands;
  if (action !== 'restart') return server.commands[action];
  return start === undefined ? undefined : restartLine(start);
}

export function controlLine(action: Action, of: Controlled, root = debianRoot): string {
  const { dataDirectory } = of;
  return (
    configuredLine(action, of) ??
    debianLine(action, dataDirectory, root) ??
    `pg_ctl ${action} -D ${shellWord(dataDirectory)}`
  );
}
