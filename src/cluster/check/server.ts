// Whether the server runs, lets us in, and does what its files say.
import { notAllowed, sqlState } from '../../postgres/client.ts';
import { controlLine } from '../../postgres/control-line.ts';
import { readSegmentSize } from '../../postgres/control-file.ts';
import { readDatabaseState } from '../../postgres/database-state.ts';
import { newestTimeline } from '../../postgres/newest-timeline.ts';
import { parseBoolean } from '../../postgres/parse-configuration.ts';
import { count } from '../../program/count.ts';
import { critical, ok, orOk, skipped, unknown, warning } from './findings.ts';
import { LocalServer } from './local-server.ts';
import type { Scene } from './scene.ts';
import type { Finding, Step } from './step.ts';

/** Two primaries would write one timeline. */
const unlessReplaced =
  '. Not where another node was promoted in its place: that one copies to it (copyToStandby) first.';

async function look(scene: Scene): Promise<Finding[]> {
  const { settings, cluster } = scene.node;
  const { dataDirectory } = settings;
  const server = await LocalServer.find(settings);
  scene.fill({ server });
  const { state } = readDatabaseState(dataDirectory);
  const timeline = newestTimeline(dataDirectory);
  const figures = {
    major: server.major ?? null,
    systemIdentifier: cluster.systemIdentifier.toString(),
    timeline,
    segmentBytes: readSegmentSize(dataDirectory),
    state: state ?? null,
  };
  if (server.postmaster === undefined) {
    const { unconfigured } = scene;
    if (unconfigured !== undefined) return [critical(unconfigured.message, { ...unconfigured, figures })];
    return [
      critical(`the server in ${dataDirectory} is not running`, {
        detail: `pg_control says: ${state ?? 'unknown'}. Its settings are judged by its files.`,
        hint: `Start it: ${controlLine('start', settings)}${scene.isRecovering ? '' : unlessReplaced}`,
        figures,
      }),
    ];
  }
  const [major, role] = [server.major ?? 'of an unknown version', scene.role ?? ''];
  const words = `PostgreSQL ${major}, ${role}, timeline ${timeline}, system identifier ${figures.systemIdentifier}`;
  return [ok(words, { figures })];
}

const server: Step = {
  id: 'server',
  looksAt: 'The server of the data directory: it runs; its version, role, timeline and system identifier.',
  needs: ['configuration'],
  doing: () => 'look for the server',
  run: look,
};

const connection: Step = {
  id: 'connection',
  looksAt:
    'Whether the server lets us in: what cannot be asked is judged by its files, and some of it not at all.',
  needs: ['server'],
  doing: () => 'connect to the server',
  run: ({ server: found, node, isRecovering }) => {
    if (found.letsUsIn) return [ok('the server lets us in')];
    if (found.isOnItsWay && isRecovering && found.isOn('hot_standby') === false)
      return [skipped('the server takes no connections: hot_standby is off')];
    const hint = `Correct node.conninfo in ${node.settings.configurationFile}, or pg_hba.conf: the owner of the data directory must be let in by the socket.`;
    if (found.isOnItsWay)
      return [
        unknown(`the server takes no connections yet: ${found.fault}`, {
          hint: 'Wait until it does. Its log says how far it is.',
        }),
      ];
    return [unknown(`could not connect to the server: ${found.fault}`, { hint })];
  },
};

/** Settings that decide about the chain, and whether the server has to be started again for them. */
const decisive: Record<string, 'start' | 'reload'> = {
  archive_mode: 'start',
  wal_level: 'start',
  archive_command: 'reload',
  archive_library: 'reload',
  restore_command: 'reload',
  archive_cleanup_command: 'reload',
  recovery_prefetch: 'reload',
  primary_conninfo: 'reload',
  recovery_target_timeline: 'reload',
  wal_log_hints: 'start',
};

