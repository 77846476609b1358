// A standby's settings that contradict each other: what keeps restore_command from waiting, and replay from going on.
import { whatSpeaksAgainstWaiting } from '../../postgres/against-waiting.ts';
import { leadsHere } from '../../postgres/leads-here.ts';
import { formatDuration } from '../../program/settings/quantities.ts';
import { shellWord } from '../../program/shell-word.ts';
import { readTriggerFile } from '../../program/told-to-stop.ts';
import { critical, ok, orOk, skipped, warning } from './findings.ts';
import type { Scene } from './scene.ts';
import type { Finding, Step } from './step.ts';

/** PostgreSQL's default of wal_retrieve_retry_interval, in ms. */
const defaultRetryMs = 5000;

/** How long a segment that has arrived can lie where nobody waits for it. */
function ofPolling({ server }: Scene, why: string): Finding {
  const ms = server.timeMs('wal_retrieve_retry_interval', 'ms') ?? defaultRetryMs;
  const hint =
    ms < defaultRetryMs
      ? undefined
      : 'Where that is too long: wal_retrieve_retry_interval = 500ms, or let restore_command wait.';
  return ok(
    `restore_command does not wait (${why}): a segment that has arrived lies for up to ${formatDuration(ms)}`,
    {
      hint,
      figures: { retryMs: ms },
    },
  );
}

const waiting: Step = {
  id: 'waiting',
  looksAt:
    "restore.wait against PostgreSQL's own settings: primary_conninfo (it could not stream while restore_command waits), recovery_prefetch from 15 on (it would not replay what it has), and wal_retrieve_retry_interval, for which a segment lies where nobody waits.",
  where: 'standby',
  needs: ['configuration'],
  after: ['connection'],
  doing: () => 'compare restore.wait with the settings of the server',
  run: (scene) => {
    const { restore, dataDirectory } = scene.node.settings;
    const conninfo = scene.server.setting('primary_conninfo') || '';
    if (leadsHere(conninfo, (name) => scene.server.setting(name), 'certain'))
      return [
        critical('primary_conninfo leads to this very node: it would stream from itself, and gets nothing', {
          hint: "Stop the server, take it out (configStandby --primary-conninfo '', or the primary's in its place), and start it.",
        }),
      ];
    if (restore.wait === 'off') return [ofPolling(scene, "restore.wait = 'off'")];
    if (scene.role === 'recovery' && restore.wait !== 'warm')
      return [
        ok("restore_command does not wait: this is a point-in-time recovery, and restore.wait is not 'warm'"),
      ];
    const mode = scene.role === 'recovery' ? 'recovery' : 'standby';
    const against = whatSpeaksAgainstWaiting(dataDirectory, mode);
    if (against.length === 0) return [ok('restore_command waits for the next segment')];
    // A standby that streams is not held up by that.
    const streams = conninfo.trim() !== '';
    if (streams && restore.wait === 'auto')
      return [ofPolling(scene, 'primary_conninfo is set: this standby streams')];
    return against.map(({ reason, hint }) =>
      warning(
        restore.wait === 'warm'
          ? `restore.wait = 'warm' contradicts the configuration of PostgreSQL: ${reason}`
          : `restore_command does not wait for segments: ${reason}`,
        { hint },
      ),
    );
  },
};

const targets = ['time', 'xid', 'lsn', 'name'].map((each) => `recovery_target_${each}`);

function ofTargets({ server }: Scene): Finding[] {
  const set = [...targets, 'recovery_target'].filter((name) => server.setting(name) !== '');
  if (set.length === 0) return [];
  return [
    warning(`${set.join(', ')} ${set.length === 1 ? 'is' : 'are'} set: replay ends there`, {
      hint: 'A standby has no recovery target: take it out of its configuration, and restart it.',
    }),
  ];
}

const recoverySettings: Step = {
  id: 'recovery-settings',
  looksAt:
    'Settings of recovery on a standby: recovery_target_timeline = latest (or it does not follow a promotion), no recovery target, no recovery_min_apply_delay that nobody remembers, hot_standby.',
  where: 'standby',
  needs: ['configuration'],
  after: ['connection'],
  doing: () => 'read the settings of recovery',
  run: (scene) => {
    const { server, role, node } = scene;
    const waits = node.settings.restore.wait === 'warm';
    if (role === 'recovery' && !waits) return [skipped('the server is in a recovery that ends by itself')];
    const timeline =
      server.setting('recovery_target_timeline') || ((server.major ?? 12) < 12 ? 'current' : 'latest');
    const delayMs = server.timeMs('recovery_min_apply_delay', 'ms') ?? 0;
    const found = [
      ...(timeline.toLowerCase() === 'latest'
        ? []
        : [
            warning(`recovery_target_timeline is ${timeline}: this standby does not follow a promotion`, {
              hint: 'Set recovery_target_timeline = latest; before PostgreSQL 12 in recovery.conf.',
            }),
          ]),
      ...ofTargets(scene),
      ...(delayMs === 0
        ? []
        : [
            warning(
              `recovery_min_apply_delay is ${formatDuration(delayMs)}: this standby is behind on purpose`,
              {
                hint: 'A promotion has to replay as much first. Where nobody wants that, take it out.',
              },
            ),
          ]),
      ...(server.isOn('hot_standby') === false
        ? [
            ok('hot_standby is off: nobody can ask this standby how far it is', {
              hint: 'Set hot_standby = on, if it may be read.',
            }),
          ]
        : []),
    ];
    const who = role === 'recovery' ? 'the recovery waits until it is triggered, and' : 'it';
    return orOk(found, `${who} follows the latest timeline, without a target or a delay`);
  },
};

const triggerFile: Step = {
  id: 'trigger-file',
  looksAt:
    'The trigger file: while one lies about, restore_command does not wait, and with "fast" in it restores nothing any more.',
  needs: ['configuration'],
  doing: () => 'look for the trigger file',
  run: ({ node, isRecovering }) => {
    const path = node.settings.restore.triggerFile;
    const found = readTriggerFile(path);
    const hint = `If no promotion is under way: rm ${shellWord(path)}`;
    if (found.ignored !== undefined)
      return [warning(`the trigger file ${path} is ignored: ${found.ignored}`, { hint })];
    if (found.told === 'nothing') return [ok('there is no trigger file')];
    if (!isRecovering)
      return [
        warning(`a trigger file of an earlier promotion lies at ${path}`, {
          detail: 'Once this node is a standby again, its restore_command obeys it.',
          hint: `rm ${shellWord(path)}`,
        }),
      ];
    if (found.told === 'fast')
      return [
        critical(`restore_command restores nothing any more: the trigger file ${path} says "fast"`, { hint }),
      ];
    return [warning(`restore_command does not wait any more: there is the trigger file ${path}`, { hint })];
  },
};

export const waitingSteps = [waiting, recoverySettings, triggerFile];
