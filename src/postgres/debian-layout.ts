// Debian's place for the configuration of a cluster: /etc/postgresql/<version>/<name>/, outside of the data directory. Its
// server is started with config_file on the command line, and a base backup does not bring these files along.
import { readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { parseConfiguration } from './parse-configuration.ts';

export interface DebianCluster {
  /** As pg_ctlcluster takes it. */
  name: string;
  postgresqlConf: string;
}

/** The cluster whose postgresql.conf names this data directory; undefined where there is none, or it cannot be seen. */
export function debianCluster(
  dataDirectory: string,
  major: number,
  root = '/etc/postgresql',
): DebianCluster | undefined {
  for (const name of namesIn(join(root, String(major)))) {
    const postgresqlConf = join(root, String(major), name, 'postgresql.conf');
    if (namedIn(postgresqlConf) === dataDirectory) return { name, postgresqlConf };
  }
  return undefined;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

function namedIn(postgresqlConf: string): string | undefined {
  try {
    const { assignments } = parseConfiguration(readFileSync(postgresqlConf, 'latin1'));
    const named = assignments.findLast(({ name }) => name === 'data_directory')?.value;
    return named === undefined ? undefined : realpathSync(named);
  } catch {
    return undefined;
  }
}
