// What a person does once the standby is configured: the lines to run.
import { join } from 'node:path';
import type { DebianCluster } from '../../postgres/debian-layout.ts';
import { programDirectoryFromOpts } from '../../postgres/postmaster-options.ts';
import { installedAt } from '../../program/installed-at.ts';
import type { Settings } from '../../program/settings/settings.ts';
import { shellWord } from '../../program/shell-word.ts';
import type { Mode } from './recovery-settings.ts';

/** The configured line; else Debian's own program; else pg_ctl, where it was found. */
function startLine(
  { server, dataDirectory }: Settings,
  major: number,
  debian: DebianCluster | undefined,
): string {
  if (server.commands.start !== undefined) return server.commands.start;
  if (debian !== undefined) return `pg_ctlcluster ${major} ${shellWord(debian.name)} start`;
  const directory = server.programDirectory ?? programDirectoryFromOpts(dataDirectory);
  const program = directory === undefined ? 'pg_ctl' : join(directory, 'pg_ctl');
  return `${shellWord(program)} -D ${shellWord(dataDirectory)} -l LOGFILE start`;
}

export function nextSteps(
  settings: Settings,
  mode: Mode,
  major: number,
  debian: DebianCluster | undefined,
): string[] {
  const own = (name: string): string => shellWord(join(installedAt(), 'bin', name));
  const directory = `-D ${shellWord(settings.dataDirectory)}`;
  return [
    startLine(settings, major, debian),
    `${own('twowarm')} check ${directory}`,
    // Of a warm one nobody can ask how far it is.
    ...(mode === 'warm'
      ? [`${own('triggerStandby')} ${directory}   # once it is to become the primary`]
      : []),
  ];
}
