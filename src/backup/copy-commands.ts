// copyToStandby and copyToDR as commands: what is given, and what is said of a copy that succeeded.
import { openThisNode } from '../postgres/this-node.ts';
import type { Command, ProgramCall } from '../program/command.ts';
import { ProgramError } from '../program/program-error.ts';
import { parseDuration, durationWords } from '../program/settings/quantities.ts';
import { reserveThreads } from '../program/threads.ts';
import { choose, drKind, standbyKind, type Kind } from './choose.ts';
import { copyBetween } from './copy-between.ts';
import type { Wanted } from './copy-to.ts';
import { copyArguments, copyOptions, defaultJobs, mostJobs } from './options.ts';
import { checksumNames, type ChecksumName } from './source/checksum-names.ts';
import { Telling } from './telling.ts';

const defaultWaitMs = 300_000;

const refuse = (message: string, hint: string): never => {
  throw new ProgramError('usage', message, { hint });
};

function durationOf(given: string | undefined): number {
  if (given === undefined) return defaultWaitMs;
  const ms = parseDuration(given);
  return ms !== undefined && ms > 0 ? ms : refuse(`--wait cannot be "${given}"`, `Write ${durationWords}.`);
}

function jobsOf(given: string | undefined): number {
  if (given === undefined) return defaultJobs;
  const jobs = /^\d{1,3}$/.test(given) ? Number(given) : 0;
  return jobs >= 1 && jobs <= mostJobs
    ? jobs
    : refuse(`--jobs cannot be "${given}"`, `Write a number from 1 to ${mostJobs}.`);
}

function oneOf<Word extends string>(
  name: string,
  given: string | undefined,
  words: readonly [Word, ...Word[]],
): Word {
  if (given === undefined) return words[0];
  const found = words.find((word) => word === given);
  return found ?? refuse(`--${name} cannot be "${given}"`, `Write ${words.join(' or ')}.`);
}

/** Relative paths would be those of another machine. */
function directoryOf(name: string, given: string | undefined): string | undefined {
  if (given === undefined || given.startsWith('/')) return given?.replace(/(?<=.)\/+$/, '');
  return refuse(`--${name} cannot be "${given}"`, 'Write an absolute directory.');
}

/** In capitals or not, as pg_basebackup takes it. */
function checksumsOf(given: string | undefined): ChecksumName {
  if (given === undefined) return checksumNames[0];
  const found = checksumNames.find((name) => name === given.toUpperCase());
  return found ?? refuse(`--manifest-checksums cannot be "${given}"`, `Write ${checksumNames.join(', ')}.`);
}

function wantedOf({ options }: ProgramCall, program: string): Wanted {
  const given = options as Readonly<Record<string, string | undefined>>;
  return {
    program,
    jobs: jobsOf(given['jobs']),
    fast: oneOf('checkpoint', given['checkpoint'], ['fast', 'spread']) === 'fast',
    verifyPages: options['no-verify-checksums'] !== true,
    checksums: checksumsOf(given['manifest-checksums']),
    dryRun: options['dry-run'] === true,
    waitMs: durationOf(given['wait']),
    mapping: (options['tablespace-mapping'] as readonly string[] | undefined) ?? [],
    walDirectory: directoryOf('waldir', given['waldir']),
    method: oneOf('method', given['method'], ['twowarm', 'pg_basebackup']),
  };
}

async function run(kind: Kind, call: ProgramCall): Promise<number> {
  const wanted = wantedOf(call, kind.program);
  reserveThreads(3);
  const node = await openThisNode(call, !wanted.dryRun);
  const chosen = choose(kind, call.positionals[0], call.options['to'] as string | undefined, node.settings);
  const telling = new Telling(call);
  const outcome = await copyBetween(call, { node, chosen, wanted, telling });
  telling.end({ ...outcome });
  await call.voice.event(`${outcome.outcome} to ${chosen.destination.name}`, {
    destination: chosen.destination.name,
    ...(outcome.copied !== undefined && {
      files: outcome.copied.files,
      bytes: outcome.copied.sizeBytes,
    }),
  });
  return 0;
}

const notes = [
  'The copy is a base backup; its server is configured by configStandby, over there, and gets its WAL from the archive of the',
  'destination. Over ssh it needs a key of its own: twowarm receive --data-directory DIR --authorized-keys-line KEY.pub, over',
  'there, prints the line for authorized_keys. A data directory that is there already and belongs to this cluster is made',
  'equal: only blocks that differ travel. A call that was interrupted is made again in the same words: it goes on from what is',
  'there. Until the copy is complete it has no pg_control, so that nothing can start from it.',
  '',
];

const commandOf = (kind: Kind, summary: string): Command => ({
  name: kind.program,
  summary,
  positionals: copyArguments,
  options: copyOptions,
  printsEvents: true,
  stopSignals: ['SIGTERM', 'SIGINT', 'SIGHUP'],
  notes,
  exitKinds: ['archiving-unproven', 'page-damaged', 'wal-missing', 'wrong-cluster'],
  run: (call) => run(kind, call),
});

export const copyToStandby: Command = commandOf(
  standbyKind,
  'Copies this running primary into the data directory of its standby, whole, or only what differs there.',
);

export const copyToDR: Command = commandOf(
  drKind,
  'Copies this running primary into the data directory of the disaster-recovery node, whole, or only what differs there.',
);
