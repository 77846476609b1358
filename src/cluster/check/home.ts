// twowarm's home and what of it belongs to whom, and the archive of the node itself.
import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isCopied, readNodeRecord, stateDirectory } from '../../program/node-record.ts';
import { nameOfUser } from '../../program/owner-words.ts';
import { readOwnArchive } from '../../program/own-archive.ts';
import { shellWord } from '../../program/shell-word.ts';
import { isTemporaryName } from '../../program/temporary-name.ts';
import { refuseDataDirectory } from '../../transport/data-directory.ts';
import { openToLook } from '../../transport/open.ts';
import { unreadArchive } from '../../transport/unread-archive.ts';
import { count } from '../../program/count.ts';
import { critical, ofFault, orOk, warning } from './findings.ts';
import type { Scene } from './scene.ts';
import type { Finding, Step } from './step.ts';

const modeOf = (mode: number): string => `0${(mode & 0o7777).toString(8)}`;

/** The record of the node in its home, as a call that stores something would judge it. */
function ofRecord({ node: { settings, cluster } }: Scene): Finding[] {
  const { home } = settings;
  const record = readNodeRecord(home);
  if (record === undefined) return [];
  const found = record.systemIdentifier;
  if (found !== cluster.systemIdentifier.toString())
    return [
      critical(`the home ${home} belongs to another cluster`, {
        detail: `It serves system identifier ${found}; ${settings.dataDirectory} has ${cluster.systemIdentifier}.`,
        hint: `Give this cluster a home of its own. If it replaces the other one for good, move ${join(stateDirectory(home), 'node.json')} away.`,
      }),
    ];
  if (!isCopied(record, home)) return [];
  return [
    warning(`the home ${home} is a copy of another node's`, {
      detail: 'The next call that changes something makes this a new node, which no archive is claimed for.',
      hint: 'If this node has taken the place of the other one for good: twowarm claim --take-over',
    }),
  ];
}

const home: Step = {
  id: 'home',
  looksAt: "twowarm's home: it serves this cluster and this node, and its record is whole.",
  needs: ['configuration'],
  doing: () => 'look into the home',
  faultIs: () => 'critical',
  run: (scene) => {
    const { settings } = scene.node;
    return orOk(ofRecord(scene), `${settings.home} is this node's`);
  },
};

/** The path, who owns it, who may read it. What is not there, others judge. */
function ofPath(path: string, holdsWal: boolean): Finding[] {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return [];
  const { uid, mode } = stats;
  const own = process.geteuid?.();
  const isDirectory = stats.isDirectory();
  const rights = isDirectory
    ? constants.R_OK | constants.W_OK | constants.X_OK
    : constants.R_OK | constants.W_OK;
  const detail = `It belongs to ${nameOfUser(uid)} and has mode ${modeOf(mode)}.`;
  if (!mayAccess(path, rights))
    return [
      critical(`${nameOfUser(own ?? -1)} cannot read and write ${path}`, {
        detail,
        hint: `As root: chown ${nameOfUser(own ?? -1)} ${shellWord(path)} && chmod ${isDirectory ? 700 : 600} ${shellWord(path)}`,
      }),
    ];
  if ((mode & 0o022) !== 0)
    return [
      critical(`others may write to ${path}`, {
        detail: `${detail}${holdsWal ? ' Whoever writes WAL there changes the servers that restore it.' : ''}`,
        hint: `chmod go-w ${shellWord(path)}`,
      }),
    ];
  if (!isDirectory || (mode & 0o005) === 0) return [];
  return [
    warning(`anybody on this machine may read ${path}`, {
      detail: `${detail}${holdsWal ? ' WAL holds the data of every table.' : ''}`,
      hint: `chmod ${holdsWal ? 'o-rwx' : '700'} ${shellWord(path)}`,
    }),
  ];
}

function mayAccess(path: string, rights: number): boolean {
  try {
    accessSync(path, rights);
    return true;
  } catch {
    return false;
  }
}

