// archive_command, restore_command and archive_cleanup_command: really ours, with the right words, and with our exit code.
import { settingLine } from '../../program/installation.ts';
import { readCall, type Call, type Reading } from '../../postgres/command-calls.ts';
import { critical, ok, orOk, skipped, warning } from './findings.ts';
import { judgeProgram } from './run-call.ts';
import type { Scene } from './scene.ts';
import type { Finding, Level, Step } from './step.ts';

/** What a setting is to call. */
interface Wanted {
  setting: string;
  programs: readonly string[];
  /** How it is to be called, and each way in which the words may end. */
  usual: readonly [program: string, placeholders: string];
  endings: readonly string[];
  /** What comes of a lost exit code. */
  lost: string;
}

const archiveCommand: Wanted = {
  setting: 'archive_command',
  programs: ['archiveWALFile'],
  usual: ['archiveWALFile', '%p %f'],
  endings: ['%p %f'],
  lost: 'PostgreSQL takes a segment that could not be stored for archived, and removes it.',
};

const restoreCommand: Wanted = {
  setting: 'restore_command',
  programs: ['restoreWALFile', 'pg_standby'],
  usual: ['restoreWALFile', '%f %p %r'],
  endings: ['%f %p %r', '%f %p'],
  lost: 'PostgreSQL takes a segment that could not be fetched for restored, or one that is unreachable for absent.',
};

/** What else than a plain call the command is. */
function ofShape({ setting, lost }: Wanted, call: Call, hint: string): Finding[] {
  const { name, hiddenBy, redirected, startedBy, expanded } = call;
  return [
    ...(hiddenBy === undefined
      ? []
      : [critical(`${setting} hides the exit code of ${name}: "${hiddenBy}"`, { detail: lost, hint })]),
    ...(redirected === undefined
      ? []
      : [
          warning(`${setting} sends what ${name} says away: "${redirected}"`, {
            detail: 'The reason of a failure stands nowhere else than in the log of the server.',
            hint,
          }),
        ]),
    ...(startedBy === undefined
      ? []
      : [
          warning(`${setting} starts ${name} by "${startedBy}"`, {
            detail: `It has to pass on the exit code and the signals. ${lost}`,
            hint: `twowarm has time limits of its own. ${hint}`,
          }),
        ]),
    ...(expanded === undefined
      ? []
      : [
          warning(`${setting} has a word that the shell changes: "${expanded}"`, {
            detail: 'What becomes of it depends on the environment that the server was started with.',
            hint,
          }),
        ]),
  ];
}

function ofWords({ setting, endings, usual }: Wanted, { name, words }: Call, hint: string): Finding[] {
  if (words.includes('--dry-run'))
    return [critical(`${setting} calls ${name} with --dry-run: nothing is stored`, { hint })];
  const text = words.join(' ');
  const isRight = endings.some((ending) => text === ending || text.endsWith(` ${ending}`));
  if (isRight) return [];
  return [
    critical(`${setting} calls ${name} with "${text}", but its last words must be ${usual[1]}`, { hint }),
  ];
}

function ofOthers(
  { setting, usual }: Wanted,
  kind: Exclude<Reading['kind'], 'call'>,
  text: string,
  hint: string,
): Finding {
  const messages = {
    empty: `${setting} is not set`,
    unreadable: `${setting} is no command line: a quote does not end`,
    'keeps-nothing': `${setting} says yes and does nothing: ${text}`,
    another: `${setting} does not call ${usual[0]}`,
  };
  return critical(messages[kind], { detail: kind === 'another' ? `It is: ${text}` : undefined, hint });
}

async function judge(wanted: Wanted, text: string, scene: Scene, signal: AbortSignal): Promise<Finding[]> {
  const { setting, programs, usual } = wanted;
  const hint = `In postgresql.conf: ${settingLine(setting, ...usual)}`;
  const reading = readCall(text, programs);
  if (reading.kind !== 'call') return [ofOthers(wanted, reading.kind, text, hint)];
  const { call } = reading;
  const found = [...ofShape(wanted, call, hint), ...ofWords(wanted, call, hint)];
  return [...found, ...(await judgeProgram(setting, call, scene, signal))];
}

