// The files of a 2warm tree, as it lay beside the data directory: local/ is of the node, global/ the same on all of them.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fromSystemError, ProgramError } from '../../../program/program-error.ts';

export interface Tree {
  root: string;
  /** Host names, as they are written there; undefined: there is no such file, or it is empty. */
  otherNode: string | undefined;
  drNode: string | undefined;
  isArchivingActive: boolean;
  /** Texts of files that are there. */
  environment: string | undefined;
  postgresqlConf: string | undefined;
  hbaConf: string | undefined;
  recoveryConf: string | undefined;
}

function read(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    throw fromSystemError(error, `could not read ${path}`);
  }
}

/** The first word of the file, as its scripts used it. */
function hostIn(path: string): string | undefined {
  const text = read(path)?.trim();
  if (!text) return undefined;
  if (/^(?:[^\s@:/]+@)?[A-Za-z0-9_.:[\]-]+$/.test(text)) return text;
  throw new ProgramError('usage', `${path} does not hold the name of one host`);
}

/** The tree itself, or the directory that has it as 2warm/. */
function rootOf(directory: string): string {
  const isTree = (path: string): boolean =>
    ['local', 'global'].some((name) => statSync(join(path, name), { throwIfNoEntry: false })?.isDirectory());
  const found = [directory, join(directory, '2warm')].find(isTree);
  if (found !== undefined) return found;
  throw new ProgramError('usage', `"${directory}" is not a tree of 2warm`, {
    detail: 'It has neither local/ nor global/, nor a directory 2warm that has.',
  });
}

export function readTree(directory: string): Tree {
  const root = rootOf(directory);
  const local = (name: string): string => join(root, 'local', name);
  const global = (name: string): string => join(root, 'global', name);
  return {
    root,
    otherNode: hostIn(local('replication/othernode')),
    drNode: hostIn(local('replication/drnode')),
    isArchivingActive: existsSync(local('replication/archiving_active')),
    environment: read(local('environment.sh')),
    postgresqlConf: read(local('postgresql.conf')),
    hbaConf: read(global('pg_hba.conf')),
    recoveryConf: read(global('recovery.conf')),
  };
}
