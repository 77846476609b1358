// Every file that changes, and in which order: first what keeps the server from opening the database, then what it reads, at
// the end the signal file that is to stay. A kill between any two leaves a directory whose server starts as a standby, or
// one that is as it was.
import { join } from 'node:path';
import { leadsHere } from '../../postgres/leads-here.ts';
import { readServerSettings, type ServerSettings } from '../../postgres/server-settings.ts';
import type { Settings } from '../../program/settings/settings.ts';
import { withWait } from '../../program/settings/set-wait.ts';
import { readTriggerFile } from '../../program/told-to-stop.ts';
import { autoConfHead, editSettings, type Edits } from './edit-settings.ts';
import { changeOf, readBytes, type FileChange } from './file-change.ts';
import { recoverySettings, type Mode, type Situation } from './recovery-settings.ts';

export interface Wanted {
  dataDirectory: string;
  major: number;
  mode: Mode;
  settings: Settings;
  commands: Pick<Situation, 'restoreCommand' | 'cleanupCommand'>;
  primaryConninfo: string | undefined;
  /** Of the node's own files. */
  own: readonly FileChange[];
  /** postgresql.conf where it is not in the data directory. */
  elsewhere: string | undefined;
}

export interface FilePlan {
  /** In the order in which they are written. */
  changes: readonly FileChange[];
  /**
   * Put before them where the first of them is not enough, and taken away after them where none of them does that: with it a
   * server that starts is a standby that goes on waiting.
   */
  guard: { put: FileChange; take?: FileChange } | undefined;
  /** What the server would have once all of it is written. */
  after: ServerSettings;
  /** What was meant to be set, and where. */
  set: readonly (readonly [name: string, value: string])[];
  /** Whether restore_command will wait for segments. */
  waits: boolean;
  /** primary_conninfo came with a copy of a former standby of this node, and leads here. */
  dropsOwnConninfo: boolean;
}

const recoveryConfHead =
  '# Written by configStandby. PostgreSQL renames it to recovery.done where recovery ends.\n';

/** restore.wait once this is done. */
const waitOf = ({ mode, settings }: Wanted): Settings['restore']['wait'] => {
  if (mode === 'warm') return 'warm';
  return settings.restore.wait === 'warm' ? 'auto' : settings.restore.wait;
};

/** What the server's files say with these texts in place of what is there. */
function settingsWith(
  { dataDirectory, elsewhere }: Wanted,
  texts: readonly (readonly [string, string])[],
): ServerSettings {
  const instead = new Map(texts);
  // Where it is elsewhere it is not known from which command line.
  if (elsewhere !== undefined)
    instead.set(join(dataDirectory, 'postgresql.conf'), `include '${elsewhere.replaceAll("'", "''")}'`);
  return readServerSettings(dataDirectory, instead);
}

const textsOf = (changes: readonly FileChange[]): [string, string][] =>
  changes.flatMap(({ path, after }): [string, string][] => (after === undefined ? [] : [[path, after]]));

/** The text with a head where it is new, unless there would be nothing else in it. */
function edited(before: string | undefined, head: string, edits: Edits): string | undefined {
  const text = editSettings(before ?? '', edits);
  return before === undefined ? (text === '' ? undefined : `${head}${text}`) : text;
}

const standbyMode: Record<Mode, Edits> = {
  hot: { set: [['standby_mode', 'on']], drop: [] },
  warm: { set: [], drop: ['standby_mode'] },
};

const withEdits = (one: Edits, other: Edits): Edits => ({
  set: [...other.set, ...one.set],
  drop: [...one.drop.filter((name) => !other.set.some(([set]) => set === name)), ...other.drop],
});

