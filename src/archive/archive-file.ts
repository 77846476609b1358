// archive_command: one finished file from pg_wal to every destination. Zero means that the file is durable at each of
// them; whatever prevents that is thrown.
import { basename, resolve } from 'node:path';
import type { ThisNode } from '../postgres/this-node.ts';
import { readArchivingState } from '../program/archiving-state.ts';
import type { Voice } from '../program/command.ts';
import { ProgramError } from '../program/program-error.ts';
import { sweepUnfinished } from '../transport/unfinished.ts';
import { parseWalFileName, type WalFileName } from '../wal/filename.ts';
import { storeEverywhere } from './destinations.ts';
import { requireFinished } from './finished.ts';
import { deliverGaps, discardFile } from './gaps.ts';
import { requiredDestinations } from './own-destination.ts';

/** %p and %f, as PostgreSQL gives them. */
export interface Request {
  path: string;
  fileName: string;
  workingDirectory: string;
  dryRun: boolean;
}

/** The name of the file to archive, checked against its path. */
export function requireName({ path, fileName }: Request): WalFileName {
  const name = parseWalFileName(fileName);
  if (name === undefined) {
    const swapped = parseWalFileName(path) !== undefined && basename(fileName) === path;
    throw new ProgramError(
      'invalid-name',
      `"${fileName}" is not the name of a file that PostgreSQL archives`,
      {
        hint: swapped ? 'Are %p and %f swapped? The order is %p %f.' : undefined,
      },
    );
  }
  if (basename(path) !== fileName) {
    throw new ProgramError('invalid-name', `the path "${path}" does not end in the file name "${fileName}"`, {
      hint: 'The arguments are %p and %f, in this order.',
    });
  }
  return name;
}

/** Archives one file as the archiving state says. */
export async function archiveFile(
  request: Request,
  node: ThisNode,
  voice: Voice,
  stop: AbortSignal,
): Promise<void> {
  const name = requireName(request);
  const source = resolve(request.workingDirectory, request.path);
  requireFinished(name, source, node.settings.dataDirectory);
  const state = readArchivingState(node.settings.home);
  if (state === 'hold') {
    throw new ProgramError('archiving-on-hold', `did not archive ${name.name}: archiving is on hold`, {
      hint: 'PostgreSQL keeps the WAL and tries again. To go on: twowarm archiving on',
    });
  }
  if (state === 'discard') return discardFile(name.name, request.dryRun, node, voice, stop);
  const destinations = await requiredDestinations(node, stop);
  if (destinations.length === 0) {
    throw new ProgramError('settings', `could not archive ${name.name}: no destination is configured`, {
      hint: `Add a [destination.<name>] with its url to ${node.settings.configurationFile}.`,
    });
  }
  // A gap that one destination cannot be told of must not keep the others from having the file.
  let gapFault: Error | undefined;
  if (!request.dryRun) {
    await sweepUnfinished(node.identity.stateDirectory, node.identity.nodeId, stop);
    gapFault = (await deliverGaps(node, stop).catch((error: Error) => error)) as Error | undefined;
  }
  await storeEverywhere({ name, source, dryRun: request.dryRun }, destinations, node, voice, stop);
  if (gapFault !== undefined) throw gapFault;
}
