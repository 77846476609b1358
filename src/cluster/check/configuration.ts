// The configuration of the node, read anew and not from the cache: found, valid, safely owned. Everything else needs it.
import { readOwnArchive } from '../../program/own-archive.ts';
import { statSync } from 'node:fs';
import { openThisNode, placeOf } from '../../postgres/this-node.ts';
import { readRecoveryMode } from '../../postgres/recovery-mode.ts';
import { isRecovering } from '../../postgres/node-role.ts';
import { unconfiguredBackup } from '../../postgres/unconfigured-backup.ts';
import { findPlace } from '../../program/home.ts';
import { lackingData } from '../../program/lacking-data.ts';
import { nameOfUser } from '../../program/owner-words.ts';
import { readSettings } from '../../program/settings/read.ts';
import { shellWord } from '../../program/shell-word.ts';
import { critical, ok, orOk, warning } from './findings.ts';
import type { Scene } from './scene.ts';
import type { Finding, Role, Step } from './step.ts';

function roleOf({ node: { settings }, unconfigured }: Scene): Role {
  // It must not become a primary.
  if (unconfigured !== undefined) return 'standby';
  if (!isRecovering(settings)) return 'primary';
  return readRecoveryMode(settings.dataDirectory) === 'recovery' ? 'recovery' : 'standby';
}

/** A password in a connection string is everybody's who may read the file. */
function ofReaders(file: string, mode: number, scene: Scene): Finding[] {
  const conninfo = scene.node.settings.server.conninfo ?? '';
  if ((mode & 0o004) === 0 || !/password|:[^@/]*@/i.test(conninfo)) return [];
  return [
    warning(`anybody on this machine may read the configuration ${file}`, {
      detail: `Its mode is 0${(mode & 0o777).toString(8)}, and node.conninfo holds a password.`,
      hint: `chmod o-rwx ${shellWord(file)}`,
    }),
  ];
}

async function look(scene: Scene): Promise<Finding[]> {
  const { call } = scene;
  const node = await openThisNode(call, false);
  const lack = lackingData(node.settings.dataDirectory);
  if (lack !== undefined) throw lack;
  const { settings, inForce } = readSettings(findPlace(placeOf(call)));
  scene.fill({ node, inForce });
  scene.unconfigured = unconfiguredBackup(settings.dataDirectory);
  scene.role = roleOf(scene);
  const file = settings.configurationFile;
  if (JSON.stringify(settings) !== JSON.stringify(node.settings))
    return [
      critical(`the kept settings in ${settings.home}/state/settings.json are not those of ${file}`, {
        hint: `Remove it; the next call makes it anew: rm ${shellWord(`${settings.home}/state/settings.json`)}`,
      }),
    ];
  const { uid, mode } = statSync(file);
  return orOk(ofReaders(file, mode, scene), `${file} is valid, and belongs to ${nameOfUser(uid)}`, {
    figures: { mode: `0${(mode & 0o777).toString(8)}` },
  });
}

const configuration: Step = {
  id: 'configuration',
  looksAt:
    'twowarm.toml: found, valid, owned by root or the owner of the data directory, written by nobody else; what is kept of it for faster calls is the same.',
  doing: () => 'read the configuration',
  faultIs: () => 'critical',
  run: look,
};

const destinationsConfigured: Step = {
  id: 'destinations',
  looksAt:
    'Whether there is a place for WAL to go to. A standby without one would archive at home alone, once it is promoted.',
  needs: ['configuration'],
  doing: () => 'look for destinations',
  run: ({ node: { settings }, isRecovering: recovers }) => {
    const names = settings.destinations.map(({ name }) => name);
    if (names.length > 0) return [ok(`there ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}`)];
    if (recovers && settings.role === 'dr')
      return [ok("no destination is configured, and this is the node for disasters (node.role = 'dr')")];
    const hint = `Add a [destination.<name>] with its url to ${settings.configurationFile}.`;
    if (recovers)
      return [
        warning('no destination is configured: once promoted, this node has the only copy of its WAL', {
          hint,
        }),
      ];
    if (readOwnArchive(settings.home) !== undefined)
      return [
        warning(
          'no destination is configured: since it was promoted this node has the only copy of its WAL',
          {
            hint,
          },
        ),
      ];
    return [critical('no destination is configured: archiveWALFile fails', { hint })];
  },
};

export const configurationSteps = [configuration, destinationsConfigured];