export function planFiles(wanted: Wanted): FilePlan {
  const { dataDirectory, major, mode, settings } = wanted;
  const [auto, recoveryConf] = ['postgresql.auto.conf', 'recovery.conf'].map((name) =>
    join(dataDirectory, name),
  ) as [string, string];
  const now = settingsWith(wanted, []);
  const ofBase = [...textsOf(wanted.own), [auto, ''] as const, [recoveryConf, ''] as const];
  const base = settingsWith(wanted, ofBase);
  const dropsOwnConninfo =
    wanted.primaryConninfo === undefined &&
    leadsHere(now.get('primary_conninfo'), settingsWith(wanted, textsOf(wanted.own)).get, 'certain');
  const primaryConninfo = dropsOwnConninfo ? '' : wanted.primaryConninfo;
  const conninfo = primaryConninfo ?? now.get('primary_conninfo') ?? '';
  const wait = waitOf(wanted);
  const waits = mode === 'warm' || (wait !== 'off' && conninfo.trim() === '');
  const chosen = recoverySettings({
    ...{ major, mode, ...wanted.commands, primaryConninfo, waits },
    ...{ base: base.get, now: now.get },
  });
  const autoBefore = readBytes(auto);
  const files = [
    ...changeOf(auto, edited(autoBefore, autoConfHead, chosen.auto), autoBefore),
    ...wanted.own,
    ...ofWait(settings, wait),
    ...ofTriggerFile(settings),
  ];
  const ordered =
    chosen.recoveryConf === undefined
      ? withSignals(dataDirectory, mode, files)
      : withRecoveryConf(recoveryConf, mode, chosen.recoveryConf, files);
  const set = [...chosen.auto.set, ...(chosen.recoveryConf?.set ?? [])];
  const after = settingsWith(wanted, textsOf(ordered.changes));
  return { ...ordered, after, set, waits, dropsOwnConninfo };
}

function ofWait({ configurationFile, restore }: Settings, wait: Settings['restore']['wait']): FileChange[] {
  if (restore.wait === wait) return [];
  const before = readBytes(configurationFile) ?? '';
  const text = withWait(configurationFile, Buffer.from(before, 'latin1').toString(), wait);
  return changeOf(configurationFile, Buffer.from(text).toString('latin1'), before);
}

/** One of an earlier promotion would end the waiting at once, and open a warm standby. */
function ofTriggerFile({ restore }: Settings): FileChange[] {
  const { told } = readTriggerFile(restore.triggerFile);
  return told === 'nothing' ? [] : changeOf(restore.triggerFile, undefined);
}

type Ordered = Pick<FilePlan, 'changes' | 'guard'>;

/** From 12 on: standby.signal wins over recovery.signal, and with it no server opens the database by itself. */
function withSignals(dataDirectory: string, mode: Mode, files: readonly FileChange[]): Ordered {
  const [standby, recovery] = ['standby.signal', 'recovery.signal'].map((name) =>
    join(dataDirectory, name),
  ) as [string, string];
  if (mode === 'hot')
    return {
      changes: [...changeOf(standby, readBytes(standby) ?? ''), ...files, ...changeOf(recovery, undefined)],
      guard: undefined,
    };
  const changes = [
    ...files,
    ...changeOf(recovery, readBytes(recovery) ?? ''),
    ...changeOf(standby, undefined),
  ];
  if (changes.length === 0 || readBytes(standby) !== undefined) return { changes, guard: undefined };
  const [put, take] = [
    { path: standby, before: undefined, after: '' },
    { path: standby, before: '', after: undefined },
  ];
  return { changes, guard: { put, take } };
}

/** Before 12: one file says everything; as that of a standby it comes first, as that of a warm one last. */
function withRecoveryConf(path: string, mode: Mode, edits: Edits, files: readonly FileChange[]): Ordered {
  const before = readBytes(path);
  const text = (of: Mode): string => edited(before, recoveryConfHead, withEdits(edits, standbyMode[of]))!;
  const final = changeOf(path, text(mode), before);
  if (mode === 'hot') return { changes: [...final, ...files], guard: undefined };
  const changes = [...files, ...final];
  if (changes.length === 0) return { changes, guard: undefined };
  const put = { path, before, after: text('hot') };
  const take = { path, before: put.after, after: text('warm') };
  return { changes, guard: final.length === 0 ? { put, take } : { put } };
}
