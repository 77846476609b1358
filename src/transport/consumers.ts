// The registry of an archive's consumers: .twowarm/consumers/<id>, one file each, replaced whole by its consumer and read
// by everybody who wants to prune. What a record says is consumer-record.ts.
import { join } from 'node:path';
import { fromSystemError, ProgramError } from '../program/program-error.ts';
import { readText, stat, unlessMissing } from '../program/system-calls.ts';
import {
  consumerText,
  isConsumerId,
  isFresh,
  parseConsumer,
  recordOf,
  type Consumer,
  type Need,
} from './consumer-record.ts';
import { recordNames, removeRecord, replaceRecord } from './record-file.ts';

/** `not-an-archive`: the directory has no .twowarm/owner, so that nobody prunes it by a registry. */
export type Registration = 'registered' | 'unchanged' | 'not-an-archive';

/** A record that cannot be understood, and why. */
export interface Unreadable {
  id: string;
  fault: unknown;
}

export const isReadable = (consumer: Consumer | Unreadable): consumer is Consumer => !('fault' in consumer);

const directoryIn = (archive: string): string => join(archive, '.twowarm', 'consumers');

function pathOf(archive: string, id: string): string {
  if (isConsumerId(id)) return join(directoryIn(archive), id);
  throw new ProgramError('invalid-name', `"${id}" is not the name of a consumer`);
}

/** The record as it is; undefined when there is none. */
async function readOne(archive: string, id: string): Promise<Consumer | undefined> {
  const path = join(directoryIn(archive), id);
  const text = await unlessMissing(readText(path, 'utf8')).catch((error: unknown) => {
    throw fromSystemError(error, `could not read ${path}`);
  });
  return text === undefined ? undefined : parseConsumer(id, path, text);
}

/**
 * Puts what a consumer needs on record, durably, unless the same is there and young. A record of its own that is damaged
 * is replaced, as one that needs everything where the need is not known. Fails with the error of the system.
 */
export async function registerConsumer(archive: string, need: Need): Promise<Registration> {
  const path = pathOf(archive, need.id);
  if ((await unlessMissing(stat(join(archive, '.twowarm', 'owner')))) === undefined) return 'not-an-archive';
  const before = await readOne(archive, need.id).catch((error: unknown) => {
    if (error instanceof ProgramError && error.kind === 'unsafe-state') return undefined;
    throw error;
  });
  const record = recordOf(before, need, new Date());
  if (before !== undefined && isFresh(before, record)) return 'unchanged';
  // For what a call left unfinished that was killed here.
  await recordNames(directoryIn(archive), need.node);
  await replaceRecord(path, consumerText(record), need.node);
  return 'registered';
}

/** Every consumer of an archive, also those whose record cannot be understood. */
export async function listConsumers(archive: string, nodeId: string): Promise<(Consumer | Unreadable)[]> {
  const directory = directoryIn(archive);
  const names = await recordNames(directory, nodeId).catch((error: unknown) => {
    throw fromSystemError(error, `could not read ${directory}`);
  });
  const read = async (id: string): Promise<Consumer | Unreadable | undefined> =>
    readOne(archive, id).catch((fault: unknown) => ({ id, fault }));
  const all = await Promise.all(names.map(read));
  // One that is gone was removed since its name was read.
  return all.filter((consumer) => consumer !== undefined);
}

/** The same for one who prunes: throws where a record cannot be understood, for then nothing may go. */
export async function readConsumers(archive: string, nodeId: string): Promise<Consumer[]> {
  return (await listConsumers(archive, nodeId)).map((consumer) => {
    if (isReadable(consumer)) return consumer;
    throw consumer.fault;
  });
}

/** Takes a consumer off the registry, durably. Only a person does this: see twowarm consumers. */
export async function removeConsumer(archive: string, id: string): Promise<'removed' | 'missing'> {
  const path = pathOf(archive, id);
  return removeRecord(path).catch((error: unknown) => {
    throw fromSystemError(error, `could not remove ${path}`);
  });
}