const fileModes: Step = {
  id: 'file-modes',
  looksAt:
    'Owners and modes: the home, state/ and what is in it, the archive of this node, its spool. The server must be able to write there, nobody else.',
  needs: ['configuration'],
  doing: () => 'look at owners and modes',
  run: ({ node: { settings } }) => {
    const state = stateDirectory(settings.home);
    const inState = existsSync(state) && mayAccess(state, constants.R_OK) ? readdirSync(state) : [];
    const found = [
      ...ofPath(settings.home, false),
      ...ofPath(state, false),
      ...inState.filter((name) => !isTemporaryName(name)).flatMap((name) => ofPath(join(state, name), false)),
      ...ofPath(join(settings.home, 'spool'), true),
      ...ofPath(settings.archiveDirectory, true),
    ];
    return orOk(found, 'home, state and archive are readable and writable for the server alone');
  },
};

/** Whether the archive is there is a matter of today for a standby, and for a primary of the day that it is one. */
function ofMissing({ node: { settings }, isRecovering }: Scene): Finding[] {
  const directory = settings.archiveDirectory;
  const wasTriggered = readOwnArchive(settings.home) !== undefined;
  const isSource = settings.restore.sources.includes(`file:${directory}`);
  const hint = `Mount it, or make it as ${nameOfUser(process.geteuid?.() ?? -1)}: mkdir -m 700 ${shellWord(directory)}`;
  const message = `the archive directory ${directory} does not exist`;
  if (wasTriggered)
    return [
      critical(message, {
        detail: 'This node was triggered and archives there, too: archive_command fails.',
        hint,
      }),
    ];
  if (!isRecovering)
    return [
      warning(message, {
        detail: 'Once this node is a standby, WAL arrives there, or is archived there.',
        hint,
      }),
    ];
  const detail = isSource ? 'It is where restore_command looks.' : 'triggerStandby refuses without it.';
  return [critical(message, { detail, hint })];
}

async function ofArchive(scene: Scene, signal: AbortSignal): Promise<Finding[]> {
  const { settings, identity } = scene.node;
  const directory = settings.archiveDirectory;
  try {
    await refuseDataDirectory(directory);
    const archive = await openToLook(`file:${directory}`, identity, signal);
    await archive.close();
  } catch (error) {
    return [ofFault(error, 'critical')];
  }
  return [];
}

/** Longer than any transfer takes, in ms. */
const abandonedAfterMs = 86_400_000;

function ofLeftovers(directory: string): Finding[] {
  const old = readdirSync(directory)
    .filter(isTemporaryName)
    .map((name) => statSync(join(directory, name), { throwIfNoEntry: false }))
    .filter((stats) => stats !== undefined && Date.now() - stats.mtimeMs > abandonedAfterMs);
  if (old.length === 0) return [];
  return [
    warning(`${count(old.length, 'unfinished file')} of more than a day lie in ${directory}`, {
      detail: 'They are of nodes or machines that have not come back to sweep them.',
      hint: `Remove them: find ${shellWord(directory)} -maxdepth 1 -name '.tmp.*' -mtime +0 -delete`,
    }),
  ];
}

function ofUnread({ node: { settings }, isRecovering }: Scene): Finding[] {
  const unread = isRecovering ? unreadArchive(settings) : undefined;
  return unread === undefined ? [] : [warning(unread.message, unread)];
}

const ownArchive: Step = {
  id: 'own-archive',
  looksAt:
    "The node's own archive: there, this cluster's, outside of every data directory, without leftovers, and on a standby a source of restore_command once WAL has arrived there. WAL arrives there on a standby, and a node that was triggered archives there.",
  needs: ['configuration'],
  doing: ({ node }) => `look into ${node.settings.archiveDirectory}`,
  faultIs: () => 'critical',
  run: async (scene, signal) => {
    const directory = scene.node.settings.archiveDirectory;
    if (statSync(directory, { throwIfNoEntry: false }) === undefined) return ofMissing(scene);
    const found = await ofArchive(scene, signal);
    const all = found.length > 0 ? found : [...ofUnread(scene), ...ofLeftovers(directory)];
    return orOk(all, `${directory} is there and this cluster's`);
  },
};

export const homeSteps = [home, fileModes, ownArchive];