/** The same value, as far as writing it differs. */
function isSame(one: string, other: string): boolean {
  if (one === other || one.toLowerCase() === other.toLowerCase()) return true;
  const [left, right] = [one, other].map(parseBoolean);
  return left !== undefined && left === right;
}

function ofUnreloaded({ server: found, node }: Scene): Finding[] {
  const differing = Object.keys(decisive).filter((name) => {
    const written = found.files.get(name);
    // What PostgreSQL shows of a command that it will not call.
    if (written === undefined || !found.isInForce(name) || found.setting(name) === '(disabled)') return false;
    return !isSame(written, found.setting(name));
  });
  const restarts = new Set([
    ...found.pendingRestart,
    ...differing.filter((name) => decisive[name] === 'start'),
  ]);
  const reloads = differing.filter((name) => !restarts.has(name));
  // A connection string may hold a password.
  const shown = reloads.filter((name) => name !== 'primary_conninfo');
  const settingsWord = (names: readonly string[]): string =>
    `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'}`;
  return [
    ...(reloads.length === 0
      ? []
      : [
          warning(`${settingsWord(reloads)} changed in the files, but not in the server`, {
            detail:
              shown.length === 0
                ? undefined
                : `The server has ${shown.map((name) => `${name} = "${found.setting(name)}"`).join(', ')}.`,
            hint: `Reload it: ${controlLine('reload', node.settings)}. Where that changes nothing, a later file or ALTER SYSTEM says otherwise, or the server was started with other options.`,
          }),
        ]),
    ...(restarts.size === 0
      ? []
      : [
          warning(`${settingsWord([...restarts])} changed, and the server has to be started again for that`, {
            hint: `Start it again: ${controlLine('restart', node.settings)}`,
          }),
        ]),
  ];
}

interface Refused extends Record<string, unknown> {
  name: string | null;
  sourcefile: string;
  sourceline: number;
  error: string;
}

/** Lines that the server refuses. Only a superuser is told. Of a setting that counts from the next start on the view says the same. */
async function ofRefused({ server: found }: Scene): Promise<Finding[]> {
  const sql = `select f.name, f.sourcefile, f.sourceline, f.error
    from pg_file_settings f left join pg_settings s on s.name = f.name
    where f.error is not null and not (s.context = 'postmaster' and f.error = 'setting could not be applied')`;
  const rows = await found.rows<Refused>(sql).catch((error: unknown) => {
    if (sqlState(error) === notAllowed) return [];
    throw error;
  });
  return rows.map(({ name, sourcefile, sourceline, error }) =>
    critical(`the server refuses ${name ?? 'a line'} in ${sourcefile}:${sourceline}: ${error}`, {
      detail: 'With such a line it takes nothing of its files at a reload, and does not start.',
      hint: 'Correct the line.',
    }),
  );
}

const settingsInForce: Step = {
  id: 'settings-in-force',
  looksAt:
    "The server's files: readable, without a line that the server refuses, and nothing that decides about the chain changed there without a reload or a restart.",
  needs: ['server'],
  after: ['connection'],
  doing: () => "compare the server's settings with its files",
  run: async (scene) => {
    const { files, letsUsIn } = scene.server;
    const unread = files.complete
      ? []
      : [
          warning(`what the server's files say is not known: ${files.problem ?? 'they cannot be read'}`, {
            detail: 'restore_command does not wait where it cannot know that.',
            hint: 'Make them readable for the owner of the data directory, and correct what is wrong in them.',
          }),
        ];
    if (!letsUsIn) return orOk(unread, 'the files can be read; what is in force is not known');
    const found = [...unread, ...ofUnreloaded(scene), ...(await ofRefused(scene))];
    const names = Object.keys(decisive).filter((name) => files.get(name) !== undefined);
    return orOk(found, `the server does what its files say (${count(names.length, 'setting')} compared)`);
  },
};

export const serverSteps = [server, connection, settingsInForce];
