// The decisions of configStandby, as a table: which settings each version gets in each mode, and which must not be left.
import { describe, expect, it } from 'vitest';

import { recoverySettings, type Situation } from '../../../src/backup/configure/recovery-settings.ts';

const said =
  (values: Record<string, string> = {}) =>
  (name: string): string | undefined =>
    values[name];
const situation = (changes: Partial<Situation>): Situation => ({
  major: 15,
  mode: 'hot',
  restoreCommand: 'restore %f %p %r',
  cleanupCommand: 'prune %r',
  primaryConninfo: undefined,
  waits: true,
  base: said(),
  now: said(),
  ...changes,
});
const setBy = (changes: Partial<Situation>) => {
  const { auto, recoveryConf } = recoverySettings(situation(changes));
  return { auto: Object.fromEntries(auto.set), conf: recoveryConf && Object.fromEntries(recoveryConf.set) };
};

const recovery = {
  restore_command: 'restore %f %p %r',
  archive_cleanup_command: 'prune %r',
  recovery_target_timeline: 'latest',
};
const off = { recovery_prefetch: 'off' };
const targets = ['', '_name', '_time', '_xid', '_lsn'].map((each) => `recovery_target${each}`);

describe('the settings of recovery', () => {
  it.each([10, 11])('are in recovery.conf before 12: %i', (major) => {
    for (const mode of ['hot', 'warm'] as const)
      expect(setBy({ major, mode })).toEqual({ auto: {}, conf: recovery });
  });

  it.each([12, 13, 14])('are in postgresql.auto.conf since: %i', (major) => {
    for (const mode of ['hot', 'warm'] as const)
      expect(setBy({ major, mode })).toEqual({ auto: recovery, conf: undefined });
  });

  it.each([15, 16, 17, 18])('have prefetching off where restore_command waits: %i', (major) => {
    expect(setBy({ major }).auto).toEqual({ ...recovery, ...off });
    expect(setBy({ major, mode: 'warm' }).auto).toEqual({ ...recovery, ...off });
    expect(setBy({ major, waits: false }).auto).toEqual(recovery);
  });

  it('turn hot_standby on where it is off, in the hot mode alone, before 12 in postgresql.auto.conf', () => {
    const now = said({ hot_standby: 'off' });
    for (const major of [10, 14]) {
      expect(setBy({ major, now }).auto).toMatchObject({ hot_standby: 'on' });
      expect(setBy({ major, now, mode: 'warm' }).auto).not.toHaveProperty('hot_standby');
      expect(setBy({ major, now: said({ hot_standby: 'yes' }) }).auto).not.toHaveProperty('hot_standby');
    }
  });

  it('leave primary_conninfo alone, set the one that is given, and take it out for an empty one', () => {
    const base = said({ primary_conninfo: 'host=there' });
    for (const major of [11, 12]) {
      const { auto, recoveryConf } = recoverySettings(situation({ major }));
      expect(JSON.stringify([auto, recoveryConf])).not.toContain('primary_conninfo');
    }
    expect(setBy({ primaryConninfo: 'host=db1', base }).auto).toMatchObject({ primary_conninfo: 'host=db1' });
    expect(setBy({ primaryConninfo: '', base }).auto).toMatchObject({ primary_conninfo: '' });
    const none = recoverySettings(situation({ primaryConninfo: '' })).auto;
    expect(none.drop).toContain('primary_conninfo');
    const old = recoverySettings(situation({ major: 11, primaryConninfo: '', base })).recoveryConf!;
    expect(old.drop).toContain('primary_conninfo');
  });

  it('take every target of an earlier recovery out, and override one that postgresql.conf has', () => {
    for (const major of [10, 12, 18]) {
      const { auto, recoveryConf } = recoverySettings(situation({ major }));
      expect((recoveryConf ?? auto).drop).toEqual(
        expect.arrayContaining([...targets, 'recovery_target_action', 'recovery_target_inclusive']),
      );
    }
    const base = said({ recovery_target_time: '2026-01-01', recovery_target_action: 'promote' });
    expect(setBy({ base }).auto).toEqual({ ...recovery, ...off, recovery_target_time: '' });
    // postgresql.conf cannot have one before 12.
    expect(setBy({ major: 11, base })).toEqual({ auto: {}, conf: recovery });
  });

  it('leave no trigger file of PostgreSQL’s: trigger_file, promote_trigger_file, which 16 does not know', () => {
    expect(recoverySettings(situation({ major: 11 })).recoveryConf!.drop).toContain('trigger_file');
    for (const major of [12, 15])
      expect(recoverySettings(situation({ major })).auto.drop).toContain('promote_trigger_file');
    const base = said({ promote_trigger_file: '/tmp/it' });
    expect(setBy({ major: 13, base }).auto).toMatchObject({ promote_trigger_file: '' });
    expect(JSON.stringify(recoverySettings(situation({ major: 16, base })))).not.toContain('trigger_file');
  });

  it('have no archive_cleanup_command where nothing is to be cleaned up, whoever has set one', () => {
    const base = said({ archive_cleanup_command: 'pg_archivecleanup /a %r' });
    expect(setBy({ cleanupCommand: undefined, base }).auto).toMatchObject({ archive_cleanup_command: '' });
    expect(setBy({ cleanupCommand: undefined }).auto).not.toHaveProperty('archive_cleanup_command');
    expect(recoverySettings(situation({ cleanupCommand: undefined })).auto.drop).toContain(
      'archive_cleanup_command',
    );
  });
});
