// Which settings a standby needs, by its version and by the mode it is to have, and which of an earlier recovery must not be
// left. Pure: a table of decisions; where they are written is planned in plan-files.ts.
import { parseBoolean } from '../../postgres/parse-configuration.ts';
import type { Edits } from './edit-settings.ts';

/** `hot`: a standby that goes on until it is promoted; `warm`: 2warm's, a recovery that waits until it is triggered. */
export type Mode = 'hot' | 'warm';

export interface Situation {
  major: number;
  mode: Mode;
  restoreCommand: string;
  /** Undefined: no archive_cleanup_command. */
  cleanupCommand: string | undefined;
  /** As it was given; undefined: what is there stays. Empty: none. */
  primaryConninfo: string | undefined;
  /** Whether restore_command is to wait for segments. */
  waits: boolean;
  /** What all files say but the ones that are edited: postgresql.conf with its includes. */
  base: (name: string) => string | undefined;
  /** What they all say now. */
  now: (name: string) => string | undefined;
}

export interface RecoverySettings {
  /** postgresql.auto.conf. */
  auto: Edits;
  /** recovery.conf, without standby_mode; undefined from 12 on. */
  recoveryConf: Edits | undefined;
}

/** The first version without recovery.conf. */
export const withSignalFiles = 12;
/** The first version that looks ahead in the WAL that it replays. */
const withPrefetch = 15;
/** The first version without promote_trigger_file. */
const withoutTriggerFile = 16;

/** Where an earlier recovery was to end: a standby that keeps them stops there, or opens. */
const targets = ['', '_name', '_time', '_xid', '_lsn'].map((each) => `recovery_target${each}`);
/** How it was to end: nothing without a target. */
const targetManners = ['recovery_target_inclusive', 'recovery_target_action', 'pause_at_recovery_target'];

/** Every setting that recovery.conf takes or took; in postgresql.conf they are a node's role, and no difference of it. */
export const isOfRecovery = (name: string): boolean =>
  /^(restore_command|archive_cleanup_command|recovery_.*|standby_mode|trigger_file|promote_trigger_file|primary_.*|pause_at_recovery_target|hot_standby)$/.test(
    name,
  );

/** What must say nothing, whatever says something now: a value only where another file would say it. */
function silenced(names: readonly string[], base: Situation['base']): Edits {
  const said = names.filter((name) => (base(name) ?? '') !== '');
  return {
    set: said.map((name) => [name, ''] as const),
    drop: names.filter((name) => !said.includes(name)),
  };
}

const joined = (...all: Edits[]): Edits => ({
  set: all.flatMap(({ set }) => set),
  drop: all.flatMap(({ drop }) => drop),
});

const setting = (name: string, value: string): Edits => ({ set: [[name, value]], drop: [] });
const nothing: Edits = { set: [], drop: [] };

/** A value that may be empty: then whatever there is must go. */
const settingOrNone = (name: string, value: string, base: Situation['base']): Edits =>
  value === '' ? silenced([name], base) : setting(name, value);

export function recoverySettings(situation: Situation): RecoverySettings {
  const { major, mode, restoreCommand, cleanupCommand, primaryConninfo, waits, base, now } = situation;
  const old = major < withSignalFiles;
  const from = old ? () => undefined : base;
  const recovery = joined(
    setting('restore_command', restoreCommand),
    settingOrNone('archive_cleanup_command', cleanupCommand ?? '', from),
    setting('recovery_target_timeline', 'latest'),
    primaryConninfo === undefined ? nothing : settingOrNone('primary_conninfo', primaryConninfo, from),
    silenced(targets, from),
    { set: [], drop: targetManners },
  );
  const server = joined(
    mode === 'hot' && parseBoolean(now('hot_standby') ?? 'on') === false
      ? setting('hot_standby', 'on')
      : nothing,
    major >= withPrefetch && waits ? setting('recovery_prefetch', 'off') : nothing,
    old || major >= withoutTriggerFile ? nothing : silenced(['promote_trigger_file'], base),
  );
  return old
    ? { auto: server, recoveryConf: joined(recovery, { set: [], drop: ['trigger_file', 'standby_mode'] }) }
    : { auto: joined(recovery, server), recoveryConf: undefined };
}
