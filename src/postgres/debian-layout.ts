// Debian's place for the configuration of a cluster: /etc/postgresql/<version>/<name>/, outside of the data directory. Its
// server is started with config_file on the command line, and a base backup does not bring these files along.
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfiguration } from './parse-configuration.ts';

/** Where the directories of the versions are. */
export const debianRoot = '/etc/postgresql';

/** A cluster as postgresql-common names it: 15/main. */
export interface DebianCluster {
  version: string;
  name: string;
  postgresqlConf: string;
  /** As its postgresql.conf says it; undefined where that says nothing. */
  dataDirectory: string | undefined;
}

/** Every cluster whose postgresql.conf can be read. */
export const debianClusters = (root = debianRoot): DebianCluster[] =>
  namesIn(root).flatMap((version) =>
    namesIn(join(root, version)).flatMap((name) => {
      const postgresqlConf = join(root, version, name, 'postgresql.conf');
      const text = textOf(postgresqlConf);
      if (text === undefined) return [];
      const { assignments } = parseConfiguration(text);
      const dataDirectory = assignments.findLast((each) => each.name === 'data_directory')?.value;
      return [{ version, name, postgresqlConf, dataDirectory }];
    }),
  );

/** The cluster whose postgresql.conf names this data directory, a real path; undefined where there is none, or it cannot be seen. */
export const debianCluster = (
  dataDirectory: string,
  major: number,
  root = debianRoot,
): DebianCluster | undefined =>
  debianClusters(root).find(
    (each) => each.version === String(major) && realPathOf(each.dataDirectory) === dataDirectory,
  );

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

function realPathOf(path: string | undefined): string | undefined {
  try {
    return path === undefined ? undefined : realpathSync(path);
  } catch {
    return undefined;
  }
}
