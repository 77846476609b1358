// The clusters of this machine, each once, with what one has to know to tell them apart: version, port, whether it runs, as
// what. Only looks.
import { readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isRecovering } from '../../postgres/node-role.ts';
import { readPostmaster } from '../../postgres/postmaster-file.ts';
import { readServerSettings } from '../../postgres/server-settings.ts';
import { majorVersion } from '../../postgres/version.ts';
import { errnoOf } from '../../program/program-error.ts';
import { findCandidates, type Candidate, type DebianName, type Roots } from './layouts.ts';

export interface LocalCluster {
  /** The real path; of one that is not there yet, where it will be. */
  dataDirectory: string;
  /** How it was found, in words. */
  by: readonly string[];
  debian: DebianName | undefined;
  /** Its postgresql.conf, where that is not in the data directory. */
  postgresqlConf: string | undefined;
  /** `closed`: this user may not look into it. `none`: it is not there, or empty, as before a first copy. */
  state: 'there' | 'closed' | 'none' | 'other';
  /** Of a cluster that is there, as far as it can be seen. */
  major: number | undefined;
  port: number | undefined;
  pid: number | undefined;
  role: 'primary' | 'standby' | undefined;
}

/** Where a path leads; of one that does not exist, through the part of it that does. */
export function realPlace(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path === dirname(path) ? path : join(realPlace(dirname(path)), basename(path));
  }
}

function stateOf(dataDirectory: string): LocalCluster['state'] {
  try {
    const names = readdirSync(dataDirectory);
    if (names.includes('PG_VERSION')) return 'there';
    // A file system that is mounted there has it from the beginning.
    return names.every((name) => name === 'lost+found') ? 'none' : 'other';
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT') return 'none';
    return code === 'EACCES' || code === 'EPERM' ? 'closed' : 'other';
  }
}

function look(found: readonly Candidate[], dataDirectory: string): LocalCluster {
  const debian = found.find((each) => each.debian !== undefined);
  const state = stateOf(dataDirectory);
  const base = {
    dataDirectory,
    by: found.map(({ by }) => by),
    debian: debian?.debian,
    postgresqlConf: debian?.postgresqlConf,
    state,
  };
  if (state !== 'there')
    return { ...base, major: undefined, port: undefined, pid: undefined, role: undefined };
  const postmaster = readPostmaster(dataDirectory);
  const written = Number(readServerSettings(dataDirectory, undefined, debian?.postgresqlConf).get('port'));
  return {
    ...base,
    major: majorVersion(dataDirectory),
    port: postmaster?.port ?? (written > 0 ? written : 5432),
    pid: postmaster?.pid,
    role: isRecovering({ dataDirectory }) ? 'standby' : 'primary',
  };
}

/** The clusters of the machine, and those that are named besides, each once, in the order in which they were found. */
export function findClusters(roots: Roots, named: readonly Candidate[] = []): LocalCluster[] {
  const byPlace = new Map<string, Candidate[]>();
  for (const candidate of [...named, ...findCandidates(roots)]) {
    const place = realPlace(candidate.dataDirectory);
    byPlace.set(place, [...(byPlace.get(place) ?? []), candidate]);
  }
  return [...byPlace].map(([place, found]) => look(found, place));
}

/** 'PostgreSQL 15, port 5432, running, primary' */
export function describeCluster({ state, major, port, pid, role, debian }: LocalCluster): string {
  const named = debian === undefined ? [] : [`${debian.version}/${debian.name}`];
  if (state === 'closed') return [...named, 'not to be seen by this user'].join(', ');
  if (state === 'none') return [...named, 'no data yet'].join(', ');
  if (state === 'other') return [...named, 'no data directory'].join(', ');
  const runs = pid === undefined ? 'not running' : 'running';
  return [...named, `PostgreSQL ${major ?? 'of an unknown version'}`, `port ${port}`, runs, role].join(', ');
}

/** Whom the data directory belongs to, or will: before it is there, whom the directory around it belongs to. */
export function ownerOf(dataDirectory: string): { uid: number; directory: string } {
  try {
    return { uid: statSync(dataDirectory).uid, directory: dataDirectory };
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    return ownerOf(dirname(dataDirectory));
  }
}
