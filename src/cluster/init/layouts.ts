// Where clusters of this machine may be: Debian's layout, that of the RPM packages, the data directories that servers run
// in. Names and existence only; what is there is looked at in local-cluster.ts.
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { debianClusters, debianRoot } from '../../postgres/debian-layout.ts';

/** Where the layouts begin. */
export interface Roots {
  /** <version>/<name>/postgresql.conf are below it. */
  debian: string;
  /** Where Debian's data directories are, unless their postgresql.conf says otherwise. */
  debianData: string;
  /** <version>/data, or data alone, are below it. */
  redHat: string;
  processes: string;
}

export const machineRoots: Roots = {
  debian: debianRoot,
  debianData: '/var/lib/postgresql',
  redHat: '/var/lib/pgsql',
  processes: '/proc',
};

/** A cluster as postgresql-common names it: 15/main. */
export interface DebianName {
  version: string;
  name: string;
}

export interface Candidate {
  dataDirectory: string;
  /** What led here, as the end of "found by": '/etc/postgresql/15/main', 'the server that runs there'. */
  by: string;
  debian?: DebianName;
  /** Its postgresql.conf, where that is not in the data directory. */
  postgresqlConf?: string;
}

/** Names in a directory; none where it is not there or not to be seen. */
function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

const ofDebian = ({ debian, debianData }: Roots): Candidate[] =>
  debianClusters(debian).map(({ version, name, postgresqlConf, dataDirectory }) => ({
    dataDirectory: dataDirectory ?? join(debianData, version, name),
    by: join(debian, version, name),
    debian: { version, name },
    postgresqlConf,
  }));

function redHatClusters({ redHat }: Roots): Candidate[] {
  const versions = namesIn(redHat).filter((name) => /^\d+(\.\d+)?$/.test(name));
  return [redHat, ...versions.map((version) => join(redHat, version))]
    .map((directory) => join(directory, 'data'))
    .filter(existsSync)
    .map((dataDirectory) => ({ dataDirectory, by: dataDirectory }));
}

/** The working directories of postmasters: only that of a postmaster has a postmaster.pid with its own number. */
function runningClusters({ processes }: Roots): Candidate[] {
  return namesIn(processes).flatMap((pid): Candidate[] => {
    if (!/^\d+$/.test(pid) || textOf(join(processes, pid, 'comm'))?.trim() !== 'postgres') return [];
    try {
      const dataDirectory = readlinkSync(join(processes, pid, 'cwd'));
      const first = textOf(join(dataDirectory, 'postmaster.pid'))?.split('\n')[0];
      return first === pid ? [{ dataDirectory, by: 'the server that runs there' }] : [];
    } catch {
      // Of another user, or gone.
      return [];
    }
  });
}

/** Every place where a cluster may be; one may turn up several times. */
export const findCandidates = (roots: Roots): Candidate[] => [
  ...ofDebian(roots),
  ...redHatClusters(roots),
  ...runningClusters(roots),
];
