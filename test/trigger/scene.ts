// What the tests of triggerStandby share: a primary that ships to a standby, which is then triggered; and the outcome of a
// call as a whole.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Cluster } from '../harness/cluster.ts';
import { program } from '../harness/installation.ts';
import type { PostgresBinaries } from '../harness/postgres-binaries.ts';
import { run, startProgram, type RunningProgram, type RunResult } from '../harness/run.ts';
import type { Sandbox } from '../harness/sandbox.ts';
import { waitFor } from '../harness/wait-for.ts';
import {
  archiveOf,
  expectRows,
  giveHome,
  makeStandby,
  shipRows,
  startPrimary,
  timelineOf,
  type StandbyOptions,
} from '../server/pair.ts';

export interface Scene {
  sandbox: Sandbox;
  primary: Cluster;
  /** Not started. */
  standby: Cluster;
  /** The default archive directory of the standby's home. */
  archive: string;
  home: string;
  triggerFile: string;
  /** Writes the standby's twowarm.toml again. */
  configure(toml: string): void;
  /** `triggerStandby -D <data directory> <words>` */
  trigger(...words: string[]): Promise<RunResult>;
  startTrigger(...words: string[]): RunningProgram;
  /** In the sandbox. */
  path: (name: string) => string;
}

export interface SceneOptions extends StandbyOptions {
  /** Another restore_command than restoreWALFile. */
  restore?: (scene: { sandbox: Sandbox; archive: string }) => string;
}

/** A restore_command of a shell that waits for a segment until the trigger file is there; history files it never waits for. */
export function waitingRestore({ sandbox, archive }: { sandbox: Sandbox; archive: string }): string {
  const trigger = join(archive, '..', 'trigger');
  const script = `#!/bin/sh
name=$1 path=$2
case $name in *.history) [ -e '${archive}/'"$name" ] || exit 1 ;; esac
until [ -e '${archive}/'"$name" ]; do
  [ -e '${trigger}' ] && exit 1
  sleep 0.05
done
[ "$(cat '${trigger}' 2>/dev/null)" = fast ] && exit 1
cp '${archive}/'"$name" "$path"
`;
  return `"${sandbox.file('bin/wait.sh', script, 0o700)}" %f %p`;
}

/** Whoever runs the tests: the role that is asked for by default may not exist. */
export const asPostgres = (cluster: Cluster): string => `conninfo = '${cluster.conninfo}'\n`;

/** A primary with rows on their way, and a standby that has not been started yet. */
export async function makeScene(
  sandbox: Sandbox,
  postgres: PostgresBinaries,
  { restore, ...options }: SceneOptions = {},
): Promise<Scene> {
  const primary = await startPrimary(sandbox, { postgres });
  const archive = archiveOf(sandbox);
  const extra = restore === undefined ? {} : { restore_command: restore({ sandbox, archive }) };
  const standby = await makeStandby(primary, { ...options, extra: { ...extra, ...options.extra } });
  const words = ['-D', standby.dataDirectory];
  const home = join(standby.parent, 'twowarm');
  const configure = (toml: string): void =>
    giveHome(
      standby,
      `${asPostgres(standby)}[destination.dr]\nurl = 'file:${sandbox.directory('dr')}'\n${toml}`,
    );
  configure(options.toml ?? '');
  return {
    sandbox,
    primary,
    standby,
    archive,
    configure,
    home,
    triggerFile: join(home, 'trigger'),
    trigger: (...more) => run(program('triggerStandby'), more.includes('-D') ? more : [...words, ...more]),
    startTrigger: (...more) => startProgram(program('triggerStandby'), [...words, ...more]),
    path: (name) => join(sandbox.path, name),
  };
}

/** Ships rows, and ends the primary: what counts now is in the archive. */
export async function loseThePrimary({ primary }: Scene, rows = 1000): Promise<number> {
  const shipped = await shipRows(primary, rows);
  await primary.stop('fast');
  return shipped;
}

/** A promotion as people see it; returns the seconds that it says. */
export function expectPromoted(result: RunResult, archive: string, timeline = 2): number {
  const history = `${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`;
  expect(result.stderr).toBe('');
  expect(result.code).toBe(0);
  const [, lsn, seconds] =
    new RegExp(
      `^promoted to timeline ${timeline} at ([0-9A-F]+/[0-9A-F]+) after ([0-9.]+) s; accepts writes\n` +
        `archiving goes on: ${history} is in ${archive}\n$`,
    ).exec(result.stdout) ?? [];
  expect(lsn, result.stdout).toBeDefined();
  return Number(seconds);
}

/** The promoted server has the rows, takes another one, is on its timeline, and nothing is left behind. */
export async function expectPrimary(
  { standby, home, archive, path }: Scene,
  rows: number,
  timeline = 2,
): Promise<void> {
  await expectRows(standby, rows);
  await standby.query('insert into ledger values ($1)', [rows + 1]);
  await expectRows(standby, rows + 1);
  expect(await timelineOf(standby)).toBe(timeline);
  const left = ['trigger', 'state/trigger.lock'].filter((name) => existsSync(join(home, name)));
  expect(left).toEqual([]);
  expect(existsSync(join(standby.dataDirectory, 'promote'))).toBe(false);
  const history = `0000000${timeline}.history`;
  // A call that found the server promoted already did not wait for its archiver.
  for (const directory of [archive, path('dr')])
    await waitFor(`${history} in ${directory}`, () => existsSync(join(directory, history)));
}

/** A restore_command that does not come back from a segment while the file `hold` is in the sandbox, whatever it is told. */
export function hangingRestore({ sandbox, archive }: { sandbox: Sandbox; archive: string }): string {
  const script = `#!/bin/sh
while :; do
  [ -e '${archive}/'"$1" ] && exec cp '${archive}/'"$1" "$2"
  case $1 in *.history) exit 1 ;; esac
  [ -e '${join(sandbox.path, 'hold')}' ] || exit 1
  sleep 0.05
done
`;
  return `"${sandbox.file('bin/hang.sh', script, 0o700)}" %f %p`;
}