/** On a standby what archive_command lacks counts from its promotion on. */
const softened = (findings: readonly Finding[]): Finding[] =>
  findings.map((finding) => ({
    ...finding,
    level: finding.level === 'critical' ? ('warning' satisfies Level) : finding.level,
    ...(finding.level === 'critical' && {
      detail: [finding.detail, 'It counts once this standby is promoted.'].filter(Boolean).join(' '),
    }),
  }));

const archive: Step = {
  id: 'archive-command',
  looksAt:
    "archive_command: it calls archiveWALFile of this twowarm by its absolute path, with this configuration and the words %p %f, and PostgreSQL gets its exit code: no '|| true', no pipe, nothing behind it. The program is run (--version) as the server would run it.",
  needs: ['configuration'],
  after: ['server', 'connection'],
  doing: () => 'run the program of archive_command',
  run: async (scene, signal) => {
    const { server, isRecovering } = scene;
    // What PostgreSQL shows of a command that it does not call.
    const inForce = server.setting('archive_command');
    const text = inForce === '(disabled)' ? (server.files.get('archive_command') ?? '') : inForce;
    const found = await judge(archiveCommand, text, scene, signal);
    return orOk(isRecovering ? softened(found) : found, `archive_command is ours: ${text}`);
  },
};

function ofPruning(text: string, scene: Scene): Finding[] {
  const reading = readCall(text, ['restoreWALFile']);
  if (reading.kind !== 'call' || reading.call.words.at(-1) === '%r') return [];
  const { prune } = scene.node.settings.restore;
  const hint = `In postgresql.conf: ${settingLine('restore_command', 'restoreWALFile', '%f %p %r')}`;
  const detail = 'Whoever prunes the archive does not know what this node still needs.';
  if (prune)
    return [
      warning('restore.prune is set, but restore_command does not give %r: nothing is pruned', { hint }),
    ];
  return [
    warning('restore_command does not give %r: this node is no registered reader of the archive', {
      detail,
      hint,
    }),
  ];
}

const restore: Step = {
  id: 'restore-command',
  looksAt:
    'restore_command of a standby, in the same way: restoreWALFile with %f %p %r, or our pg_standby; and whether %r is there, by which the archive knows what this node needs.',
  where: 'standby',
  needs: ['configuration'],
  after: ['server', 'connection'],
  doing: () => 'run the program of restore_command',
  run: async (scene, signal) => {
    const text = scene.server.setting('restore_command');
    const found = await judge(restoreCommand, text, scene, signal);
    const all = found.some(({ level }) => level === 'critical')
      ? found
      : [...found, ...ofPruning(text, scene)];
    return orOk(all, `restore_command is ours: ${text}`);
  },
};

const cleanup: Step = {
  id: 'archive-cleanup-command',
  looksAt:
    'archive_cleanup_command of a standby: not set, or twowarm prune %r. Another one removes what other readers of the archive still need.',
  where: 'standby',
  needs: ['configuration'],
  after: ['server', 'connection'],
  doing: () => 'run the program of archive_cleanup_command',
  run: async (scene, signal) => {
    const text = scene.server.setting('archive_cleanup_command');
    if (text.trim() === '') return [skipped('archive_cleanup_command is not set')];
    const setting = 'archive_cleanup_command';
    const hint = `In postgresql.conf: ${settingLine(setting, 'twowarm', 'prune %r')}`;
    const reading = readCall(text, ['twowarm']);
    if (reading.kind !== 'call' || !reading.call.words.includes('prune'))
      return [
        warning(`${setting} does not call twowarm prune`, {
          detail: `It is: ${text}. It does not know of other readers of the archive, and leaves no record of what it removes.`,
          hint,
        }),
      ];
    if (!reading.call.words.includes('%r'))
      return [critical(`${setting} calls twowarm prune without %r`, { hint })];
    const found = await judgeProgram(setting, reading.call, scene, signal);
    return found.length > 0 ? found : [ok(`${setting} is ours: ${text}`)];
  },
};

export const commandSteps = [archive, restore, cleanup];
