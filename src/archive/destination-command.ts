// twowarm destination: shows how each destination stands; suspends one that is gone, and lets it have files again.
import { readSegmentSize } from '../postgres/control-file.ts';
import { isRecovering } from '../postgres/node-role.ts';
import { openThisNode, type ThisNode } from '../postgres/this-node.ts';
import { commonOptions, type Command, type ProgramCall } from '../program/command.ts';
import { readSuspension, resume, suspend } from '../program/destination-notes.ts';
import { readOwnArchive } from '../program/own-archive.ts';
import { printable } from '../program/print-error.ts';
import { ProgramError } from '../program/program-error.ts';
import { didYouMean } from '../program/settings/did-you-mean.ts';
import type { Destination, Settings } from '../program/settings/settings.ts';
import { obstaclesOf } from '../transport/archiving-outlook.ts';
import {
  describeFindings,
  findingsOf,
  monitoringCodes,
  monitoringStatus,
  worstOf,
  type Circumstances,
} from '../transport/destination-findings.ts';
import { describeDestination, readDestinationStatus } from '../transport/destination-status.ts';
import { readLags } from '../transport/lag.ts';
import { sharedArchives } from '../transport/shared-archive.ts';
import { ledgerOf } from '../transport/backfill/debts.ts';

const verbs = ['list', 'suspend', 'resume'] as const;

function requireDestination(name: string | undefined, { settings }: ThisNode): Destination {
  const names = settings.destinations.map((each) => each.name);
  const found = settings.destinations.find((each) => each.name === name);
  if (found !== undefined) return found;
  if (name === undefined) throw new ProgramError('usage', 'missing argument NAME: the destination');
  const meant = didYouMean(name, names);
  const suggestion = meant === undefined ? '' : `; did you mean "${meant}"?`;
  throw new ProgramError('usage', `"${name}" is no destination${suggestion}`, {
    hint: names.length === 0 ? undefined : `${settings.configurationFile} has: ${names.join(', ')}.`,
  });
}

/** Who would have the files that a destination does not get. */
function othersThan(destination: Destination, { settings }: ThisNode): string[] {
  const { home, destinations } = settings;
  const left = destinations.filter(
    ({ name, policy, standIn }) =>
      name !== destination.name &&
      readSuspension(home, name) === undefined &&
      (policy === 'required' || standIn?.for.includes(destination.name) === true),
  );
  const own = readOwnArchive(home) === undefined ? [] : ['its own archive'];
  return [...left.map(({ name }) => name), ...own];
}

async function suspendOne(destination: Destination, node: ThisNode, { voice }: ProgramCall): Promise<void> {
  const { name, policy } = destination;
  const others = othersThan(destination, node);
  if (policy === 'required' && others.length === 0) {
    throw new ProgramError('settings', `cannot suspend ${name}: nobody else would have the files`, {
      detail: 'archive_command never succeeds without a durable copy outside pg_wal.',
      hint: `Add another required destination, or a fallback for ${name}. To let PostgreSQL keep the WAL: twowarm archiving hold`,
    });
  }
  if (!suspend(node.settings.home, node.identity.nodeId, name, new Date().toISOString()))
    return voice.answer(`${name} is suspended already\n`);
  const obstacles = obstaclesAt(node);
  const success = obstacles.length === 0 ? 'archive_command succeeds without it; ' : '';
  const consequence = {
    required: `${success}the files go to ${others.join(', ')}, and each is owed to ${name}`,
    fallback: 'it stands in for nobody',
    'best-effort': `each file is owed to ${name}`,
  };
  voice.answer(`${name} is suspended: ${consequence[policy]}\n`);
  if (policy === 'best-effort' || obstacles.length === 0) return;
  await voice.report('WARNING', {
    message: `archive_command fails from now on: ${obstacles.join('; ')}`,
    hint: `PostgreSQL keeps the WAL until then. To let ${name} have files again: twowarm destination resume ${name}`,
  });
}

/** An `unsafe-state` error where the node's marker cannot be trusted. */
const circumstancesOf = (settings: Settings): Circumstances => ({
  isRecovering: isRecovering(settings),
  hasOwnArchive: readOwnArchive(settings.home) !== undefined,
  nowMs: Date.now(),
});

