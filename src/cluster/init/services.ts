// What should run beside the server, as lines to paste: the relay, by systemd or by cron, and the check. The units themselves
// are those of conf-templates/, with this node's paths.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { installedAt } from '../../program/installed-at.ts';
import { nameOfUser } from '../../program/owner-words.ts';
import { shellWord } from '../../program/shell-word.ts';
import type { LocalCluster } from './local-cluster.ts';

export interface Service {
  /** What it is for, as the end of a sentence. */
  why: string;
  /** Where the lines belong: a file, or the shell of root. */
  into: string;
  lines: readonly string[];
}

/** systemd.exec(5): the machine was booted with it. */
const systemdRuns = (): boolean => existsSync('/run/systemd/system');

const packagedUnit = '/usr/lib/systemd/system/twowarm-relay@.service';

/** A name of a group for a unit: the primary one of the user, by number where it has no name. */
const groupOf = (owned: string): string => String(statSync(owned).gid);

const sedWord = (text: string): string => text.replaceAll(/[\\&|]/g, '\\$&');

function relayUnit({ dataDirectory, debian }: LocalCluster, user: string, owned: string): Service {
  const why = 'it carries what arrives here, and what is owed, onwards; on every node, whatever its role';
  const usual = debian === undefined ? undefined : `/var/lib/postgresql/${debian.version}/${debian.name}`;
  if (usual === dataDirectory && existsSync(packagedUnit) && installedAt() === '/usr/lib/twowarm') {
    const unit = `twowarm-relay@${debian!.version}-${debian!.name}`;
    return { why, into: 'the shell of root', lines: [`systemctl enable --now ${unit}`] };
  }
  const command = `${join(installedAt(), 'bin', 'twowarm')} relay -D ${dataDirectory}`;
  const changes = [
    `s|^ExecStart=.*|ExecStart=${sedWord(command)}|`,
    `s|^User=.*|User=${user}|`,
    `s|^Group=.*|Group=${groupOf(owned)}|`,
  ].join('; ');
  const template = shellWord(join(installedAt(), 'conf-templates', 'twowarm-relay.service'));
  return {
    why,
    into: 'the shell of root',
    lines: [
      `sed ${shellWord(changes)} ${template} > /etc/systemd/system/twowarm-relay.service`,
      'systemctl daemon-reload && systemctl enable --now twowarm-relay',
    ],
  };
}

/** cron hands a percent sign over as the end of a line. */
const cronWord = (text: string): string => shellWord(text).replaceAll('%', '\\%');

/** What should run on this node. `owned`: what belongs to the server's user. */
export function proposeServices(cluster: LocalCluster, owned: string): Service[] {
  const user = nameOfUser(statSync(owned).uid);
  const program = (name: string): string => cronWord(join(installedAt(), 'bin', name));
  const directory = cronWord(cluster.dataDirectory);
  const relay: Service = systemdRuns()
    ? relayUnit(cluster, user, owned)
    : {
        why: 'it carries what arrives here, and what is owed, onwards; on every node, whatever its role',
        into: '/etc/cron.d/twowarm',
        lines: [`*/5 * * * * ${user} ${program('rsyncDR')} -D ${directory}`],
      };
  const check: Service = {
    why: 'it tests the whole chain, and says nothing where all is well; what it does say, cron mails',
    into: '/etc/cron.d/twowarm-check',
    lines: [
      `*/15 * * * * ${user} ${program('twowarm')} check --quiet -D ${directory}`,
      `10 4 * * * ${user} ${program('twowarm')} check --full --quiet -D ${directory}`,
    ],
  };
  return [relay, check];
}
