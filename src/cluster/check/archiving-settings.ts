// Settings of PostgreSQL that archiving, and the way back after a failover, rest on.
import { controlLine } from '../../postgres/control-line.ts';
import { hasDataChecksums } from '../../postgres/data-checksums.ts';
import { formatDuration } from '../../program/settings/quantities.ts';
import { critical, ok, orOk, unknown, warning } from './findings.ts';
import type { Scene } from './scene.ts';
import type { Finding, Step } from './step.ts';

/** What is wrong now on a primary, and on a standby from its promotion on. */
const wrong = ({ isRecovering }: Scene) => (isRecovering ? warning : critical);

const later = ({ isRecovering }: Scene): string => (isRecovering ? ' once this standby is promoted' : '');

const restartOf = ({ node }: Scene): string => controlLine('restart', node.settings);

function ofMode(scene: Scene): Finding[] {
  const mode = scene.server.setting('archive_mode').toLowerCase();
  if (mode === 'always' && scene.isRecovering)
    return [
      warning('archive_mode is always: this standby archives what was archived already', {
        detail:
          'Its destinations get the same files from two nodes, and once an archive is claimed its calls are refused.',
        hint: 'Set archive_mode = on; it needs a restart. twowarm relay carries what arrives here onwards.',
      }),
    ];
  if (mode === 'always' || scene.server.isOn('archive_mode') === true) return [];
  const hint = scene.server.lacksRestart('archive_mode')
    ? `archive_mode = on is in the files already; start the server again: ${restartOf(scene)}`
    : 'Set archive_mode = on in postgresql.conf; it needs a restart of the server.';
  return [wrong(scene)(`archive_mode is off: nothing is archived${later(scene)}`, { hint })];
}

function ofLevel(scene: Scene): Finding[] {
  if (scene.server.setting('wal_level').toLowerCase() !== 'minimal') return [];
  return [
    wrong(scene)(`wal_level is minimal: no standby can be made of such WAL${later(scene)}`, {
      hint: 'Set wal_level = replica in postgresql.conf; it needs a restart of the server. Then take a new base backup.',
    }),
  ];
}

function ofLibrary(scene: Scene): Finding[] {
  const library = scene.server.setting('archive_library');
  if (library === '') return [];
  const refused =
    (scene.server.major ?? 15) >= 16
      ? 'Beside archive_command the server refuses it'
      : 'With it archive_command is not called';
  return [
    wrong(scene)(`archive_library is "${library}": archive_command is not called${later(scene)}`, {
      detail: `${refused}, and twowarm sees no segment.`,
      hint: "Set archive_library = '' in postgresql.conf, and reload the server.",
    }),
  ];
}

const archiveMode: Step = {
  id: 'archive-mode',
  looksAt: 'archive_mode, wal_level and archive_library: whether PostgreSQL calls archive_command at all.',
  needs: ['configuration'],
  after: ['server', 'connection'],
  doing: () => 'read archive_mode',
  run: (scene) => {
    const found = [...ofMode(scene), ...ofLevel(scene), ...ofLibrary(scene)];
    return orOk(
      found,
      `archive_mode is ${scene.server.setting('archive_mode')}, and no archive_library is set`,
    );
  },
};

/** Longer than that, in ms, is hardly meant where WAL is shipped in whole segments. */
const longTimeoutMs = 3_600_000;

const archiveTimeout: Step = {
  id: 'archive-timeout',
  looksAt:
    'archive_timeout: without it a primary that writes little keeps its last commits in a segment that nobody else has, for as long as it takes to fill it.',
  needs: ['configuration'],
  after: ['server', 'connection'],
  doing: () => 'read archive_timeout',
  run: ({ server }) => {
    const ms = server.timeMs('archive_timeout', 's') ?? 0;
    const figures = { archiveTimeoutS: ms / 1000 };
    const hint = 'Set archive_timeout = 60 in postgresql.conf, and reload the server.';
    if (ms === 0)
      return [
        warning('archive_timeout is 0: a segment leaves this node only when it is full', {
          detail: 'What a quiet primary commits in the meantime is lost with it, however long that is.',
          ...{ hint, figures },
        }),
      ];
    if (ms > longTimeoutMs)
      return [
        warning(`archive_timeout is ${formatDuration(ms)}: as much as that can be lost`, { hint, figures }),
      ];
    return [ok(`at most ${formatDuration(ms)} of commits wait for a segment to end`, { figures })];
  },
};

const wayBack: Step = {
  id: 'way-back',
  looksAt:
    'Data checksums or wal_log_hints: without either pg_rewind refuses, and a primary that was replaced comes back only by copyToStandby, which reads all of both.',
  needs: ['configuration'],
  after: ['server', 'connection'],
  doing: () => 'read data_checksums and wal_log_hints',
  run: (scene) => {
    const { server, node } = scene;
    if (server.isOn('wal_log_hints') === true)
      return [ok('wal_log_hints is on: pg_rewind can bring an old primary back')];
    const checksums = server.letsUsIn
      ? server.isOn('data_checksums')
      : hasDataChecksums(node.settings.dataDirectory);
    if (checksums === true) return [ok('data checksums are on: pg_rewind can bring an old primary back')];
    const hint = server.lacksRestart('wal_log_hints')
      ? `wal_log_hints = on is in the files already; start the server again: ${restartOf(scene)}`
      : 'Set wal_log_hints = on in postgresql.conf and start the server again, or stop it and run pg_checksums --enable.';
    if (checksums === undefined && !server.letsUsIn)
      return [unknown('whether data checksums are on cannot be asked, and wal_log_hints is off', { hint })];
    return [
      warning('neither data checksums nor wal_log_hints are on: pg_rewind refuses', {
        detail:
          'After a failover the old primary comes back only by copyToStandby, which has to read all of both.',
        hint,
      }),
    ];
  },
};

export const archivingSettingsSteps = [archiveMode, archiveTimeout, wayBack];
