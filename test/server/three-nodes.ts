// Three real clusters on three "machines" that are connected by nothing but ssh: a primary, its standby, and a DR node. What
// the tests of their losses share.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from '../harness/cluster.ts';
import { program } from '../harness/installation.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { run, startProgram, type RunResult } from '../harness/run.ts';
import type { Sandbox } from '../harness/sandbox.ts';
import { startSshd, type Sshd } from '../harness/sshd.ts';
import { archiveOf, giveHome, makeArchive, makeStandby, shipRows, startPrimary } from './pair.ts';

export const nodes = ['primary', 'standby', 'dr'] as const;
export type Name = (typeof nodes)[number];

export interface Three extends Record<Name, Cluster> {
  sshds: Record<Name, Sshd>;
  url: (name: Name) => string;
}

/** [ssh] that logs in everywhere: one key and one known_hosts for all. */
export function sshSection(sandbox: Sandbox, sshds: Record<Name, Sshd>): string {
  const keys = nodes.map((name) => `'${sshds[name].clientKey}'`).join(', ');
  const known = nodes.map((name) => readFileSync(sshds[name].knownHosts, 'utf8')).join('');
  return `[ssh]\nconfig_file = 'none'\nidentity_files = [${keys}]\nknown_hosts = ['${sandbox.file('known_hosts', known)}']\nreceiver = '${program('twowarm')}'\n`;
}

export const destinationAt = (name: string, url: string, more = ''): string =>
  `[destination.${name}]\nurl = '${url}'\ntime_limit = '20s'\n${more}`;

export interface ThreeOptions {
  /** Keys of the DR node as a destination of the primary. Default: a fallback for the standby. */
  drForPrimary?: string;
  /** Keys of the standby as a destination of the DR node. Default: it has none. */
  standbyForDr?: string;
}

/** The primary runs and ships to the standby; the DR node is the arbiter. */
export async function makeThree(sandbox: Sandbox, options: ThreeOptions = {}): Promise<Three> {
  const { drForPrimary = "policy = 'fallback'\nfor = ['standby']\n", standbyForDr } = options;
  const [first, second, third] = [
    await startSshd(sandbox, { name: 'sshd-primary' }),
    await startSshd(sandbox, { name: 'sshd-standby' }),
    await startSshd(sandbox, { name: 'sshd-dr' }),
  ];
  const sshds = { primary: first, standby: second, dr: third };
  const url = (name: Name): string =>
    `ssh://${sshds[name].user}@127.0.0.1:${sshds[name].port}${archiveOf(sandbox, name)}`;
  for (const name of nodes) makeArchive(sandbox, name);
  const ssh = sshSection(sandbox, sshds);
  const primary = await startPrimary(sandbox, { postgres: findPostgres(15) });
  const destinations =
    destinationAt('standby', url('standby')) + destinationAt('dr', url('dr'), drForPrimary);
  const named = (name: Name, cluster: Cluster): string =>
    `name = '${name}'\nconninfo = '${cluster.conninfo}'\n`;
  giveHome(primary, `${named('primary', primary)}${destinations}${ssh}`);
  await shipRows(primary, 1);
  const extra = { recovery_prefetch: 'off' };
  const arbiter = `[cluster]\narbiter = '${url('dr')}'\n`;
  const standby = await makeStandby(primary, { extra });
  giveHome(standby, `${named('standby', standby)}${destinationAt('dr', url('dr'))}${arbiter}${ssh}`);
  const dr = await makeStandby(primary, { name: 'dr', extra });
  const back = standbyForDr === undefined ? '' : destinationAt('standby', url('standby'), standbyForDr);
  giveHome(dr, `${named('dr', dr)}${back}${arbiter}${ssh}`);
  return { primary, standby, dr, sshds, url };
}

export const relayOf = (node: Cluster) =>
  startProgram(program('twowarm'), ['relay', '-D', node.dataDirectory], { timeoutMs: 400_000 });

export const trigger = (node: Cluster, ...words: string[]): Promise<RunResult> =>
  run(program('triggerStandby'), ['-D', node.dataDirectory, ...words], { timeoutMs: 120_000 });

export const failures = (cluster: Cluster): Promise<number> =>
  cluster.value<number>('select failed_count::int from pg_stat_archiver');

export const ownerOf = (sandbox: Sandbox, name: Name): object =>
  JSON.parse(readFileSync(join(archiveOf(sandbox, name), '.twowarm/owner'), 'utf8')) as object;

/** The claim in .twowarm/owner. */
export interface Owner {
  node: string;
  node_name: string;
  timeline: number;
  epoch: number;
  claimed_at: string;
}

/** What a node reads that may not store there. */
export function fencedFrom(file: string, url: string, owner: Owner): string {
  return (
    `archiveWALFile: ERROR:  cannot store ${file} at ${url}: the archive belongs to another node\n` +
    `DETAIL:  Node ${owner.node_name} (${owner.node}) holds it on timeline ${owner.timeline}, epoch ${owner.epoch}, since ${owner.claimed_at}. Nothing was stored.\n` +
    `HINT:  If ${owner.node_name} is the primary now, stop this server: it is a second one. If this one is a restored copy, set archive_mode = off in it. If this one is the primary: twowarm claim --take-over ${url}\n`
  );
}
