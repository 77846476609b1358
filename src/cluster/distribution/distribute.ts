// The copy to one node, step by step: look, judge, copy, run, switch. A fault says what it leaves behind: the node goes
// on with the version that it has.
import { ProgramError } from '../../program/program-error.ts';
import type { Settings, SshSettings } from '../../program/settings/settings.ts';
import { count } from '../../program/count.ts';
import { FarSide, type CopyListener, type Switched } from './far-side.ts';
import type { FarState } from './far-state.ts';
import { loginWords, type FarNode } from './nodes.ts';
import type { Package } from './package-files.ts';
import type { Runtime } from './runtimes.ts';
import { describeSelfCheck, readSelfCheck, type SelfCheck } from './self-check.ts';
import { requireRoom, requireUsable, runtimeFor } from './suitable.ts';
import type { Telling } from './telling.ts';
import { whatToSet, type ToSet } from './to-set.ts';
import { megabytes } from '../../program/megabytes.ts';
import { paceOf } from './words.ts';

/** What all nodes have in common. */
export interface Work {
  settings: Settings;
  /** How to log in. */
  login: SshSettings;
  /** Where twowarm is kept on the nodes. */
  directory: string;
  carried: readonly Runtime[];
  /** What is copied to a machine that this runtime is for; read once. */
  packageFor: (runtime: Runtime) => Promise<Package>;
  dryRun: boolean;
  telling: Telling;
  stop: AbortSignal;
}

export interface Distributed extends Partial<Switched> {
  outcome: 'installed' | 'already there' | 'would install';
  directory: string;
  version: string;
  check?: SelfCheck;
  files: number;
  sizeBytes: number;
  /** What had to travel, and how long copying, verifying and running took. */
  copied?: { files: number; bytes: number; wireBytes: number; ms: number };
  toSet: ToSet[];
}

/** Where a fault finds the node. */
export interface Progress {
  /** Known once the node was looked at. */
  state?: FarState;
  /** While the link may be either. */
  isSwitching?: boolean;
}

export function describeState({ machine, system, current, previous, directory }: FarState): string {
  const runs = current === undefined ? 'nothing is there yet' : `${current} is in use`;
  const back = previous === undefined || previous === current ? '' : `, ${previous} before that`;
  return `${system} ${machine}; at ${directory} ${runs}${back}`;
}

/** Says how it goes; `copied` counts. */
function listenerFor(
  { name }: FarNode,
  files: Package,
  telling: Telling,
  copied: NonNullable<Distributed['copied']>,
): CopyListener {
  const beganMs = performance.now();
  return {
    needed: (needed) => {
      copied.files = needed.length;
      copied.bytes = needed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      const rest = files.files.length - needed.length;
      const there =
        rest === 0
          ? ''
          : `; ${count(rest, 'file')} with the same content ${rest === 1 ? 'is' : 'are'} there already`;
      if (needed.length === 0)
        telling.step(name, `every file of ${files.name} is there already, in other versions`);
      else
        telling.step(
          name,
          `copies ${count(needed.length, 'file')}, ${megabytes(copied.bytes)}, of ${files.name}${there}`,
        );
    },
    progress: (fileBytes, wireBytes) => {
      copied.wireBytes = wireBytes;
      telling.pace(name, fileBytes, copied.bytes, performance.now() - beganMs);
    },
    line: ({ word, text }) => {
      const pace = paceOf(copied.bytes, performance.now() - beganMs);
      if (word === 'verified')
        telling.step(name, `copied and verified ${pace}; ${megabytes(copied.wireBytes)} on the line`);
      if (word === 'present')
        telling.step(name, `${text} is there already, and every file of it is as it was sent`);
      if (word === 'broken') telling.step(name, `${text} is there, but is damaged: it is copied again`);
    },
  };
}

/** What the copy says of itself has to be what was sent. */
function requireSame(name: string, report: string, { architecture, name: version }: Package): SelfCheck {
  const check = readSelfCheck(report);
  if (check !== undefined && check.architecture === architecture && version.startsWith(`${check.version}-`))
    return check;
  throw new ProgramError('unsuited', `the copy on ${name} is not what was sent`, {
    detail: `It says: ${report}`,
    hint: 'Nothing was switched. Install twowarm here again, then run this again.',
  });
}

function tellSwitch({ name }: FarNode, { before, after, removed, kept }: Switched, telling: Telling): void {
  if (before === after) telling.step(name, `${after} is in use, as before`);
  else if (before === undefined) telling.step(name, `${after} is in use`);
  else telling.step(name, `switched from ${before} to ${after}; distrib2warm --back ${name} goes back`);
  if (before !== undefined && before !== after)
    telling.step(
      name,
      'what stays there, such as twowarm relay, uses the new version once it is started again',
    );
  for (const each of removed) telling.step(name, `removed ${each}`);
  for (const each of kept) telling.step(name, `kept ${each}: processes run from it`);
}

export function tellToSet({ name }: FarNode, toSet: readonly ToSet[], telling: Telling): void {
  for (const { where, lines } of toSet) {
    telling.step(name, `to set, in ${where}:`);
    for (const line of lines) telling.line(`    ${line}`);
  }
}

function tellDryRun(node: FarNode, state: FarState, files: Package, { telling }: Work): void {
  const { name } = node;
  const isThere = state.versions.some((each) => each.name.startsWith(files.name));
  telling.step(
    name,
    isThere
      ? `would verify ${files.name}, which is there`
      : `would copy ${files.name}: ${count(files.files.length, 'file')}, ${megabytes(files.sizeBytes)}, without those that are there already`,
  );
  telling.step(name, 'would verify every file there by SHA-256 and run the copy');
  if (state.current?.startsWith(files.name) === true)
    telling.step(name, `would leave ${state.current} in use`);
  else telling.step(name, `would switch from ${state.current ?? 'nothing'} to ${files.name}`);
}

/** Throws the first fault; `progress` then says how far it came. */
export async function distributeTo(node: FarNode, work: Work, progress: Progress): Promise<Distributed> {
  const { telling, stop, settings } = work;
  const { name } = node;
  const far = await FarSide.open(node, work.login, work.directory, stop);
  try {
    const state = (progress.state = await far.look(stop));
    telling.step(name, `${loginWords(node)}: ${describeState(state)}`);
    const runtime = runtimeFor(name, state, work.carried);
    requireUsable(name, state);
    const files = await work.packageFor(runtime);
    if (!state.versions.some((each) => each.name.startsWith(files.name))) requireRoom(name, state, files);
    const common = {
      directory: state.directory,
      version: files.name,
      files: files.files.length,
      sizeBytes: files.sizeBytes,
      toSet: whatToSet(node, state, settings),
    };
    if (work.dryRun) {
      tellDryRun(node, state, files, work);
      return { ...common, outcome: 'would install' };
    }
    const copied = { files: 0, bytes: 0, wireBytes: 0, ms: 0 };
    const beganMs = performance.now();
    const { place, report } = await far.install(
      files,
      state,
      listenerFor(node, files, telling, copied),
      stop,
    );
    copied.ms = Math.round(performance.now() - beganMs);
    const check = requireSame(name, report, files);
    telling.step(name, `runs there: ${describeSelfCheck(check)}`);
    progress.isSwitching = true;
    const switched = await far.switchTo(place, files, stop);
    tellSwitch(node, switched, telling);
    const outcome = copied.files === 0 && switched.before === place ? 'already there' : 'installed';
    return { ...common, ...switched, version: place, outcome, check, copied };
  } finally {
    far.close();
  }
}
