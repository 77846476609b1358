// Whether a configuration and a home can be trusted: who may write them, and that no destination lies where a loss of the
// data directory would take it along.
import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { ProgramError } from '../program-error.ts';
import { readRoadUrl } from '../road-url.ts';
import type { Settings } from './settings.ts';

/** Whoever may change the configuration may run commands as the server's user: only root and that user may. */
export function checkOwner(file: string, dataDirectory: string): void {
  const { uid, mode } = statSync(file);
  const owner = statSync(dataDirectory).uid;
  if (uid !== 0 && uid !== owner) {
    throw new ProgramError('settings', `will not use the configuration ${file}: it belongs to user ${uid}`, {
      hint: `It must belong to root or to the owner of the data directory: chown ${owner} ${file}`,
    });
  }
  if ((mode & 0o022) !== 0) {
    throw new ProgramError('settings', `will not use the configuration ${file}: others may write it`, {
      detail: `Its mode is 0${(mode & 0o777).toString(8)}.`,
      hint: `chmod go-w ${file}`,
    });
  }
}

/** Whoever may write to the home can put another configuration and another state into it. */
export function checkHome(home: string): void {
  const { mode } = statSync(home);
  if ((mode & 0o022) === 0) return;
  throw new ProgramError('settings', `will not use the home ${home}: others may write to it`, {
    detail: `Its mode is 0${(mode & 0o777).toString(8)}.`,
    hint: `chmod 700 ${home}`,
  });
}

/** Where a path leads. What is not there yet, or not to be seen, is where it would be: its beginning is judged. */
function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const whole = resolve(path);
    return whole === '/' ? whole : join(realPathOf(dirname(whole)), basename(whole));
  }
}

/** A destination within the data directory, or within pg_wal wherever it is, is lost with what it should save. */
export function refuseOwnData(
  file: string,
  settings: Settings,
  lineOf: (path: string) => number | undefined,
): void {
  const own = [settings.dataDirectory, join(settings.dataDirectory, 'pg_wal')].map(realPathOf);
  for (const { name, url } of settings.destinations) {
    const road = readRoadUrl(url);
    const directory = road.kind === 'directory' ? realPathOf(road.directory) : undefined;
    const holder = own.find((each) => directory === each || directory?.startsWith(`${each}/`));
    if (holder === undefined) continue;
    const line = lineOf(`destination.${name}.url`);
    const where = line === undefined ? '' : `line ${line}: `;
    throw new ProgramError(
      'settings',
      `cannot use the configuration ${file}: ${where}"destination.${name}.url" lies within ${holder}`,
      {
        detail: 'WAL that is archived within the data directory is lost with it.',
        hint: 'Choose a directory outside of it, best on another machine.',
      },
    );
  }
}