/** Why archive_command fails on this node now, as far as is known; where the server recovers it is not called. */
function obstaclesAt({ settings, identity }: ThisNode): string[] {
  const { isRecovering, hasOwnArchive, nowMs } = circumstancesOf(settings);
  if (isRecovering) return [];
  const place = { ...identity, segmentSize: readSegmentSize(settings.dataDirectory) };
  return obstaclesOf(readDestinationStatus(settings, place), hasOwnArchive, nowMs);
}

function resumeOne({ name }: Destination, node: ThisNode, { voice }: ProgramCall): void {
  const ledger = ledgerOf(name, node);
  ledger.takeUpAgain();
  const was = resume(node.settings.home, name);
  const { count, first, last } = ledger.debt();
  const span = count === 1 ? `${first!}` : `${count} files, ${first} to ${last}`;
  const owed =
    count === 0
      ? 'nothing is owed to it'
      : `it is owed ${span}, which the next calls of archiveWALFile, or twowarm relay, bring`;
  voice.answer(was ? `${name} has files again; ${owed}\n` : `${name} was not suspended; ${owed}\n`);
}

async function list({ settings, identity }: ThisNode, call: ProgramCall): Promise<number> {
  const place = { ...identity, segmentSize: readSegmentSize(settings.dataDirectory) };
  const circumstances = circumstancesOf(settings);
  const { isRecovering: relays } = circumstances;
  const lags = relays ? await readLags(settings, identity, place, call.stop) : undefined;
  const all = readDestinationStatus(settings, place).map((each) => ({
    ...each,
    lag: lags?.get(each.name) ?? null,
  }));
  const findings = findingsOf(all, circumstances);
  const status = worstOf(findings);
  if (call.options['json'] === true) {
    call.voice.answer(`${JSON.stringify({ status, findings, destinations: all })}\n`);
  } else {
    const count = all.length === 1 ? '1 destination' : `${all.length} destinations`;
    const fine = all.length === 0 ? 'no destination is configured' : `${count}, and nothing is owed`;
    const lines = [...describeFindings(findings, fine), ...all.flatMap(describeDestination)];
    call.voice.answer(`${lines.map(printable).join('\n')}\n`);
  }
  return monitoringCodes[status];
}

async function warnOfShared({ settings, identity }: ThisNode, { voice }: ProgramCall): Promise<void> {
  for (const { archive, names } of sharedArchives(settings.destinations, identity))
    await voice.report('WARNING', {
      message: `${names.join(' and ')} are one archive under several names`,
      detail: `Each of them is the archive ${archive}: a file that all of them have is there once.`,
      hint: 'Give each destination a directory of its own.',
    });
}

async function run(call: ProgramCall): Promise<number> {
  const [verb, name] = call.positionals;
  const node = await openThisNode(call);
  if (verb === 'list') {
    if (name !== undefined) throw new ProgramError('usage', `too many arguments, the first is "${name}"`);
    const code = await list(node, call);
    await warnOfShared(node, call);
    return code;
  }
  if (call.options['json'] === true) throw new ProgramError('usage', `--json is for list, not for ${verb!}`);
  const destination = requireDestination(name, node);
  if (verb === 'suspend') await suspendOne(destination, node, call);
  else resumeOne(destination, node, call);
  return 0;
}

export const command: Command = {
  name: 'twowarm destination',
  summary: 'Shows how each destination stands; suspends one that is gone, and resumes it.',
  positionals: [
    {
      name: 'VERB',
      summary:
        'list: policy, state, debts, what is still to be carried, last success and failure. suspend: archive_command succeeds without it, as long as somebody else has each file; what it misses is owed. resume: it has files again, and gets what it is owed.',
      required: true,
      choices: verbs,
    },
    {
      name: 'NAME',
      summary: 'The destination, as in [destination.NAME]; for suspend and resume.',
      required: false,
      completes: 'destination',
    },
  ],
  options: [...commonOptions, { name: 'json', summary: 'With list: print JSON.' }],
  exitStatus: monitoringStatus('list'),
  exitKinds: ['settings', 'unsafe-state'],
  exitCodeOfFault: (call, exitCode) =>
    call.positionals.includes('list') ? monitoringCodes.UNKNOWN : exitCode,
  run,
};
