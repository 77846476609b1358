// What a copy says of itself, apart from how it is printed.
import type { Found } from '../copying/target.ts';
import { count } from '../program/count.ts';
import type { Report } from '../program/print-error.ts';
import { ProgramError } from '../program/program-error.ts';
import { formatDuration } from '../program/settings/quantities.ts';
import type { Work } from './copy-to.ts';
import type { Copied } from './copy-files.ts';
import type { LookedAt } from './look-at-source.ts';
import type { DamagedPage } from './source/pages.ts';
import { readArchivingState, stateWords } from '../program/archiving-state.ts';
import { formatLsn } from '../wal/lsn.ts';
import { megabytes } from '../program/megabytes.ts';

/** What a dry run shows, in order. */
export function stepsOf(
  { node, chosen, wanted, target, asked: { facts } }: Work,
  { found, source, outside }: LookedAt,
): string[] {
  const pages = facts.hasChecksums && wanted.verifyPages ? ', with a look at the checksum of each page' : '';
  const state = readArchivingState(node.settings.home);
  const switching = state === 'on' ? '' : `switch archiving on (it is ${stateWords[state]}), `;
  return [
    `would ${switching}end a segment, and wait up to ${formatDuration(wanted.waitMs)} until it is at ${chosen.destination.url}`,
    `would begin a backup of PostgreSQL ${facts.major} (checkpoint: ${wanted.fast ? 'fast' : 'spread'})`,
    ...found.steps.map((step) => `at ${target.url}: ${step}`),
    `would copy ${source.dataDirectory}${pages}, ${wanted.method === 'pg_basebackup' ? 'in one stream' : `${wanted.jobs} files at once`}`,
    ...outside.tablespaces.map(({ oid, location }) => `would copy the tablespace ${oid} to ${location}`),
    'would remove there what the cluster does not have, in the directories of PostgreSQL only',
    'would end the backup, write backup_label, and pg_control last',
    `would wait until every segment that the copy needs is at ${chosen.destination.url}`,
  ];
}

/** `verb`: 'compared' where the target had data before, of which only what differs was sent. */
export function copiedWords(
  verb: 'copied' | 'compared',
  { files, sizeBytes, removed }: Copied,
  ms: number,
  lineBytes: number,
): string {
  const line = lineBytes === 0 ? '' : `, ${megabytes(lineBytes)} over the line`;
  const rate = (sizeBytes / 1e3 / Math.max(ms, 1)).toFixed(1);
  const gone =
    removed === 0 ? '' : `; ${count(removed, 'entry', 'entries')} that the cluster does not have went`;
  return `${verb} ${count(files, 'file')}, ${megabytes(sizeBytes)} in ${(ms / 1000).toFixed(1)} s (${rate} MB/s)${line}${gone}`;
}

/** Of the damaged pages of a file those past the first: how many, and where as many are as are remembered. */
function othersOf(pages: readonly DamagedPage[], inFile: number): string {
  if (inFile === 1) return '';
  const known = pages.slice(1).map(({ block }) => block);
  const rest = inFile > pages.length ? ' and others' : '';
  return `, and ${inFile - 1} more: ${known.length === 1 ? 'block' : 'blocks'} ${known.join(', ')}${rest}`;
}

/** Why a copy with damaged pages is no copy. */
export function refuseDamaged({ damaged }: Copied): void {
  if (damaged.length === 0) return;
  const pages = damaged.reduce((sum, each) => sum + each.count, 0);
  const told = damaged.slice(0, 5).map(({ path, pages: inIt, count: inFile }) => {
    const { block, found, calculated } = inIt[0]!;
    return `${path}: block ${block} says ${found} and has ${calculated}${othersOf(inIt, inFile)}`;
  });
  const message = `${count(pages, 'page')} of ${count(damaged.length, 'file')} of this cluster ${pages === 1 ? 'is' : 'are'} damaged`;
  throw new ProgramError('page-damaged', `${message}: the copy was not finished`, {
    detail: `Checksums: ${told.join('; ')}${damaged.length > told.length ? '; …' : ''}.`,
    hint: 'This primary has lost data: look at its disk and its memory first. What the target had in their places, if anything, was not overwritten. --no-verify-checksums copies the damage, too.',
  });
}

/** A full disk, with what helps: of the target, or of a file that is made here. */
export function withRoomHint(error: unknown): unknown {
  if (!(error instanceof ProgramError) || error.kind !== 'no-space' || error.hint !== undefined) return error;
  const { kind, message, detail } = error;
  const hint = 'Make room on that disk; the same call again goes on from what is there.';
  return new ProgramError(kind, message, { detail, hint, cause: error });
}

/** Undefined where all of a cluster of that size fits, or nobody can know. */
export function roomWarning(sizeBytes: number, { roomBytes }: Found, url: string): Report | undefined {
  if (roomBytes === undefined || sizeBytes <= roomBytes) return undefined;
  return {
    message: `the cluster has ${megabytes(sizeBytes)}, and in ${url} there is room for ${megabytes(roomBytes)}`,
    hint: 'Make room there. A copy that ends for want of it goes on from what is there, by the same call.',
  };
}

/** What a copy is worth whose last segments nobody has seen where they are expected. */
export const withoutWal = ({ chosen, target }: Work, { endLsn }: { endLsn: bigint }): Report => ({
  message: `the copy in ${target.url} is complete, but its WAL up to ${formatLsn(endLsn)} was not seen at ${chosen.destination.url}`,
  hint: 'Without it no server becomes consistent there. Where it still comes (see to archiving; twowarm check --full follows a segment) go on with configStandby; where it is lost, copy again.',
});

/** What has to be done on the other node. */
export const nextSteps = (url: string): string =>
  `next, on the node of ${url}: configStandby, then start its server`;
