// How the server of a cluster is started and stopped on this machine, and where its programs are: by postgresql-common, by a
// unit of systemd, else by pg_ctl, which is the default and needs no words.
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { shellWord } from '../../program/shell-word.ts';
import type { LocalCluster } from './local-cluster.ts';

/** Where a machine keeps what this looks for. */
export interface Machine {
  pgCtlCluster: string;
  units: readonly string[];
  /** The directories of PostgreSQL's programs of a version. */
  programs: (version: string) => readonly string[];
  redHat: string;
  processes: string;
}

export const thisMachine: Machine = {
  pgCtlCluster: '/usr/bin/pg_ctlcluster',
  units: ['/etc/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'],
  programs: (version) => [`/usr/lib/postgresql/${version}/bin`, `/usr/pgsql-${version}/bin`],
  redHat: '/var/lib/pgsql',
  processes: '/proc',
};

export interface ServerCommands {
  start: string;
  stop: string;
  reload: string;
  /** What a person has to allow first: lines for sudoers. */
  sudoers: readonly string[];
}

/** The unit that a running server belongs to, by its control group. */
function unitOfProcess(pid: number, { processes }: Machine): string | undefined {
  try {
    const groups = readFileSync(join(processes, String(pid), 'cgroup'), 'latin1');
    return /\/(postgresql[^/\n]*)\.service$/m.exec(groups)?.[1];
  } catch {
    return undefined;
  }
}

/** The unit of an RPM's data directory: postgresql-15 for 15/data, postgresql for data. */
function unitOfLayout(dataDirectory: string, { redHat, units }: Machine): string | undefined {
  const inLayout = dataDirectory.startsWith(`${redHat}/`) ? dataDirectory.slice(redHat.length + 1) : '';
  const version = /^(?:([\d.]+)\/)?data$/.exec(inLayout);
  if (version === null) return undefined;
  const unit = version[1] === undefined ? 'postgresql' : `postgresql-${version[1]}`;
  return units.some((directory) => existsSync(join(directory, `${unit}.service`))) ? unit : undefined;
}

function byDebian({ debian }: LocalCluster, { pgCtlCluster }: Machine): ServerCommands | undefined {
  if (debian === undefined || !existsSync(pgCtlCluster)) return undefined;
  const call = (action: string): string =>
    ['pg_ctlcluster', debian.version, debian.name, action].map(shellWord).join(' ');
  return { start: call('start'), stop: `${call('stop')} --mode fast`, reload: call('reload'), sudoers: [] };
}

/** Only root may start and stop units, and these commands are run by the owner of the data directory. */
function bySystemd(unit: string, user: string): ServerCommands {
  const call = (action: string): string => `sudo -n systemctl ${action} ${unit}`;
  const allowed = ['start', 'stop', 'reload'].map((action) => `/usr/bin/systemctl ${action} ${unit}`);
  return {
    start: call('start'),
    stop: call('stop'),
    reload: call('reload'),
    sudoers: [`${user} ALL=(root) NOPASSWD: ${allowed.join(', ')}`],
  };
}

/** Undefined: pg_ctl, as the programs do by themselves. */
export function commandsFor(
  cluster: LocalCluster,
  user: string,
  machine: Machine,
): ServerCommands | undefined {
  const debian = byDebian(cluster, machine);
  if (debian !== undefined) return debian;
  const running = cluster.pid === undefined ? undefined : unitOfProcess(cluster.pid, machine);
  const unit = running ?? unitOfLayout(cluster.dataDirectory, machine);
  return unit === undefined ? undefined : bySystemd(unit, user);
}

/** The directory of the server's programs: where its process came from, else where packages of its version put them. */
export function programsOf(cluster: LocalCluster, machine: Machine): string | undefined {
  const { pid, major, debian, dataDirectory } = cluster;
  if (pid !== undefined) {
    try {
      return dirname(readlinkSync(join(machine.processes, String(pid), 'exe')));
    } catch {
      // Of another user.
    }
  }
  const inPath = /\/(\d+(?:\.\d+)?)\/[^/]+$/.exec(dataDirectory)?.[1];
  const version = debian?.version ?? (major === undefined ? inPath : String(major));
  return version === undefined
    ? undefined
    : machine.programs(version).find((directory) => existsSync(join(directory, 'pg_ctl')));
}
